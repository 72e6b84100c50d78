-- Who is called by an open page: several people may be, beside the first one whom the page's own row names.
CREATE TABLE paging_called (
    page    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    post    TEXT NOT NULL,
    PRIMARY KEY (page, user_id)
);
CREATE INDEX paging_called_user ON paging_called (user_id);
CREATE INDEX paging_called_post ON paging_called (post);
INSERT INTO paging_called (page, user_id, post) SELECT id, current_user_id, '' FROM paging_page WHERE status = 'open';
-- Since when the rung's time runs. One that lies ahead shows that the clock was set back.
ALTER TABLE paging_page ADD COLUMN since_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX paging_page_since ON paging_page (status, since_at);
-- What a trust says of pages to a post, by version; the newest counts, and none is ever taken away.
CREATE TABLE paging_policy (
    post    TEXT NOT NULL,
    urgency TEXT NOT NULL,
    version BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    note    TEXT NOT NULL,
    rules   BYTEA NOT NULL,
    PRIMARY KEY (post, urgency, version)
);
