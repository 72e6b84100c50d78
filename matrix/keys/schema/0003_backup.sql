-- Backups of message keys, encrypted by their owner. A deleted one leaves its row, so that deleting again is no error and its version
-- is never used again. etag changes with every change of its keys; keys counts them.
CREATE TABLE keys_backup (
  member TEXT NOT NULL,
  version BIGINT NOT NULL,
  algorithm TEXT NOT NULL,
  auth BYTEA NOT NULL,
  etag BIGINT NOT NULL,
  keys BIGINT NOT NULL,
  deleted BOOLEAN NOT NULL,
  PRIMARY KEY (member, version)
);
CREATE TABLE keys_backup_key (
  member TEXT NOT NULL,
  version BIGINT NOT NULL,
  room TEXT NOT NULL,
  session TEXT NOT NULL,
  first_index BIGINT NOT NULL,
  forwarded BIGINT NOT NULL,
  verified BOOLEAN NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (member, version, room, session)
);
