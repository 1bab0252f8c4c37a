-- Times are whole milliseconds since 1970 (UTC), names and words are text, secrets are kept only as SHA-256.

CREATE TABLE people (
    login         TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- There is at most one open set-up link, so its row has a fixed key.
CREATE TABLE set_up (
    only_one    INTEGER PRIMARY KEY CHECK (only_one = 1),
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    secret_hash BLOB PRIMARY KEY CHECK (length(secret_hash) = 32),
    login       TEXT NOT NULL REFERENCES people (login) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_a_person ON sessions (login);

-- One row for each span of step_ms that had readings; spans without readings have no row.
-- last_at is when the last value was seen, so that spans may arrive in any order.
CREATE TABLE points (
    pool       TEXT NOT NULL,
    metric     TEXT NOT NULL,
    step_ms    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    min_value  INTEGER NOT NULL,
    max_value  INTEGER NOT NULL,
    last_value INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (pool, metric, step_ms, at)
) STRICT, WITHOUT ROWID;
-- For removing what has become too old.
CREATE INDEX points_by_age ON points (step_ms, at);

CREATE TABLE changes (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    pool TEXT NOT NULL,
    at   INTEGER NOT NULL,
    what TEXT NOT NULL
) STRICT;
CREATE INDEX changes_of_a_pool ON changes (pool, at, id);

CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    actor        TEXT,
    action       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    result       TEXT NOT NULL CHECK (result IN ('done', 'refused', 'failed')),
    detail       TEXT NOT NULL,
    from_address TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit history is append-only');
END;

CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit history is append-only');
END;

-- INSERT OR REPLACE removes the old row without calling the trigger for DELETE.
CREATE TRIGGER audit_refuses_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit history is append-only');
END;
