-- Where a node stands whose log was given up. Begins with place.sql.
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'timeline', (select timeline from place),
    'replayed', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end,
    'file_bytes', (select file_bytes from replay),
    'database', current_database(),
    'databases', (select json_agg(json_build_array(oid::bigint, datname) order by datname) from pg_database)
)::text
