-- Numbers and addresses at which somebody, or a post, is reached outside the app. They are nobody else's business.
CREATE TABLE reach_contact (
    owner      TEXT NOT NULL,
    way        TEXT NOT NULL,
    address    TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, way)
);
-- What is to be sent out of an open page: to whom, in which way and when. One row for each way while one holder has the page.
CREATE TABLE reach_try (
    id         TEXT NOT NULL PRIMARY KEY,
    page       TEXT NOT NULL,
    since      BIGINT NOT NULL,
    holder     TEXT NOT NULL,
    way        TEXT NOT NULL,
    state      TEXT NOT NULL,
    next_at    BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    name       TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX reach_try_once ON reach_try (page, since, holder, way);
CREATE INDEX reach_try_due ON reach_try (way, state, next_at);
