-- Where a node's log comes from, by its own files and not by what its Patroni has written down. Begins with place.sql. The file of the
-- first timeline does not exist, and one that was recycled cannot be read: both give null.
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'timeline', (select timeline from place),
    'end', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
    'history', (
        select pg_read_file('pg_wal/' || upper(lpad(to_hex(timeline), 8, '0')) || '.history', 0, 1000000, true) from place
    )
)::text
