-- What lists tell of an operation's loss, and how many entries that rests on. Rows that an older program has written have none, and are
-- filled from the journal.
ALTER TABLE operation_summaries ADD COLUMN loss TEXT;
ALTER TABLE operation_summaries ADD COLUMN loss_entries INTEGER;
