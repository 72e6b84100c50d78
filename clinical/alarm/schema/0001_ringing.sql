-- Which page rings for which alarm of a post. A row stays until the page is closed. Begins empty.
CREATE TABLE alarm_ringing (
    page  TEXT NOT NULL PRIMARY KEY,
    post  TEXT NOT NULL,
    alarm TEXT NOT NULL
);
CREATE INDEX alarm_ringing_post ON alarm_ringing (post);
