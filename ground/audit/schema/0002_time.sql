-- Exports read the entries of a time.
CREATE INDEX audit_by_time ON audit_entry (at);
