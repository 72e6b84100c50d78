-- Events that people want sent later. due_at is when, scheduled_at when the clock began; finalised_at is 0 while it runs. event_id says
-- that the event was sent, error why it was not. txn is the request that scheduled it, so that a repeated one schedules nothing.
CREATE TABLE delay_event (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  device TEXT NOT NULL,
  txn TEXT,
  room TEXT NOT NULL,
  type TEXT NOT NULL,
  state_key TEXT,
  content BYTEA NOT NULL,
  delay_ms BIGINT NOT NULL,
  scheduled_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  finalised_at BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  error BYTEA
);
CREATE INDEX delay_event_due ON delay_event (due_at) WHERE finalised_at = 0;
CREATE INDEX delay_event_by_owner ON delay_event (owner, finalised_at);
CREATE INDEX delay_event_finalised ON delay_event (finalised_at) WHERE finalised_at > 0;
CREATE UNIQUE INDEX delay_event_by_txn ON delay_event (owner, device, txn) WHERE txn IS NOT NULL;
