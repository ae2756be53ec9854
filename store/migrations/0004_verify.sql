-- verified_at is since when a person is known to own the address: by a link in a
-- mail, or because whoever let them in answers for it, as for all who are here
-- already. NULL is somebody who signed up by themselves and has shown nothing yet.
ALTER TABLE users ADD COLUMN verified_at INTEGER;
UPDATE users SET verified_at = created_at;

-- 1: the link went to the address by mail, so who has it reads that mail.
ALTER TABLE password_resets ADD COLUMN mailed INTEGER NOT NULL DEFAULT 0 CHECK (mailed = 0 OR mailed = 1);

-- Links that show that an address is the person's own. All of a person's go with the
-- first that is used.
CREATE TABLE verifications (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX verifications_user ON verifications (user_id);
