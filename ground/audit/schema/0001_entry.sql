-- The audit: one row an act, chained by hash. Nothing updates or deletes a row.
CREATE TABLE audit_entry (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail BYTEA NOT NULL,
  hash BYTEA NOT NULL
);
CREATE INDEX audit_by_object ON audit_entry (object, seq);
