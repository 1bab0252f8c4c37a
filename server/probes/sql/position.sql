-- Where one node's log stands, quickly: asked again and again during an operation, of a primary and of a standby.
with receiver as (
    select status, received_tli from pg_stat_wal_receiver limit 1
)
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    -- The control file's timeline lags to the last restart point, so it is only the answer of a standby without a stream.
    'timeline', case when pg_is_in_recovery()
        then coalesce((select received_tli from receiver), (select timeline_id from pg_control_checkpoint()))
        else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
    end,
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
