-- Everything that is asked of one PostgreSQL, in one answer. Works on a primary and on a standby, PostgreSQL 13 and later, with a
-- role that is a member of pg_monitor. Functions that fail on the wrong side of a promotion are behind the case that avoids them.
-- Begins with place.sql.
select json_build_object(
    -- Without this right the rows of others are there and empty, which would look like streams that are gone.
    'may_see_all', pg_has_role('pg_read_all_stats', 'usage'),
    'in_recovery', pg_is_in_recovery(),
    'system_identifier', (select system_identifier::text from pg_control_system()),
    'server_version', current_setting('server_version_num')::int,
    'clock', clock_timestamp(),
    'started_at', pg_postmaster_start_time(),
    'timeline', (select timeline from place),
    'written', case when not pg_is_in_recovery() then pg_current_wal_lsn() end,
    'received', case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end,
    'replayed', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end,
    'replay_paused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
    'receiver', (
        select json_build_object(
            'status', status,
            'sender_host', sender_host,
            'timeline', received_tli,
            'flushed', flushed_lsn,
            'message_age', greatest(0, extract(epoch from clock_timestamp() - last_msg_receipt_time) * 1000)::bigint,
            'slot', slot_name
        )
        from receiver
        -- A receiver that is just starting has a row without a status.
        where status is not null
    ),
    'senders', (
        select coalesce(json_agg(json_build_object(
            'application_name', application_name,
            'client', coalesce(host(client_addr), client_hostname),
            'state', coalesce(state, 'unknown'),
            'synchronous', coalesce(sync_state in ('sync', 'quorum'), false),
            'flushed', flush_lsn,
            'replayed', replay_lsn,
            'flush_lag', greatest(0, extract(epoch from flush_lag) * 1000)::bigint,
            -- Between two clocks: a reply carries the time of the standby that sent it.
            'reply_age', greatest(0, extract(epoch from clock_timestamp() - reply_time) * 1000)::bigint
        ) order by application_name, pid), '[]')
        from (select * from pg_stat_replication order by application_name, pid limit 200) as sender
    ),
    'slots', (
        select coalesce(json_agg(json_build_object(
            'name', slot_name,
            'active', active,
            'wal_status', wal_status,
            'restart', restart_lsn
        ) order by slot_name), '[]')
        from (select * from pg_replication_slots order by slot_name limit 200) as slot
    ),
    'archiver', (
        select json_build_object(
            -- A library takes the command's place in PostgreSQL 15 and later.
            'enabled', current_setting('archive_mode') <> 'off'
                and (current_setting('archive_command') <> '' or coalesce(current_setting('archive_library', true), '') <> ''),
            'last_file', last_archived_wal,
            'last_at', last_archived_time,
            'last_failed_at', last_failed_time
        )
        from pg_stat_archiver
    ),
    'settings', json_build_object(
        'max_connections', current_setting('max_connections')::bigint,
        'max_worker_processes', current_setting('max_worker_processes')::bigint,
        'max_wal_senders', current_setting('max_wal_senders')::bigint,
        'max_prepared_transactions', current_setting('max_prepared_transactions')::bigint,
        'max_locks_per_transaction', current_setting('max_locks_per_transaction')::bigint,
        -- In bytes; the same on every node, and needed to read the names of WAL files.
        'wal_segment_size', pg_size_bytes(current_setting('wal_segment_size'))
    ),
    'rights', json_build_object(
        -- What this role could do beyond what the console needs. Whoever may become another role has its rights too, so memberships count
        -- whether they are inherited or not. Reading all tables is not in it: that is given on purpose (save_rows).
        'excess', (
            select coalesce(json_agg(name order by name), '[]')
            from (
                select unnest(array[
                    case when rolsuper then 'superuser' end,
                    case when rolcreaterole then 'createrole' end,
                    case when rolcreatedb then 'createdb' end,
                    case when rolreplication then 'replication' end,
                    case when rolbypassrls then 'bypassrls' end
                ]) as name
                from pg_roles where rolname = current_user
                union all
                select rolname
                from pg_roles
                where rolname <> current_user and pg_has_role(current_user, oid, 'member') and (
                    rolsuper or rolcreaterole or rolreplication
                    or rolname in (
                        'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data',
                        'pg_signal_backend', 'pg_create_subscription', 'pg_database_owner', 'pg_maintain', 'pg_use_reserved_connections'
                    )
                )
                union all
                select distinct proname || '()'
                from pg_proc
                where pronamespace = 'pg_catalog'::regnamespace
                    and proname in ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export')
                    and has_function_privilege(oid, 'execute')
            ) as found
            where name is not null
        ),
        'reads_histories', exists (
            select
            from pg_proc
            join pg_namespace on pg_namespace.oid = pronamespace
            where nspname = 'switchback' and proname = 'timeline_history'
                and has_schema_privilege(pronamespace, 'usage') and has_function_privilege(pg_proc.oid, 'execute')
        )
    )
)::text
