-- Apps that have registered themselves. id is made of what they say they are, so the same app is one row, however many phones it is on.
CREATE TABLE oauth_client (
  id TEXT PRIMARY KEY,
  metadata BYTEA NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX oauth_client_used ON oauth_client (used_at);
-- Somebody's word that an app may act for them, until the app fetches its tokens. used_at tells a second try with the same code.
CREATE TABLE oauth_code (
  hash BYTEA PRIMARY KEY,
  client TEXT NOT NULL,
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  scope TEXT NOT NULL,
  redirect TEXT NOT NULL,
  challenge TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX oauth_code_age ON oauth_code (made_at);
-- Apps without a browser, which wait while somebody types a code elsewhere. state is waiting, allowed or denied.
CREATE TABLE oauth_device (
  hash BYTEA PRIMARY KEY,
  user_code TEXT NOT NULL UNIQUE,
  client TEXT NOT NULL,
  device TEXT NOT NULL,
  scope TEXT NOT NULL,
  state TEXT NOT NULL,
  member TEXT NOT NULL,
  made_at BIGINT NOT NULL
);
CREATE INDEX oauth_device_age ON oauth_device (made_at);
