-- A file may come in several requests: how large it will be, and what it is called, are said with the first. 0 for a name whose file has
-- not begun to come.
ALTER TABLE media_pending ADD COLUMN total_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE media_pending ADD COLUMN declared TEXT NOT NULL DEFAULT '';
ALTER TABLE media_pending ADD COLUMN name TEXT NOT NULL DEFAULT '';
