-- Keys that the console signs with: 'device' for the notes by which browsers are known that somebody has signed in with.
CREATE TABLE signing_keys (
    name   text PRIMARY KEY,
    secret bytea NOT NULL CHECK (octet_length(secret) = 32)
);
