-- Words of events, by position. tag holds the room and the key that the words are from. There is no second copy of the text, and no
-- note of where in it a word stands.
CREATE VIRTUAL TABLE IF NOT EXISTS search_index_words USING fts5(words, tag, content='', contentless_delete=1, detail=column, tokenize='ascii tokenchars ''_''');
