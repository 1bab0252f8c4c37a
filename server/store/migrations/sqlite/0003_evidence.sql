-- What an operation keeps for people beside its journal, such as the rows that only a lost timeline has.
CREATE TABLE evidence (
    operation INTEGER NOT NULL REFERENCES operations (id),
    name      TEXT NOT NULL,
    sha256    TEXT NOT NULL CHECK (length(sha256) = 64),
    kept_at   INTEGER NOT NULL,
    -- Last, so that the others are found without reading it.
    content   BLOB NOT NULL,
    PRIMARY KEY (operation, name)
) STRICT;

CREATE TRIGGER evidence_refuses_update BEFORE UPDATE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;

CREATE TRIGGER evidence_refuses_delete BEFORE DELETE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;

-- INSERT OR REPLACE removes the old row without calling the trigger for DELETE.
CREATE TRIGGER evidence_refuses_replace BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE operation = NEW.operation AND name = NEW.name)
  OR EXISTS (SELECT 1 FROM evidence WHERE rowid = NEW.rowid)
  OR NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0)
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only: only an operation that has not ended takes more of it');
END;
