-- One-time keys are given out in the order in which they came.
ALTER TABLE keys_one_time ADD COLUMN pos BIGINT NOT NULL DEFAULT 0;
-- A user's own master, self_signing and user_signing key, as they were uploaded, without signatures that came later.
CREATE TABLE keys_identity (
  member TEXT NOT NULL,
  usage TEXT NOT NULL,
  public TEXT NOT NULL,
  keys BYTEA NOT NULL,
  PRIMARY KEY (member, usage)
);
-- Signatures that came later: on target, a device or a master key of member, by signer's key.
CREATE TABLE keys_signature (
  member TEXT NOT NULL,
  target TEXT NOT NULL,
  signer TEXT NOT NULL,
  key TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (member, target, signer, key)
);
CREATE INDEX keys_signature_by_signer ON keys_signature (signer, key);
-- Where in the stream a user's devices or keys changed last, for everyone who shares a room (viewer is empty) or for one viewer only.
CREATE TABLE keys_change (
  member TEXT NOT NULL,
  viewer TEXT NOT NULL,
  pos BIGINT NOT NULL,
  PRIMARY KEY (member, viewer)
);
CREATE INDEX keys_change_by_pos ON keys_change (pos);
INSERT INTO keys_change (member, viewer, pos) SELECT member, '', max(pos) FROM keys_device GROUP BY member;
