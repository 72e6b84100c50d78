-- What sounded on somebody's devices. It is a statistic: rows are written in bunches, and kept for a hundred days.
CREATE TABLE measure_told (
    user_id TEXT NOT NULL,
    event   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, event)
);
CREATE INDEX measure_told_at ON measure_told (user_id, at);
CREATE INDEX measure_told_old ON measure_told (at);
