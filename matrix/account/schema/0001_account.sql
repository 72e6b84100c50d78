-- Who may use this server, on which devices, and what they keep here.
CREATE TABLE account_user (
  id TEXT PRIMARY KEY,
  password TEXT NOT NULL,
  admin BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  deactivated_at BIGINT NOT NULL
);
CREATE TABLE account_profile (
  member TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (member, field)
);
CREATE TABLE account_device (
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (member, device)
);
-- Only hashes of tokens are kept. kind is access, refresh or login; next is the refresh token's successor once it was used.
CREATE TABLE account_token (
  hash BYTEA PRIMARY KEY,
  kind TEXT NOT NULL,
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX account_token_by_device ON account_token (member, device);
CREATE TABLE account_data (
  member TEXT NOT NULL,
  room TEXT NOT NULL,
  type TEXT NOT NULL,
  content BYTEA NOT NULL,
  pos BIGINT NOT NULL,
  PRIMARY KEY (member, room, type)
);
CREATE INDEX account_data_by_pos ON account_data (member, pos);
CREATE TABLE account_filter (
  member TEXT NOT NULL,
  id TEXT NOT NULL,
  filter BYTEA NOT NULL,
  PRIMARY KEY (member, id)
);
