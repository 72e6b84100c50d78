-- Messages that wait for one device, in the order in which they came. A message stays until the device's next request proves that it
-- has it.
CREATE TABLE inbox_message (
  member TEXT NOT NULL,
  device TEXT NOT NULL,
  pos BIGINT NOT NULL,
  sender TEXT NOT NULL,
  type TEXT NOT NULL,
  content BYTEA NOT NULL,
  PRIMARY KEY (member, device, pos)
);
-- Which requests of which device were done, so that a repeated one does nothing.
CREATE TABLE inbox_sent (
  sender TEXT NOT NULL,
  device TEXT NOT NULL,
  txn TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (sender, device, txn)
);
CREATE INDEX inbox_sent_by_time ON inbox_sent (at);
