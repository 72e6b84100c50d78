-- What people say of themselves, and until when. Begins empty.
CREATE TABLE status_status (
    member   TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,
    words    TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    set_at   BIGINT NOT NULL
);
CREATE INDEX status_ends ON status_status (until_at);
