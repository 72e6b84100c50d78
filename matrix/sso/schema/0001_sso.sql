-- Signing in by other servers. An attempt is one sign-in under way: hash is of the state that goes round, browser of the cookie that it is
-- bound to. member and session are empty until somebody has come back with it.
CREATE TABLE sso_attempt (
  hash BYTEA PRIMARY KEY,
  browser BYTEA NOT NULL,
  provider TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  door TEXT NOT NULL,
  detail TEXT NOT NULL,
  fresh BOOLEAN NOT NULL,
  made_at BIGINT NOT NULL,
  member TEXT NOT NULL,
  session TEXT NOT NULL,
  arrived_at BIGINT NOT NULL
);
CREATE INDEX sso_attempt_made ON sso_attempt (made_at);
CREATE INDEX sso_attempt_session ON sso_attempt (session);
-- Whom an issuer means by a subject. Made at the first sign-in, and never changed by a later one.
CREATE TABLE sso_link (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  member TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX sso_link_by_member ON sso_link (member, issuer);
-- A session there, and what it is called here: devices carry the id as their origin.
CREATE TABLE sso_session (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  sid TEXT NOT NULL,
  member TEXT NOT NULL,
  made_at BIGINT NOT NULL
);
CREATE INDEX sso_session_by_subject ON sso_session (issuer, subject);
CREATE INDEX sso_session_by_sid ON sso_session (issuer, sid);
CREATE INDEX sso_session_by_member ON sso_session (member);
-- Words of logout that were taken, so that none is taken twice, and none is overtaken by a sign-in that was under way.
CREATE TABLE sso_logout (
  issuer TEXT NOT NULL,
  jti TEXT NOT NULL,
  subject TEXT NOT NULL,
  sid TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (issuer, jti)
);
CREATE INDEX sso_logout_at ON sso_logout (at);
