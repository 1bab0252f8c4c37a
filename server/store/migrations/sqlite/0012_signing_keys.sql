-- Keys that the console signs with: 'device' for the notes by which browsers are known that somebody has signed in with.
CREATE TABLE signing_keys (
    name   TEXT PRIMARY KEY,
    secret BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;
