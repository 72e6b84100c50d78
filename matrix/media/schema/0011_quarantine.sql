-- Files that administrators have taken out of sight. They stay on the disk, for whoever must look into it.
CREATE TABLE media_quarantine (
  id TEXT PRIMARY KEY,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
