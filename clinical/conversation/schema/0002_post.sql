-- The room in which the server tells somebody about their duties, and the rooms in which people write to a post instead of a person.
CREATE TABLE conversation_notice (
    user_id TEXT NOT NULL PRIMARY KEY,
    room    TEXT NOT NULL
);
CREATE TABLE conversation_post (
    post    TEXT NOT NULL,
    asker   TEXT NOT NULL,
    room    TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (post, asker)
);
CREATE INDEX conversation_post_used ON conversation_post (post, used_at);
