-- Through which sign-in elsewhere a device, or a token that is not yet a device's, came to be: "" for none, such as a password. Constants,
-- so that no row is rewritten.
ALTER TABLE account_token ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE account_device ADD COLUMN origin TEXT NOT NULL DEFAULT '';
