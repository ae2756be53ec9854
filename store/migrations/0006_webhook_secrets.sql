-- What posts to the webhook have shown of a signing secret. Stripe never tells one
-- again, so that an event proves it is the only way to know that it is right.
-- refused counts the signed posts that were refused since verified_at, refused_at and
-- why are of the last of them.
CREATE TABLE webhook_secrets (
    secret_hash BLOB    NOT NULL PRIMARY KEY,
    verified_at INTEGER,
    refused     INTEGER NOT NULL,
    refused_at  INTEGER,
    why         TEXT    NOT NULL,
    CHECK ((refused = 0) = (refused_at IS NULL))
) STRICT, WITHOUT ROWID;
