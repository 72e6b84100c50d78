-- Measures read the pages of a time.
CREATE INDEX paging_page_raised ON paging_page (raised_at, id);
