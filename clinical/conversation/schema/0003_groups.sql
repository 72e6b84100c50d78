-- What was forwarded under which transaction id; posts and teams that rooms follow, and who is in only because of that; invitation
-- links. All begin empty, whatever is there already.
CREATE TABLE conversation_forward (
    user_id TEXT NOT NULL,
    txn     TEXT NOT NULL,
    event   TEXT NOT NULL,
    PRIMARY KEY (user_id, txn)
);
CREATE TABLE conversation_follow (
    room TEXT NOT NULL,
    kind TEXT NOT NULL,
    ref  TEXT NOT NULL,
    PRIMARY KEY (room, kind, ref)
);
CREATE TABLE conversation_followed (
    room    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (room, user_id)
);
CREATE TABLE conversation_link (
    id         TEXT PRIMARY KEY,
    room       TEXT NOT NULL,
    by_user    TEXT NOT NULL,
    hash       TEXT NOT NULL UNIQUE,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    used       BIGINT NOT NULL
);
CREATE INDEX conversation_link_room ON conversation_link (room, made_at);
