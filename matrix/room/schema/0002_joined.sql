-- Since when somebody is in a room, through changes of name and picture; rows of before count as since the beginning. Adding a column
-- with a constant rewrites no row in either engine, however many there are.
ALTER TABLE room_membership ADD COLUMN joined_pos BIGINT NOT NULL DEFAULT 0;
