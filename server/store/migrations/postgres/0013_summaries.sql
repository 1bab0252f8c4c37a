-- What lists show of an operation, written in the same transaction as each entry of its journal. It is worked out from the journal, and from
-- nothing else: the program fills the rows of operations that have none. Not guarded, because it says nothing that the journal does not say.
CREATE TABLE operation_summaries (
    operation   bigint PRIMARY KEY REFERENCES operations (id),
    pool        text NOT NULL,
    -- How many entries it rests on; of two rows the one that rests on more is right.
    entries     bigint NOT NULL,
    ended       bigint NOT NULL CHECK (ended IN (0, 1)),
    kind        text,
    side        text CHECK (side IN ('a', 'b')),
    requester   text,
    began_at    bigint,
    stage       text NOT NULL,
    outcome     text,
    ended_at    bigint,
    -- The site that it has made the active one; 'unknown' when its journal cannot be read.
    made_active text CHECK (made_active IN ('a', 'b', 'unknown')),
    rest        text NOT NULL
);
CREATE INDEX summaries_that_made_active ON operation_summaries (pool, operation) WHERE made_active IS NOT NULL;
