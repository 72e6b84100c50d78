-- Rotas that another system keeps. until_at of ok_at: when it was last read to its end; told_at: when somebody was last told that it stopped.
CREATE TABLE rota_feed (
    id       TEXT NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    url      TEXT NOT NULL,
    post     TEXT NOT NULL,
    stale_ms BIGINT NOT NULL,
    ok_at    BIGINT NOT NULL,
    tried_at BIGINT NOT NULL,
    told_at  BIGINT NOT NULL,
    report   BYTEA NOT NULL
);
