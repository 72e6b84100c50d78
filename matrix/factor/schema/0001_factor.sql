-- The second step of signing in with a password. secret is sealed; step is the last that was accepted, so that no code is good twice;
-- tries counts wrong ones since tried_at. confirmed_at is 0 until the first code has shown that the app has the secret.
CREATE TABLE factor_totp (
  member TEXT PRIMARY KEY,
  secret BYTEA NOT NULL,
  step BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  tried_at BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL
);
-- Codes for who has lost the phone, each good once. Only hashes are kept.
CREATE TABLE factor_recovery (
  member TEXT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (member, hash)
);
