-- What a directory says beyond a name: registration, photo, languages, where things are, who keeps which rota. Added columns have
-- constants, so that no row is rewritten. left_at is 0 for those who work here.
ALTER TABLE directory_person ADD COLUMN grade TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN registration TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN photo TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN languages TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN staff_number TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_person ADD COLUMN left_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE directory_person ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX directory_person_by_number ON directory_person (staff_number);
CREATE INDEX directory_person_by_email ON directory_person (email);
ALTER TABLE directory_ward ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_ward ADD COLUMN kind TEXT NOT NULL DEFAULT 'ward';
ALTER TABLE directory_post ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_post ADD COLUMN closed BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE directory_site (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    ods  TEXT NOT NULL
);
-- Who keeps the rotas of a service; * is all of them.
CREATE TABLE directory_keeper (
    user_id TEXT NOT NULL,
    service TEXT NOT NULL,
    PRIMARY KEY (user_id, service)
);
CREATE INDEX directory_keeper_by_service ON directory_keeper (service);
