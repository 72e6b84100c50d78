-- Questions and requests that somebody owes an answer to, and the events that tell of them. Begin empty.
CREATE TABLE ask_ask (
    id         TEXT PRIMARY KEY,
    room       TEXT NOT NULL,
    event      TEXT NOT NULL,
    status     TEXT NOT NULL,
    from_user  TEXT NOT NULL,
    txn        TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    owner_post TEXT NOT NULL,
    due_at     BIGINT NOT NULL,
    wake_at    BIGINT NOT NULL,
    state      BYTEA NOT NULL,
    UNIQUE (from_user, txn)
);
CREATE INDEX ask_wake ON ask_ask (status, wake_at);
CREATE INDEX ask_owner ON ask_ask (owner_user, status);
CREATE INDEX ask_post ON ask_ask (owner_post, status);
CREATE TABLE ask_event (
    event TEXT PRIMARY KEY,
    ask   TEXT NOT NULL
);
