-- Rooms and their events. A room has a small number (nid) so that rows stay short.
CREATE TABLE room_room (
  nid BIGINT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
-- Every event that was accepted, by its place in the trust's one stream. json is the PDU without signatures, which are
-- made when the event leaves for another server. because is the client form of the redaction that emptied the event. txn says which
-- request of which device made it, so that a repeated request makes nothing.
CREATE TABLE room_event (
  pos BIGINT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  room BIGINT NOT NULL,
  type TEXT NOT NULL,
  state_key TEXT,
  sender TEXT NOT NULL,
  relates_to TEXT,
  rel_type TEXT,
  notify BOOLEAN NOT NULL,
  replaces TEXT,
  redacted_by TEXT,
  because BYTEA,
  device TEXT,
  txn TEXT,
  json BYTEA NOT NULL
);
CREATE INDEX room_event_by_room ON room_event (room, pos);
CREATE INDEX room_event_by_parent ON room_event (relates_to, pos) WHERE relates_to IS NOT NULL;
CREATE UNIQUE INDEX room_event_by_txn ON room_event (sender, device, txn) WHERE txn IS NOT NULL;
-- State as intervals: event held (type, state_key) from from_pos until before to_pos; the open end is 9223372036854775807.
CREATE TABLE room_state (
  room BIGINT NOT NULL,
  type TEXT NOT NULL,
  state_key TEXT NOT NULL,
  from_pos BIGINT NOT NULL,
  to_pos BIGINT NOT NULL,
  PRIMARY KEY (room, type, state_key, from_pos)
);
CREATE INDEX room_state_now ON room_state (room, to_pos);
CREATE TABLE room_membership (
  member TEXT NOT NULL,
  room BIGINT NOT NULL,
  membership TEXT NOT NULL,
  pos BIGINT NOT NULL,
  by_self BOOLEAN NOT NULL,
  was_joined BOOLEAN NOT NULL,
  forgotten BOOLEAN NOT NULL,
  PRIMARY KEY (member, room)
);
-- What a redaction took away: the original bytes, for the audit only.
CREATE TABLE room_original (
  pos BIGINT PRIMARY KEY,
  json BYTEA NOT NULL
);
CREATE TABLE room_alias (
  alias TEXT PRIMARY KEY,
  room BIGINT NOT NULL,
  creator TEXT NOT NULL
);
CREATE INDEX room_alias_by_room ON room_alias (room);
CREATE TABLE room_published (room BIGINT PRIMARY KEY);
