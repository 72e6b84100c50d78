-- Systems that may raise pages. Only the hash of a token is kept.
CREATE TABLE inbound_source (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    token      TEXT NOT NULL,
    per_minute BIGINT NOT NULL,
    made_at    BIGINT NOT NULL,
    made_by    TEXT NOT NULL,
    used_at    BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX inbound_source_token ON inbound_source (token);
-- The rules by which messages become pages, by version; the newest counts.
CREATE TABLE inbound_rules (
    version BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    rules   BYTEA NOT NULL
);
-- What has come in: the source's own name for it, the page it became, and the resource as it came, for those who ask for it again.
CREATE TABLE inbound_message (
    source TEXT NOT NULL,
    ref    TEXT NOT NULL,
    id     TEXT NOT NULL,
    page   TEXT NOT NULL,
    rule   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    body   BYTEA NOT NULL,
    PRIMARY KEY (source, ref)
);
CREATE UNIQUE INDEX inbound_message_id ON inbound_message (id);
