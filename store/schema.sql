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

CREATE TABLE billable_changes_all (
    org_id       TEXT    NOT NULL REFERENCES orgs_all (id),
    id           TEXT    NOT NULL,
    effective_at INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    quantity     INTEGER NOT NULL CHECK (quantity >= 0),
    reason       TEXT    NOT NULL CHECK (reason = 'start' OR reason = 'count' OR reason = 'hold' OR reason = 'release' OR reason = 'clamp' OR reason = 'trial' OR reason = 'end'),
    count_id     TEXT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, count_id) REFERENCES listing_counts_all (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER billable_changes_all_append_only BEFORE UPDATE ON billable_changes_all
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

CREATE INDEX billable_changes_all_count ON billable_changes_all (org_id, count_id);

CREATE INDEX billable_changes_all_effective ON billable_changes_all (org_id, effective_at, id);

CREATE TRIGGER billable_changes_all_org_fixed BEFORE UPDATE OF org_id ON billable_changes_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE billing_accounts_all (
    org_id                TEXT    NOT NULL PRIMARY KEY REFERENCES orgs_all (id),
    customer_id           TEXT    UNIQUE,
    subscription_id       TEXT    NOT NULL,
    item_id               TEXT    NOT NULL,
    price_id              TEXT    NOT NULL,
    currency              TEXT    NOT NULL,
    unit_amount           INTEGER NOT NULL,
    status                TEXT    NOT NULL,
    access                TEXT    NOT NULL CHECK (access = 'exempt' OR access = 'trial' OR access = 'active' OR access = 'grace' OR access = 'suspended' OR access = 'canceled' OR access = 'none'),
    access_reason         TEXT    NOT NULL,
    trial_ends_at         INTEGER,
    cancel_at             INTEGER,
    grace_ends_at         INTEGER,
    overdue_since_at      INTEGER,
    period_start_at       INTEGER,
    period_end_at         INTEGER,
    latest_invoice_id     TEXT    NOT NULL,
    latest_invoice_status TEXT    NOT NULL,
    checkout_session      TEXT    NOT NULL,
    generation            INTEGER NOT NULL,
    synced_at             INTEGER,
    version               INTEGER NOT NULL
, former_customers TEXT NOT NULL DEFAULT '', returned TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;

CREATE TRIGGER billing_accounts_all_org_fixed BEFORE UPDATE OF org_id ON billing_accounts_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE billing_findings (
    invariant     TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    in_org        TEXT    REFERENCES orgs_all (id),
    detail        TEXT    NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    resolved_at   INTEGER,
    repairs       INTEGER NOT NULL,
    PRIMARY KEY (invariant, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX billing_findings_org ON billing_findings (in_org);

CREATE INDEX billing_findings_resolved ON billing_findings (resolved_at);

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
    refused_at       INTEGER, counted_at INTEGER,
    PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER connections_all_org_fixed BEFORE UPDATE OF org_id ON connections_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE desired_quantities_all (
    org_id        TEXT    NOT NULL PRIMARY KEY REFERENCES orgs_all (id),
    quantity      INTEGER NOT NULL CHECK (quantity >= 0),
    counted_at    INTEGER NOT NULL,
    count_id      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state = 'clean' OR state = 'dirty'),
    hold_reason   TEXT    NOT NULL,
    held_quantity INTEGER,
    held_since_at INTEGER,
    held_count_id TEXT,
    attempts      INTEGER NOT NULL,
    next_try_at   INTEGER NOT NULL,
    operation_key TEXT    NOT NULL,
    last_error    TEXT    NOT NULL,
    changed_at    INTEGER NOT NULL,
    synced_at     INTEGER,
    version       INTEGER NOT NULL, stripe_quantity INTEGER CHECK (stripe_quantity >= 0),
    FOREIGN KEY (org_id, count_id) REFERENCES listing_counts_all (org_id, id),
    FOREIGN KEY (org_id, held_count_id) REFERENCES listing_counts_all (org_id, id),
    CHECK ((hold_reason = '') = (held_quantity IS NULL) AND (hold_reason = '') = (held_since_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX desired_quantities_all_due ON desired_quantities_all (next_try_at) WHERE state = 'dirty';

CREATE INDEX desired_quantities_all_held ON desired_quantities_all (held_since_at) WHERE hold_reason <> '';

CREATE TRIGGER desired_quantities_all_org_fixed BEFORE UPDATE OF org_id ON desired_quantities_all
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

CREATE TABLE listing_counts_all (
    org_id             TEXT    NOT NULL REFERENCES orgs_all (id),
    id                 TEXT    NOT NULL,
    counted_at         INTEGER NOT NULL,
    recorded_at        INTEGER NOT NULL,
    active             INTEGER NOT NULL CHECK (active >= 0),
    total              INTEGER NOT NULL CHECK (total >= 0),
    pages              INTEGER NOT NULL CHECK (pages >= 0),
    complete           INTEGER NOT NULL CHECK (complete = 0 OR complete = 1),
    connection_version INTEGER NOT NULL,
    source             TEXT    NOT NULL CHECK (source = 'daily' OR source = 'manual' OR source = 'connect' OR source = 'trial_end'),
    ids_hash           BLOB,
    ids                BLOB,
    problem            TEXT    NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK (complete = 0 OR (ids IS NOT NULL AND ids_hash IS NOT NULL AND problem = ''))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER listing_counts_all_append_only BEFORE UPDATE ON listing_counts_all
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

CREATE INDEX listing_counts_all_counted ON listing_counts_all (org_id, counted_at);

CREATE TRIGGER listing_counts_all_org_fixed BEFORE UPDATE OF org_id ON listing_counts_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

CREATE TABLE mails_all (
    org_id      TEXT    NOT NULL REFERENCES orgs_all (id),
    id          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    dedupe_key  TEXT    NOT NULL,
    payload     BLOB,
    state       TEXT    NOT NULL CHECK (state = 'queued' OR state = 'sent' OR state = 'failed'),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER,
    last_error  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, dedupe_key),
    CHECK ((state = 'queued') = (payload IS NOT NULL) AND (state = 'queued') = (next_try_at IS NOT NULL) AND (state = 'queued') = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX mails_all_due ON mails_all (next_try_at) WHERE state = 'queued';

CREATE INDEX mails_all_ended ON mails_all (org_id, ended_at) WHERE state <> 'queued';

CREATE TRIGGER mails_all_org_fixed BEFORE UPDATE OF org_id ON mails_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

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
, mailed INTEGER NOT NULL DEFAULT 0 CHECK (mailed = 0 OR mailed = 1)) STRICT, WITHOUT ROWID;

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

CREATE TABLE stripe_events (
    seq         INTEGER NOT NULL PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    customer    TEXT    NOT NULL,
    object_id   TEXT    NOT NULL,
    api_version TEXT    NOT NULL,
    livemode    INTEGER NOT NULL CHECK (livemode = 0 OR livemode = 1),
    created     INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state = 'pending' OR state = 'done' OR state = 'ignored'),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    note        TEXT    NOT NULL,
    ended_at    INTEGER
) STRICT;

CREATE INDEX stripe_events_customer ON stripe_events (customer, seq) WHERE state = 'pending';

CREATE INDEX stripe_events_due ON stripe_events (next_try_at, seq) WHERE state = 'pending';

CREATE INDEX stripe_events_ended ON stripe_events (ended_at) WHERE state <> 'pending';

CREATE INDEX stripe_events_received ON stripe_events (received_at) WHERE state = 'pending';

CREATE TABLE stripe_setups (
    webhook_secret_hash  BLOB    NOT NULL PRIMARY KEY,
    account_id           TEXT    NOT NULL,
    livemode             INTEGER NOT NULL CHECK (livemode = 0 OR livemode = 1),
    endpoint_id          TEXT    NOT NULL,
    endpoint_url         TEXT    NOT NULL,
    product_id           TEXT    NOT NULL,
    price_id             TEXT    NOT NULL,
    portal_configuration TEXT    NOT NULL,
    api_version          TEXT    NOT NULL,
    created_at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trials (
    account_hash BLOB    NOT NULL PRIMARY KEY,
    started_at   INTEGER NOT NULL
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

CREATE TABLE user_mails (
    id          TEXT    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id),
    kind        TEXT    NOT NULL,
    dedupe_key  TEXT    NOT NULL UNIQUE,
    payload     BLOB,
    state       TEXT    NOT NULL CHECK (state = 'queued' OR state = 'sent' OR state = 'failed'),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER,
    last_error  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    CHECK ((state = 'queued') = (payload IS NOT NULL) AND (state = 'queued') = (next_try_at IS NOT NULL) AND (state = 'queued') = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX user_mails_due ON user_mails (next_try_at) WHERE state = 'queued';

CREATE INDEX user_mails_ended ON user_mails (ended_at) WHERE state <> 'queued';

CREATE INDEX user_mails_user ON user_mails (user_id);

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    password   TEXT    NOT NULL,
    operator   INTEGER NOT NULL CHECK (operator IN (0, 1)),
    created_at INTEGER NOT NULL
, verified_at INTEGER) STRICT, WITHOUT ROWID;

CREATE TABLE verifications (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX verifications_user ON verifications (user_id);

CREATE TABLE webhook_secrets (
    secret_hash BLOB    NOT NULL PRIMARY KEY,
    verified_at INTEGER,
    refused     INTEGER NOT NULL,
    refused_at  INTEGER,
    why         TEXT    NOT NULL,
    CHECK ((refused = 0) = (refused_at IS NULL))
) STRICT, WITHOUT ROWID;
