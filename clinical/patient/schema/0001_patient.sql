-- The patients that are here. Alerts and needs are lists, one a line.
CREATE TABLE patient_patient (
    id         TEXT NOT NULL PRIMARY KEY,
    nhs_number TEXT NOT NULL,
    traced     BOOLEAN NOT NULL,
    family     TEXT NOT NULL,
    given      TEXT NOT NULL,
    title      TEXT NOT NULL,
    born       TEXT NOT NULL,
    ward       TEXT NOT NULL,
    bed        TEXT NOT NULL,
    plate      TEXT NOT NULL,
    hospital   TEXT NOT NULL,
    consultant TEXT NOT NULL,
    alerts     TEXT NOT NULL,
    needs      TEXT NOT NULL,
    room       TEXT NOT NULL
);
CREATE INDEX patient_patient_nhs ON patient_patient (nhs_number);
CREATE TABLE patient_version (
    id BIGINT NOT NULL PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO patient_version (id, n) VALUES (0, 0);
