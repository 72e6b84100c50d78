-- When an issuer made its word of logout, by its own clock: a sign-in that it made later is not overtaken by it.
ALTER TABLE sso_logout ADD COLUMN issued_at BIGINT NOT NULL DEFAULT 0;
