-- Keys of devices for end-to-end encryption, as the devices published them.
CREATE TABLE keys_device (
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  keys BYTEA NOT NULL,
  pos BIGINT NOT NULL,
  PRIMARY KEY (member, device)
);
CREATE INDEX keys_device_by_pos ON keys_device (pos);
CREATE TABLE keys_one_time (
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  name TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  key BYTEA NOT NULL,
  fallback BOOLEAN NOT NULL,
  used BOOLEAN NOT NULL,
  PRIMARY KEY (member, device, name, fallback)
);
