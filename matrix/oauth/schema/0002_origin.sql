-- Through which sign-in elsewhere somebody said yes: the session that an app gets ends with it. "" for none, such as a password.
ALTER TABLE oauth_code ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_device ADD COLUMN origin TEXT NOT NULL DEFAULT '';
