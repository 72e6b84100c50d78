-- Patterns that rotas are filled from, requests to swap or cover, and links to calendars. Small tables: every change here is quick.
-- The whole pattern is in body (JSON).
CREATE TABLE rota_pattern (
    id      TEXT NOT NULL PRIMARY KEY,
    post    TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    body    BYTEA NOT NULL
);
CREATE INDEX rota_pattern_by_post ON rota_pattern (post, made_at);
-- state is asked, agreed, done, refused, declined, withdrawn or lapsed; starts_at is when the first duty that it is about begins.
CREATE TABLE rota_request (
    id        TEXT NOT NULL PRIMARY KEY,
    kind      TEXT NOT NULL,
    duty      TEXT NOT NULL,
    want      TEXT NOT NULL,
    post      TEXT NOT NULL,
    by_user   TEXT NOT NULL,
    to_user   TEXT NOT NULL,
    state     TEXT NOT NULL,
    note      TEXT NOT NULL,
    made_at   BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL,
    ended_by  TEXT NOT NULL
);
CREATE INDEX rota_request_open ON rota_request (state, starts_at);
CREATE INDEX rota_request_by ON rota_request (by_user, made_at);
CREATE INDEX rota_request_to ON rota_request (to_user, made_at);
-- Links to somebody's own calendar: only the hash of the secret is kept.
CREATE TABLE rota_link (
    hash    BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX rota_link_by_user ON rota_link (user_id);
