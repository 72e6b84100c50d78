-- Who holds each post, as people have said it, and what was planned. A trust has some thousand posts and some million duties: the added
-- columns have constants, so that no row is rewritten, and each index is made once, in seconds.
-- status is draft or published; source says where a duty comes from ('' typed in, pattern:ID, feed:ID), ref what it is called there.
ALTER TABLE rota_duty ADD COLUMN status TEXT NOT NULL DEFAULT 'published';
ALTER TABLE rota_duty ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE rota_duty ADD COLUMN ref TEXT NOT NULL DEFAULT '';
CREATE INDEX rota_duty_by_post ON rota_duty (post, from_at);
CREATE INDEX rota_duty_by_start ON rota_duty (from_at, until_at);
CREATE INDEX rota_duty_by_user ON rota_duty (user_id, from_at);
CREATE INDEX rota_duty_by_source ON rota_duty (source, from_at);
-- One row a post that anybody has looked after: how many must hold it, whether a duty has to be taken by hand, and the state of the
-- baton (JSON). wake_at is when the clock must look again.
CREATE TABLE rota_baton (
    post    TEXT NOT NULL PRIMARY KEY,
    holders BIGINT NOT NULL,
    confirm BOOLEAN NOT NULL,
    wake_at BIGINT NOT NULL,
    state   BYTEA NOT NULL
);
CREATE INDEX rota_baton_wake ON rota_baton (wake_at);
-- Who has held what: a row begins when somebody becomes a holder, and gets its end when they cease to be. until_at is 0 while they hold.
CREATE TABLE rota_held (
    id       TEXT NOT NULL PRIMARY KEY,
    post     TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    how      TEXT NOT NULL,
    by_user  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    ended    TEXT NOT NULL
);
CREATE INDEX rota_held_by_post ON rota_held (post, from_at);
CREATE INDEX rota_held_by_user ON rota_held (user_id, from_at);
-- Alarms: a critical post without its holders, or with one who should have been relieved. closed_at is 0 while it is open.
CREATE TABLE rota_alarm (
    id        TEXT NOT NULL PRIMARY KEY,
    post      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT NOT NULL,
    ack_by    TEXT NOT NULL,
    ack_at    BIGINT NOT NULL
);
CREATE INDEX rota_alarm_open ON rota_alarm (closed_at, opened_at);
CREATE INDEX rota_alarm_by_post ON rota_alarm (post, opened_at);
-- When somebody is not there, whatever the rota says: until_at is far away for those who have left.
CREATE TABLE rota_away (
    id       TEXT NOT NULL PRIMARY KEY,
    user_id  TEXT NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    by_user  TEXT NOT NULL
);
CREATE INDEX rota_away_by_user ON rota_away (user_id, until_at);
-- Grows with each change, so that every process knows when what it holds in memory is old.
CREATE TABLE rota_version (
    id BIGINT NOT NULL PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO rota_version (id, n) VALUES (0, 0);
