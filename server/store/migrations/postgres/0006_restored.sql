-- Written now and then, and never more than this one row: whether the store can be written is found out by writing.
CREATE TABLE write_check (
    only_one   bigint PRIMARY KEY CHECK (only_one = 1),
    checked_at bigint NOT NULL
);
INSERT INTO write_check (only_one, checked_at) VALUES (1, 0);

-- There is a row when the store comes from a backup: it may be older than the truth.
CREATE TABLE restored (
    only_one    bigint PRIMARY KEY CHECK (only_one = 1),
    restored_at bigint NOT NULL,
    taken_at    bigint NOT NULL
);

-- Pools of which somebody has confirmed against the engines what a restored store says, and of which restoration.
CREATE TABLE confirmed (
    pool        text PRIMARY KEY,
    restored_at bigint NOT NULL
);
