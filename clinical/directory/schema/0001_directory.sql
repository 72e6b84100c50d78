-- First tables of the directory; a trust has tens of thousands of rows at most, so every change here is quick.
CREATE TABLE directory_ward (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE directory_person (
    user_id    TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    profession TEXT NOT NULL,
    ward       TEXT NOT NULL
);
CREATE TABLE directory_post (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    service     TEXT NOT NULL,
    aliases     TEXT NOT NULL,
    critical    BOOLEAN NOT NULL,
    pageable    BOOLEAN NOT NULL,
    switchboard BOOLEAN NOT NULL
);
-- The escalation order of a post: rung 1 is asked after the post itself.
CREATE TABLE directory_rung (
    post TEXT NOT NULL,
    rung BIGINT NOT NULL,
    next TEXT NOT NULL,
    PRIMARY KEY (post, rung)
);
CREATE TABLE directory_team (
    id     TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE directory_member (
    team    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (team, user_id)
);
-- Grows with each change, so that every process knows when its search index is old.
CREATE TABLE directory_version (
    id BIGINT NOT NULL PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO directory_version (id, n) VALUES (0, 0);
