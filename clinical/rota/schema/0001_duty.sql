-- Duties: instants in milliseconds since 1970 UTC; until_at is the first instant after the duty.
CREATE TABLE rota_duty (
    id       TEXT NOT NULL PRIMARY KEY,
    post     TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);
CREATE INDEX rota_duty_post ON rota_duty (post, until_at);
CREATE INDEX rota_duty_user ON rota_duty (user_id, until_at);
