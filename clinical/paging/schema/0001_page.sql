-- Pages. The whole page is in state (JSON); the columns beside it are what queries need. wake_at is when the clock must look again.
CREATE TABLE paging_page (
    id           TEXT NOT NULL PRIMARY KEY,
    room         TEXT NOT NULL,
    status       TEXT NOT NULL,
    from_user    TEXT NOT NULL,
    txn          TEXT NOT NULL,
    current_user_id TEXT NOT NULL,
    raised_at    BIGINT NOT NULL,
    wake_at      BIGINT NOT NULL,
    told_pos     BIGINT NOT NULL,
    state        BYTEA NOT NULL
);
CREATE UNIQUE INDEX paging_page_txn ON paging_page (from_user, txn);
CREATE INDEX paging_page_wake ON paging_page (status, wake_at);
CREATE INDEX paging_page_holder ON paging_page (current_user_id, status);
CREATE INDEX paging_page_sent ON paging_page (from_user, raised_at);
-- The room events that tell of a page: they may not be edited or removed.
CREATE TABLE paging_event (
    event TEXT NOT NULL PRIMARY KEY,
    page  TEXT NOT NULL
);
