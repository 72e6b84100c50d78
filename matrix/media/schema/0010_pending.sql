-- Names that were given out before the file is there. They end at expires_at.
CREATE TABLE media_pending (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX media_pending_by_owner ON media_pending (owner, expires_at);
CREATE INDEX media_pending_expires ON media_pending (expires_at);
