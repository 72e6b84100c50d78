-- What people sign in with instead of a password: the public halves of keys that their devices hold. record is the credential as the
-- library keeps it, with the counter of its uses; handle is what the keys call their owner, which says nothing of them.
CREATE TABLE passkey_key (
  id BYTEA PRIMARY KEY,
  member TEXT NOT NULL,
  name TEXT NOT NULL,
  record TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX passkey_key_by_member ON passkey_key (member);
CREATE TABLE passkey_handle (
  member TEXT PRIMARY KEY,
  handle BYTEA NOT NULL
);
CREATE UNIQUE INDEX passkey_handle_by_handle ON passkey_handle (handle);
