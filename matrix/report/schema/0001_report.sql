-- What people have told the administrators about a room, something that was said in it, or somebody.
CREATE TABLE report_report (
  id BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  reporter TEXT NOT NULL,
  room TEXT NOT NULL,
  event TEXT NOT NULL,
  about TEXT NOT NULL,
  reason TEXT NOT NULL,
  score BIGINT NOT NULL
);
