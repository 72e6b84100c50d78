-- Teams that can be called, the calls, which page belongs to which call, and the events that tell of one. Begin empty.
CREATE TABLE emergency_team (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    seats      BYTEA NOT NULL,
    changed_at BIGINT NOT NULL
);
-- The whole call is in state (JSON); the columns beside it are what queries need.
CREATE TABLE emergency_call (
    id        TEXT NOT NULL PRIMARY KEY,
    room      TEXT NOT NULL,
    team      TEXT NOT NULL,
    status    TEXT NOT NULL,
    drill     BOOLEAN NOT NULL,
    from_user TEXT NOT NULL,
    txn       TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    remind_at BIGINT NOT NULL,
    state     BYTEA NOT NULL,
    UNIQUE (from_user, txn)
);
CREATE INDEX emergency_call_raised ON emergency_call (status, raised_at);
CREATE INDEX emergency_call_remind ON emergency_call (status, remind_at);
CREATE INDEX emergency_call_all ON emergency_call (raised_at);
CREATE TABLE emergency_page (
    page TEXT NOT NULL PRIMARY KEY,
    call TEXT NOT NULL
);
-- They may not be edited or removed.
CREATE TABLE emergency_event (
    event TEXT NOT NULL PRIMARY KEY,
    call  TEXT NOT NULL
);
