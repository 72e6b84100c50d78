-- Which room answered which call, and the one direct room of each pair (first < second).
CREATE TABLE conversation_txn (
    user_id TEXT NOT NULL,
    txn     TEXT NOT NULL,
    room    TEXT NOT NULL,
    PRIMARY KEY (user_id, txn)
);
CREATE TABLE conversation_direct (
    first  TEXT NOT NULL,
    second TEXT NOT NULL,
    room   TEXT NOT NULL,
    PRIMARY KEY (first, second)
);
