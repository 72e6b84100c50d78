-- How far each application service has been told what happens, and the number of its next transaction.
CREATE TABLE bridge_cursor (
  service TEXT PRIMARY KEY,
  pos BIGINT NOT NULL,
  next_txn BIGINT NOT NULL
);
-- The transaction that an application service has not acknowledged yet. It is sent again as it is until it is.
CREATE TABLE bridge_transaction (
  service TEXT PRIMARY KEY,
  id BIGINT NOT NULL,
  body BYTEA NOT NULL
);
-- Rooms that application services list in directories of their own networks.
CREATE TABLE bridge_published (
  service TEXT NOT NULL,
  network TEXT NOT NULL,
  room TEXT NOT NULL,
  PRIMARY KEY (service, network, room)
);
