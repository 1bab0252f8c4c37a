-- Times are whole milliseconds since 1970 (UTC), names and words are text, secrets are kept only as SHA-256.

CREATE TABLE people (
    login         text PRIMARY KEY,
    name          text NOT NULL,
    password_hash text NOT NULL,
    created_at    bigint NOT NULL
);

-- There is at most one open set-up link, so its row has a fixed key.
CREATE TABLE set_up (
    only_one    bigint PRIMARY KEY CHECK (only_one = 1),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    expires_at  bigint NOT NULL
);

CREATE TABLE sessions (
    secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
    login       text NOT NULL REFERENCES people (login) ON DELETE CASCADE,
    created_at  bigint NOT NULL,
    used_at     bigint NOT NULL
);
CREATE INDEX sessions_of_a_person ON sessions (login);

-- One row for each span of step_ms that had readings; spans without readings have no row.
-- last_at is when the last value was seen, so that spans may arrive in any order.
CREATE TABLE points (
    pool       text NOT NULL,
    metric     text NOT NULL,
    step_ms    bigint NOT NULL,
    at         bigint NOT NULL,
    min_value  bigint NOT NULL,
    max_value  bigint NOT NULL,
    last_value bigint NOT NULL,
    last_at    bigint NOT NULL,
    PRIMARY KEY (pool, metric, step_ms, at)
);
-- For removing what has become too old.
CREATE INDEX points_by_age ON points (step_ms, at);

CREATE TABLE changes (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool text NOT NULL,
    at   bigint NOT NULL,
    what text NOT NULL
);
CREATE INDEX changes_of_a_pool ON changes (pool, at, id);

CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           bigint NOT NULL,
    actor        text,
    action       text NOT NULL,
    subject      text NOT NULL,
    result       text NOT NULL CHECK (result IN ('done', 'refused', 'failed')),
    detail       text NOT NULL,
    from_address text NOT NULL
);

CREATE FUNCTION audit_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit history is append-only';
END;
$$;

CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses_change();
CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses_change();

-- Otherwise a session that plays a replica would pass the triggers by.
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_refuses_change;
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_refuses_truncate;
