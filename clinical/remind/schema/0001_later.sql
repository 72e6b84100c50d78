-- What one person wants at a later time: a message again, or to hear of a conversation again. Begins empty.
CREATE TABLE remind_later (
    member  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    room    TEXT NOT NULL,
    event   TEXT NOT NULL,
    due_at  BIGINT NOT NULL,
    state   TEXT NOT NULL,
    tries   BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    PRIMARY KEY (member, kind, room, event)
);
CREATE INDEX remind_next ON remind_later (state, next_at);
