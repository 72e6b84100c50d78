-- Which room an event is in that has words in the index. The index is made anew, because what is in it has no places.
CREATE TABLE search_index_place (
  pos BIGINT PRIMARY KEY,
  room BIGINT NOT NULL
);
DELETE FROM search_index_cursor;
