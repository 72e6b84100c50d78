-- Rooms that administrators have closed for good, also such as this server has never seen.
CREATE TABLE room_blocked (
  id TEXT PRIMARY KEY,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
