CREATE TABLE search_index_words (
  pos BIGINT PRIMARY KEY,
  words tsvector NOT NULL
);
CREATE INDEX search_index_words_gin ON search_index_words USING gin (words);
