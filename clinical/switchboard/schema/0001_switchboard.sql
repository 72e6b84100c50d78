-- Telephone calls that operators made about a page, and what came of each. Begins empty.
CREATE TABLE switchboard_spoke (
    id      TEXT NOT NULL PRIMARY KEY,
    page    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    by_user TEXT NOT NULL,
    txn     TEXT NOT NULL,
    user_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    note    TEXT NOT NULL,
    UNIQUE (by_user, txn)
);
CREATE INDEX switchboard_spoke_page ON switchboard_spoke (page, at);
