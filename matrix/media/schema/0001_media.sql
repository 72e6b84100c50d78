-- What people have uploaded. The bytes are in a file named by sha256, below the data folder; several rows may share one.
-- original is the SHA-256 of what was sent, before places and camera details were taken out.
CREATE TABLE media_file (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  original TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  declared TEXT NOT NULL,
  sniffed TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX media_file_by_sha256 ON media_file (sha256);
CREATE INDEX media_file_by_owner ON media_file (owner, created_at);
