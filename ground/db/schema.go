package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// PostgresSchema makes (or drops, with everything in it) a schema of a PostgreSQL database, for tests that want an empty one.
func PostgresSchema(ctx context.Context, source, name string, create bool) (err error) {
	if !schemaName.MatchString(name) {
		return fmt.Errorf("schema name %q: want lower-case letters, digits and underscores", name)
	}
	pool, err := sql.Open("pgx", source)
	if err != nil {
		return fmt.Errorf("open postgres: %w", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	text := "CREATE SCHEMA " + name
	if !create {
		text = "DROP SCHEMA IF EXISTS " + name + " CASCADE"
	}
	_, err = pool.ExecContext(ctx, text)
	return err
}
