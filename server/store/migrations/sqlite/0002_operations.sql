-- An operation is its journal. Here stands only whose it is and whether it has ended.
CREATE TABLE operations (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    pool  TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))
) STRICT;
-- Of two operations on one pool, neither could trust what it sees.
CREATE UNIQUE INDEX open_operation_of_a_pool ON operations (pool) WHERE ended = 0;
CREATE INDEX operations_of_a_pool ON operations (pool, id);

CREATE TRIGGER operations_refuse_change BEFORE UPDATE ON operations
WHEN NOT (OLD.ended = 0 AND NEW.ended = 1 AND NEW.id = OLD.id AND NEW.pool = OLD.pool)
BEGIN
    SELECT RAISE(ABORT, 'operations are append-only: an open one may end, and nothing else changes');
END;

CREATE TRIGGER operations_refuse_delete BEFORE DELETE ON operations
BEGIN
    SELECT RAISE(ABORT, 'operations are append-only');
END;

-- INSERT OR REPLACE removes the old row without calling the trigger for DELETE.
CREATE TRIGGER operations_refuse_replace BEFORE INSERT ON operations
WHEN EXISTS (SELECT 1 FROM operations WHERE id = NEW.id OR (pool = NEW.pool AND ended = 0))
BEGIN
    SELECT RAISE(ABORT, 'operations are append-only');
END;

-- Entries are counted from zero, and hold their time themselves.
CREATE TABLE journal (
    operation INTEGER NOT NULL REFERENCES operations (id),
    number    INTEGER NOT NULL,
    entry     TEXT NOT NULL,
    PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER journal_refuses_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_refuses_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

-- This also catches INSERT OR REPLACE.
CREATE TRIGGER journal_refuses_gaps BEFORE INSERT ON journal
WHEN NEW.number <> (SELECT coalesce(max(number) + 1, 0) FROM journal WHERE operation = NEW.operation)
  OR NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0)
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only: only the next entry of an open operation can be written');
END;

CREATE TABLE pools (
    pool  TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL CHECK (epoch >= 0)
) STRICT;

CREATE TABLE fences (
    pool  TEXT NOT NULL REFERENCES pools (pool),
    side  TEXT NOT NULL CHECK (side IN ('a', 'b')),
    fence TEXT NOT NULL,
    PRIMARY KEY (pool, side)
) STRICT, WITHOUT ROWID;

-- A row stays when its lease is given back, so that its token never comes again.
CREATE TABLE leases (
    pool       TEXT PRIMARY KEY,
    holder     TEXT,
    token      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Answers to requests with an idempotency key, for a day.
CREATE TABLE remembered (
    key    TEXT PRIMARY KEY,
    body   BLOB NOT NULL CHECK (length(body) = 32),
    answer TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX remembered_by_age ON remembered (at);
