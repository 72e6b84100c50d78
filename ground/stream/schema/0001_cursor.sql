-- How far each consumer has read the trust's one stream of positions.
CREATE TABLE stream_cursor (name TEXT PRIMARY KEY, pos BIGINT NOT NULL);
