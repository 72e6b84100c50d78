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
func PostgresSchema(ctx context.Context, source, name string, create bool) error {
	text := "CREATE SCHEMA " + name
	if !create {
		text = "DROP SCHEMA IF EXISTS " + name + " CASCADE"
	}
	return onSchemas(ctx, source, text, name)
}

// CopyPostgresSchema makes a schema with the tables, indexes and committed rows of another, as a crash at this instant would leave them;
// for tests. Writers of the other do not wait for it.
func CopyPostgresSchema(ctx context.Context, source, from, to string) error {
	return onSchemas(ctx, source, `DO $$ DECLARE t name; BEGIN
		CREATE SCHEMA `+to+`;
		FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '`+from+`' LOOP
			EXECUTE format('CREATE TABLE `+to+`.%I (LIKE `+from+`.%I INCLUDING ALL); INSERT INTO `+to+`.%I SELECT * FROM `+from+`.%I', t, t, t, t);
		END LOOP; END $$`, from, to)
}

// onSchemas runs a text that names schemas, in a transaction that sees one instant.
func onSchemas(ctx context.Context, source, text string, names ...string) (err error) {
	for _, n := range names {
		if !schemaName.MatchString(n) {
			return fmt.Errorf("schema name %q: want lower-case letters, digits and underscores", n)
		}
	}
	pool, err := sql.Open("pgx", source)
	if err != nil {
		return fmt.Errorf("open postgres: %w", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
