-- What billing has to remember. Money is in minor units of the currency beside it.

-- trials: which Hostaway accounts had theirs. It outlives the org, so that nobody
-- gets a second one by signing up again; so it holds a hash of the account's number
-- and nothing of the org.
CREATE TABLE trials (
    account_hash BLOB    NOT NULL PRIMARY KEY,
    started_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What we know of an org at Stripe, and whether its tools answer. access is what
-- was worked out the last time; trial_ends_at, cancel_at and grace_ends_at are
-- compared with the time of each call.
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
) STRICT, WITHOUT ROWID;
CREATE TRIGGER billing_accounts_all_org_fixed BEFORE UPDATE OF org_id ON billing_accounts_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

-- Every count of an org's active listings: the proof of each bill. ids are the
-- listings that were counted (listing_ids.go); a walk that was not complete has
-- none. Rows of a table with such a trigger are never changed, and go only with
-- their org: scope.go sees to the second.
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
CREATE INDEX listing_counts_all_counted ON listing_counts_all (org_id, counted_at);
CREATE TRIGGER listing_counts_all_org_fixed BEFORE UPDATE OF org_id ON listing_counts_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;
CREATE TRIGGER listing_counts_all_append_only BEFORE UPDATE ON listing_counts_all
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

-- What is billed from when, until the next row. Of rows with one effective_at the
-- last that was recorded stands.
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
CREATE INDEX billable_changes_all_effective ON billable_changes_all (org_id, effective_at, id);
CREATE INDEX billable_changes_all_count ON billable_changes_all (org_id, count_id);
CREATE TRIGGER billable_changes_all_org_fixed BEFORE UPDATE OF org_id ON billable_changes_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;
CREATE TRIGGER billable_changes_all_append_only BEFORE UPDATE ON billable_changes_all
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;

-- The quantity that Stripe is to have. dirty: Stripe may not have it yet. A hold
-- stands beside it: what the newest count says, and why that is not billed.
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
    version       INTEGER NOT NULL,
    FOREIGN KEY (org_id, count_id) REFERENCES listing_counts_all (org_id, id),
    FOREIGN KEY (org_id, held_count_id) REFERENCES listing_counts_all (org_id, id),
    CHECK ((hold_reason = '') = (held_quantity IS NULL) AND (hold_reason = '') = (held_since_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX desired_quantities_all_due ON desired_quantities_all (next_try_at) WHERE state = 'dirty';
CREATE INDEX desired_quantities_all_held ON desired_quantities_all (held_since_at) WHERE hold_reason <> '';
CREATE TRIGGER desired_quantities_all_org_fixed BEFORE UPDATE OF org_id ON desired_quantities_all
BEGIN SELECT RAISE(ABORT, 'the org of a row never changes'); END;

-- Mails to an org's people that wait to be sent, and those that were sent a while
-- ago, so that none is sent twice. payload is sealed, and gone once the mail is.
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

-- The same for a person of the server.
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
CREATE INDEX user_mails_user ON user_mails (user_id);
CREATE INDEX user_mails_due ON user_mails (next_try_at) WHERE state = 'queued';
CREATE INDEX user_mails_ended ON user_mails (ended_at) WHERE state <> 'queued';

-- Stripe's events: that an object changed, never what it says. seq is the order in
-- which they came.
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
CREATE INDEX stripe_events_due ON stripe_events (next_try_at, seq) WHERE state = 'pending';
CREATE INDEX stripe_events_customer ON stripe_events (customer, seq) WHERE state = 'pending';
CREATE INDEX stripe_events_received ON stripe_events (received_at) WHERE state = 'pending';
CREATE INDEX stripe_events_ended ON stripe_events (ended_at) WHERE state <> 'pending';

-- What billing setup made in a Stripe account. A webhook secret does not say which
-- account and mode it is of: this does.
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

-- What the reconciler found broken. in_org is the org that it is about, if any.
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
