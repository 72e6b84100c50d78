package patient

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "patient", FS: schemaFS} }

// maxPatients bounds the search index.
const maxPatients = 100_000

func scan(r db.Row) (Patient, error) {
	var p Patient
	var nhs, alerts, needs string
	err := r.Scan(&p.ID, &nhs, &p.Traced, &p.Family, &p.Given, &p.Title, &p.Born, &p.Ward, &p.Bed, &p.Plate, &p.Hospital, &p.Consult,
		&alerts, &needs, &p.Room)
	p.NHS, p.Alerts, p.Needs = NHSNumber(nhs), lines(alerts), lines(needs)
	return p, err
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

var byID = db.SQL("patient.find", `SELECT id, nhs_number, traced, family, given, title, born, ward, bed, plate, hospital, consultant,
alerts, needs, room FROM patient_patient WHERE id = $1 LIMIT 1`)

// Find returns a patient, or fault.NotFound. It writes no audit entry: a handler uses Service.Look.
func Find(ctx context.Context, q db.Querier, patient ID) (Patient, error) {
	return db.One(ctx, q, byID, scan, string(patient))
}

var all = db.SQL("patient.all", `SELECT id, nhs_number, traced, family, given, title, born, ward, bed, plate, hospital, consultant,
alerts, needs, room FROM patient_patient ORDER BY ward, bed, id LIMIT $1`)

var bump = db.SQL("patient.bump", `UPDATE patient_version SET n = n + 1 WHERE id = 0`)

var save = db.SQL("patient.save", `INSERT INTO patient_patient (id, nhs_number, traced, family, given, title, born, ward, bed, plate,
hospital, consultant, alerts, needs, room) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id) DO UPDATE SET nhs_number = excluded.nhs_number, traced = excluded.traced, family = excluded.family,
given = excluded.given, title = excluded.title, born = excluded.born, ward = excluded.ward, bed = excluded.bed, plate = excluded.plate,
hospital = excluded.hospital, consultant = excluded.consultant, alerts = excluded.alerts, needs = excluded.needs, room = excluded.room`)

// Save adds or changes a patient. A number that ParseNHSNumber would refuse is fault.Invalid; an empty one is not known.
func Save(ctx context.Context, tx *db.Tx, p Patient) error {
	if p.NHS != "" {
		n, err := ParseNHSNumber(string(p.NHS))
		if err != nil {
			return err
		}
		p.NHS = n
	}
	if _, err := tx.Exec(ctx, save, string(p.ID), string(p.NHS), p.Traced, p.Family, p.Given, p.Title, p.Born, p.Ward, p.Bed, p.Plate,
		p.Hospital, p.Consult, strings.Join(p.Alerts, "\n"), strings.Join(p.Needs, "\n"), string(p.Room)); err != nil {
		return err
	}
	return changed(ctx, tx)
}

var setRoom = db.SQL("patient.set_room", `UPDATE patient_patient SET room = $2 WHERE id = $1`)

// SetRoom says which room is about the patient.
func SetRoom(ctx context.Context, tx *db.Tx, patient ID, room id.Room) error {
	if _, err := tx.Exec(ctx, setRoom, string(patient), string(room)); err != nil {
		return err
	}
	return changed(ctx, tx)
}

func changed(ctx context.Context, tx *db.Tx) error {
	if _, err := tx.Exec(ctx, bump); err != nil {
		return fmt.Errorf("mark search index old: %w", err)
	}
	return nil
}

var byNHS = db.SQL("patient.by_nhs", `SELECT id, nhs_number, traced, family, given, title, born, ward, bed, plate, hospital, consultant,
alerts, needs, room FROM patient_patient WHERE nhs_number = $1 ORDER BY id LIMIT 2`)

// WithNHSNumber returns the one patient with a number: fault.NotFound for nobody, fault.Conflict when two have it, who must not be mixed up.
func WithNHSNumber(ctx context.Context, q db.Querier, n NHSNumber) (Patient, error) {
	list, err := db.Collect(ctx, q, byNHS, scan, string(n))
	switch {
	case err != nil:
		return Patient{}, err
	case len(list) == 0:
		return Patient{}, fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	case len(list) > 1:
		return Patient{}, fault.New(fault.Conflict, "M_CONFLICT", "Two patients have that number.")
	}
	return list[0], nil
}
