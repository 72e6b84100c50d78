-- Tables whose name begins with search_index are made from the rooms' events and made anew when they are empty; a backup leaves them
-- out. The cursor says up to which position there is an index; without a row there is none. An edited event is found by the words of
-- the edit at position shown.
CREATE TABLE search_index_cursor (
  id BIGINT PRIMARY KEY,
  pos BIGINT NOT NULL
);
CREATE TABLE search_index_edit (
  pos BIGINT PRIMARY KEY,
  shown BIGINT NOT NULL
);
CREATE INDEX search_index_edit_shown ON search_index_edit (shown);
