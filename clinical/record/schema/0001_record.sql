-- Decisions, and their way into the record. A bundle holds what will be filed, byte for byte, and stays as proof of what was.
CREATE TABLE record_decision (
    id      TEXT NOT NULL PRIMARY KEY,
    room    TEXT NOT NULL,
    event   TEXT NOT NULL,
    notice  TEXT NOT NULL,
    state   BYTEA NOT NULL
);
CREATE UNIQUE INDEX record_decision_event ON record_decision (room, event);
CREATE TABLE record_filing (
    decision  TEXT NOT NULL PRIMARY KEY,
    status    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    record_id TEXT NOT NULL,
    reason    TEXT NOT NULL,
    attempts  BIGINT NOT NULL,
    next_at   BIGINT NOT NULL,
    bundle    BYTEA NOT NULL
);
CREATE INDEX record_filing_next ON record_filing (status, next_at);
-- The room events that tell of decisions and filings, and the decided messages themselves: none may be edited or removed.
CREATE TABLE record_event (
    event    TEXT NOT NULL PRIMARY KEY,
    decision TEXT NOT NULL
);
