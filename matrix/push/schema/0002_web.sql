-- The key that this server proves itself with to the browsers' push services. One row, made once: subscriptions are bound to it.
CREATE TABLE push_key (
  id BIGINT NOT NULL PRIMARY KEY,
  secret BYTEA NOT NULL,
  made_at BIGINT NOT NULL
);
