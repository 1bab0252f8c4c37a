-- Where a node's log comes from, by its own files and not by what its Patroni has written down. Begins with place.sql. The file of the
-- first timeline does not exist, and one that was recycled cannot be read: both give null. The function is of pool-setup.sql.
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'timeline', (select timeline from place),
    'end', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
    'history', (select switchback.timeline_history(timeline) from place)
)::text
