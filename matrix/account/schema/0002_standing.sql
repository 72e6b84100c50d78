-- What an administrator may do to an account short of ending it, tokens that know what they took the place of, where a device was last
-- seen from, addresses by which people can be reached, and tokens that let somebody register. Each added column has a constant, so
-- that no row is rewritten.
ALTER TABLE account_user ADD COLUMN locked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account_user ADD COLUMN suspended_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account_user ADD COLUMN erased_pos BIGINT NOT NULL DEFAULT 0;
-- parent is the hash of the refresh token that this one came from, until this one was used; app is the OAuth client it was given to.
ALTER TABLE account_token ADD COLUMN parent BYTEA;
ALTER TABLE account_token ADD COLUMN app TEXT NOT NULL DEFAULT '';
ALTER TABLE account_device ADD COLUMN ip TEXT NOT NULL DEFAULT '';
ALTER TABLE account_device ADD COLUMN agent TEXT NOT NULL DEFAULT '';
CREATE TABLE account_contact (
  medium TEXT NOT NULL,
  address TEXT NOT NULL,
  member TEXT NOT NULL,
  validated_at BIGINT NOT NULL,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (medium, address)
);
CREATE INDEX account_contact_by_member ON account_contact (member);
-- An attempt to prove that an address is somebody's. token is the hash of what was sent there, guesses how often it was given wrongly.
CREATE TABLE account_proof (
  sid TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  secret TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  token BYTEA NOT NULL,
  guesses BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  proved_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_proof_by_address ON account_proof (address, secret);
-- Letters on their way out.
CREATE TABLE account_letter (
  id TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  tries BIGINT NOT NULL
);
CREATE INDEX account_letter_due ON account_letter (due_at);
-- Tokens that let somebody register. uses is how many may, -1 for any number; expires_at is 0 for never.
CREATE TABLE account_voucher (
  token TEXT PRIMARY KEY,
  uses BIGINT NOT NULL,
  used BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  made_at BIGINT NOT NULL
);
