-- What an operation keeps for people beside its journal, such as the rows that only a lost timeline has.
CREATE TABLE evidence (
    operation bigint NOT NULL REFERENCES operations (id),
    name      text NOT NULL,
    sha256    text NOT NULL CHECK (length(sha256) = 64),
    kept_at   bigint NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (operation, name)
);

CREATE FUNCTION evidence_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence is append-only';
END;
$$;

CREATE FUNCTION evidence_refuses_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM operations WHERE id = NEW.operation AND ended = 0) THEN
        RAISE EXCEPTION 'evidence is append-only: only an operation that has not ended takes more of it';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER evidence_refuses_change BEFORE UPDATE OR DELETE ON evidence
    FOR EACH ROW EXECUTE FUNCTION evidence_refuses_change();
CREATE TRIGGER evidence_refuses_truncate BEFORE TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuses_change();
CREATE TRIGGER evidence_refuses_late BEFORE INSERT ON evidence
    FOR EACH ROW EXECUTE FUNCTION evidence_refuses_late();

-- Otherwise a session that plays a replica would pass the triggers by.
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_refuses_change;
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_refuses_truncate;
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_refuses_late;
