-- When the last operation of the pool ended that was no rehearsal, in milliseconds since 1970; nothing while there was none. The next one
-- waits for a while after it.
ALTER TABLE pools ADD COLUMN ended_at INTEGER;
