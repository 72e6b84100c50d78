-- Tests that somebody has sent to a number of theirs, or of a post whose rota they keep, and what became of each.
CREATE TABLE reach_number_test (
    id         TEXT NOT NULL PRIMARY KEY,
    owner      TEXT NOT NULL,
    way        TEXT NOT NULL,
    sent_by    TEXT NOT NULL,
    sent_at    BIGINT NOT NULL,
    state      TEXT NOT NULL,
    why        TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX reach_number_test_of ON reach_number_test (owner, way, sent_at);
CREATE INDEX reach_number_test_by ON reach_number_test (sent_by, sent_at);
