-- What the questions to one PostgreSQL begin with: its incoming stream, and its timeline.
with receiver as (
    select status, sender_host, nullif(received_tli, 0) as received_tli, flushed_lsn, last_msg_receipt_time, slot_name
    from pg_stat_wal_receiver
    limit 1
),
replay as (
    select pg_last_wal_replay_lsn() - '0/0'::pg_lsn as bytes, pg_size_bytes(current_setting('wal_segment_size')) as file_bytes
),
place as (
    select case when not pg_is_in_recovery()
        then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
        else coalesce(
            (select received_tli from receiver),
            -- Without a stream, the newest timeline that has a file for the place where replay stands. The control file's lags to the
            -- last restart point, which may be many promotions ago, so it is the last resort.
            (
                select max(('x' || left(name, 8))::bit(32)::int)
                from pg_ls_waldir(), replay, lateral (
                    select div(bytes - 1, file_bytes) as number, 4294967296 / file_bytes as each
                ) as file
                where bytes > 0 and name ~ '^[0-9A-F]{24}$'
                    and right(name, 16) = upper(lpad(to_hex(div(number, each)::bigint), 8, '0') || lpad(to_hex((number % each)::bigint), 8, '0'))
            ),
            (select timeline_id from pg_control_checkpoint())
        )
    end as timeline
)
