-- Whose phones are told through which gateway. body is what the client has set; pos is up to where everything was pushed or needed
-- no push; failing_at is since when the gateway cannot be reached, 0 for not.
CREATE TABLE push_pusher (
  member TEXT NOT NULL,
  app TEXT NOT NULL,
  pushkey TEXT NOT NULL,
  device TEXT NOT NULL,
  body BYTEA NOT NULL,
  updated_at BIGINT NOT NULL,
  pos BIGINT NOT NULL,
  failing_at BIGINT NOT NULL,
  PRIMARY KEY (member, app, pushkey)
);
CREATE INDEX push_pusher_by_key ON push_pusher (app, pushkey);
