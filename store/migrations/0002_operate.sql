-- What the server knows of itself, in one row: an id that tells this database and
-- its copies from every other; since when a server runs on it that has not ended in
-- good order; the newest id of the audit log whose entry was deleted, so that what
-- is newest never falls; and up to when old entries were deleted.
CREATE TABLE installation (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id            TEXT    NOT NULL,
    serving_since INTEGER,
    newest        TEXT    NOT NULL DEFAULT '',
    pruned_to     INTEGER
) STRICT;
INSERT INTO installation (one, id) VALUES (1, 'ins_' || lower(hex(randomblob(16))));

-- What the scheduler has to remember of its jobs. done_slot is the period that a
-- run was last done for; running is 1 from a run's start until its end is known.
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
