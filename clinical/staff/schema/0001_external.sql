-- What another directory calls the people and teams that it keeps here. login is the user name that it gives them; gone is set once it has deleted them there.
CREATE TABLE staff_external (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    external TEXT NOT NULL,
    login    TEXT NOT NULL,
    gone     BOOLEAN NOT NULL,
    PRIMARY KEY (kind, id)
);
