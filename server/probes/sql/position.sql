-- Where one node's log stands, quickly: asked again and again during an operation, of a primary and of a standby. Begins with
-- place.sql.
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'timeline', (select timeline from place),
    'written', case when not pg_is_in_recovery() then pg_current_wal_lsn() end,
    'received', case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end,
    'replayed', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end,
    'streaming', coalesce((select status = 'streaming' from receiver), false),
    'synchronous', (
        select coalesce(json_agg(application_name order by application_name), '[]')
        from pg_stat_replication
        where state = 'streaming' and sync_state in ('sync', 'quorum')
    )
)::text
