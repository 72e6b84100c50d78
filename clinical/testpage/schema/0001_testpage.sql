-- What a trust says of its test page, by version; the newest counts, and none is ever taken away.
CREATE TABLE testpage_rules (
    version BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    note    TEXT NOT NULL,
    rules   BYTEA NOT NULL
);
-- Runs. A day has one slot, so it cannot have two of the clock's; one that a wrong clock began gives its slot back.
CREATE TABLE testpage_run (
    id         TEXT NOT NULL PRIMARY KEY,
    slot       TEXT NOT NULL,
    day        TEXT NOT NULL,
    kind       TEXT NOT NULL,
    by_user    TEXT NOT NULL,
    planned_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    minutes    BIGINT NOT NULL,
    ways       TEXT NOT NULL,
    state      TEXT NOT NULL
);
CREATE UNIQUE INDEX testpage_run_slot ON testpage_run (slot);
CREATE INDEX testpage_run_started ON testpage_run (started_at);
CREATE INDEX testpage_run_planned ON testpage_run (kind, planned_at);
CREATE INDEX testpage_run_state ON testpage_run (state, started_at);
-- The test of one post in one run.
CREATE TABLE testpage_test (
    id          TEXT NOT NULL PRIMARY KEY,
    run         TEXT NOT NULL,
    post        TEXT NOT NULL,
    name        TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    user_name   TEXT NOT NULL,
    state       TEXT NOT NULL,
    why         TEXT NOT NULL,
    told_at     BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    shown_until BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL,
    answered_at BIGINT NOT NULL,
    moved       BIGINT NOT NULL,
    phone_at    BIGINT NOT NULL,
    phone_by    TEXT NOT NULL,
    phone_note  TEXT NOT NULL
);
CREATE UNIQUE INDEX testpage_test_once ON testpage_test (run, post);
CREATE INDEX testpage_test_due ON testpage_test (state, due_at);
CREATE INDEX testpage_test_at ON testpage_test (post, state);
CREATE INDEX testpage_test_user ON testpage_test (user_id, shown_until);
CREATE INDEX testpage_test_shown ON testpage_test (shown_until);
CREATE INDEX testpage_test_ended ON testpage_test (ended_at);
-- In which ways somebody was told: the app and Web Push once for all their posts in a run, a carrier once for each test.
CREATE TABLE testpage_way (
    id        TEXT NOT NULL PRIMARY KEY,
    run       TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    test      TEXT NOT NULL,
    way       TEXT NOT NULL,
    state     TEXT NOT NULL,
    next_at   BIGINT NOT NULL,
    attempts  BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    device_at BIGINT NOT NULL,
    note      TEXT NOT NULL
);
CREATE UNIQUE INDEX testpage_way_once ON testpage_way (run, user_id, test, way);
CREATE INDEX testpage_way_due ON testpage_way (way, state, next_at);
