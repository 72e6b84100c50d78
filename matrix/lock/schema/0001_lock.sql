-- The short code that opens one device after a pause. tries counts those that failed since the last that did not; locked_at is since
-- when the device is locked, 0 for not.
CREATE TABLE lock_code (
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  salt BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  tries BIGINT NOT NULL,
  locked_at BIGINT NOT NULL,
  set_at BIGINT NOT NULL,
  PRIMARY KEY (member, device)
);
