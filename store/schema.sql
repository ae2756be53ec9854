-- What all migrations together make. Written by: go test ./store -run TestSchemaIsWrittenDown -update

CREATE TABLE api_keys_all (
    org_id       TEXT    NOT NULL REFERENCES orgs_all (id),
    id           TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    slot         INTEGER CHECK (slot BETWEEN 1 AND 5),
    hash         BLOB    NOT NULL UNIQUE,
    last4        TEXT    NOT NULL,
    created_by   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, slot),
    CHECK ((slot IS NULL) = (revoked_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER api_keys_all_org_fixed BEFORE UPDATE OF org_id ON api_keys_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE attempts (
    subject    BLOB    NOT NULL PRIMARY KEY,
    failures   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    blocked_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_last ON attempts (last_at);

CREATE TABLE audit_all (
    org_id         TEXT    NOT NULL REFERENCES orgs_all (id),
    id             TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    actor_kind     TEXT    NOT NULL CHECK (actor_kind = 'key' OR actor_kind = 'member' OR actor_kind = 'operator' OR actor_kind = 'system'),
    actor_id       TEXT    NOT NULL,
    actor_name     TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    detail         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL CHECK (outcome = 'ok' OR outcome = 'error' OR outcome = 'refused'),
    error_code     TEXT    NOT NULL,
    client_name    TEXT    NOT NULL,
    arguments      TEXT    NOT NULL,
    duration_us    INTEGER NOT NULL,
    upstream_calls INTEGER NOT NULL,
    answer_bytes   INTEGER NOT NULL,
    ip             TEXT    NOT NULL,
    user_agent     TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_all_org_fixed BEFORE UPDATE OF org_id ON audit_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE canaries (
    key_id     TEXT    NOT NULL PRIMARY KEY,
    envelope   BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE confirmations_all (
    org_id         TEXT    NOT NULL REFERENCES orgs_all (id),
    id             TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    tool           TEXT    NOT NULL,
    arguments_hash BLOB    NOT NULL,
    token_hash     BLOB    NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, key_id) REFERENCES api_keys_all (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX confirmations_all_expires ON confirmations_all (org_id, expires_at);

CREATE TRIGGER confirmations_all_org_fixed BEFORE UPDATE OF org_id ON confirmations_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE connections_all (
    org_id           TEXT    NOT NULL UNIQUE REFERENCES orgs_all (id),
    id               TEXT    NOT NULL,
    account_id       INTEGER NOT NULL UNIQUE,
    secret           BLOB    NOT NULL,
    secret_last4     TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('connected', 'refused')),
    detail           TEXT    NOT NULL,
    listing_count    INTEGER,
    version          INTEGER NOT NULL,
    token            BLOB,
    token_issued_at  INTEGER,
    token_expires_at INTEGER,
    created_at       INTEGER NOT NULL,
    checked_at       INTEGER,
    refused_at       INTEGER,
    PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER connections_all_org_fixed BEFORE UPDATE OF org_id ON connections_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE installation (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id            TEXT    NOT NULL,
    serving_since INTEGER,
    newest        TEXT    NOT NULL DEFAULT '',
    pruned_to     INTEGER
) STRICT;

CREATE TABLE jobs (
    name         TEXT    NOT NULL PRIMARY KEY,
    done_slot    INTEGER,
    running      INTEGER NOT NULL CHECK (running IN (0, 1)),
    started_at   INTEGER,
    succeeded_at INTEGER,
    failed_at    INTEGER,
    failures     INTEGER NOT NULL,
    error        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members_all (
    org_id     TEXT    NOT NULL REFERENCES orgs_all (id),
    id         TEXT    NOT NULL,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    email      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER members_all_org_fixed BEFORE UPDATE OF org_id ON members_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE INDEX members_all_user ON members_all (user_id);

CREATE TABLE orgs_all (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    connections INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE password_resets (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id           TEXT    NOT NULL PRIMARY KEY,
    token_hash   BLOB    NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    in_org       TEXT    REFERENCES orgs_all (id),
    ip           TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE sign_up_links (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('setup', 'invite')),
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_all (
    org_id       TEXT    NOT NULL REFERENCES orgs_all (id),
    day          TEXT    NOT NULL,
    tool         TEXT    NOT NULL,
    calls        INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    duration_us  INTEGER NOT NULL,
    last_call_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, day, tool)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_all_org_fixed BEFORE UPDATE OF org_id ON usage_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    password   TEXT    NOT NULL,
    operator   INTEGER NOT NULL CHECK (operator IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
