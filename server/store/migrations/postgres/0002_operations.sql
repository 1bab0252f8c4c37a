-- An operation is its journal. Here stands only whose it is and whether it has ended.
CREATE TABLE operations (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool  text NOT NULL,
    ended bigint NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))
);
-- Of two operations on one pool, neither could trust what it sees.
CREATE UNIQUE INDEX open_operation_of_a_pool ON operations (pool) WHERE ended = 0;
CREATE INDEX operations_of_a_pool ON operations (pool, id);

CREATE FUNCTION operations_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended = 0 AND NEW.ended = 1 AND NEW.id = OLD.id AND NEW.pool = OLD.pool THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'operations are append-only: an open one may end, and nothing else changes';
END;
$$;

CREATE TRIGGER operations_refuse_change BEFORE UPDATE OR DELETE ON operations
    FOR EACH ROW EXECUTE FUNCTION operations_refuse_change();
CREATE TRIGGER operations_refuse_truncate BEFORE TRUNCATE ON operations
    FOR EACH STATEMENT EXECUTE FUNCTION operations_refuse_change();

-- Entries are counted from zero, and hold their time themselves.
CREATE TABLE journal (
    operation bigint NOT NULL REFERENCES operations (id),
    number    bigint NOT NULL,
    entry     text NOT NULL,
    PRIMARY KEY (operation, number)
);

CREATE FUNCTION journal_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END;
$$;

CREATE FUNCTION journal_refuses_gaps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> (SELECT coalesce(max(number) + 1, 0) FROM journal WHERE operation = NEW.operation)
        OR NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0)
    THEN
        RAISE EXCEPTION 'the journal is append-only: only the next entry of an open operation can be written';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER journal_refuses_change BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION journal_refuses_change();
CREATE TRIGGER journal_refuses_truncate BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuses_change();
CREATE TRIGGER journal_refuses_gaps BEFORE INSERT ON journal
    FOR EACH ROW EXECUTE FUNCTION journal_refuses_gaps();

-- Otherwise a session that plays a replica would pass the triggers by.
ALTER TABLE operations ENABLE ALWAYS TRIGGER operations_refuse_change;
ALTER TABLE operations ENABLE ALWAYS TRIGGER operations_refuse_truncate;
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_refuses_change;
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_refuses_truncate;
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_refuses_gaps;

CREATE TABLE pools (
    pool  text PRIMARY KEY,
    epoch bigint NOT NULL CHECK (epoch >= 0)
);

CREATE TABLE fences (
    pool  text NOT NULL REFERENCES pools (pool),
    side  text NOT NULL CHECK (side IN ('a', 'b')),
    fence text NOT NULL,
    PRIMARY KEY (pool, side)
);

-- A row stays when its lease is given back, so that its token never comes again.
CREATE TABLE leases (
    pool       text PRIMARY KEY,
    holder     text,
    token      bigint NOT NULL,
    expires_at bigint NOT NULL
);

-- Answers to requests with an idempotency key, for a day.
CREATE TABLE remembered (
    key    text PRIMARY KEY,
    body   bytea NOT NULL CHECK (octet_length(body) = 32),
    answer text NOT NULL,
    at     bigint NOT NULL
);
CREATE INDEX remembered_by_age ON remembered (at);
