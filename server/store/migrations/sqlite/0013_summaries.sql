-- What lists show of an operation, written in the same transaction as each entry of its journal. It is worked out from the journal, and from
-- nothing else: the program fills the rows of operations that have none. Not guarded, because it says nothing that the journal does not say.
CREATE TABLE operation_summaries (
    operation   INTEGER PRIMARY KEY REFERENCES operations (id),
    pool        TEXT NOT NULL,
    -- How many entries it rests on; of two rows the one that rests on more is right.
    entries     INTEGER NOT NULL,
    ended       INTEGER NOT NULL CHECK (ended IN (0, 1)),
    kind        TEXT,
    side        TEXT CHECK (side IN ('a', 'b')),
    requester   TEXT,
    began_at    INTEGER,
    stage       TEXT NOT NULL,
    outcome     TEXT,
    ended_at    INTEGER,
    -- The site that it has made the active one; 'unknown' when its journal cannot be read.
    made_active TEXT CHECK (made_active IN ('a', 'b', 'unknown')),
    rest        TEXT NOT NULL
) STRICT;
CREATE INDEX summaries_that_made_active ON operation_summaries (pool, operation) WHERE made_active IS NOT NULL;
