-- What the log says between $1 and $2 of transactions that committed and of rows that were written, and, as kind Page, from where to
-- where whole records were read: one that reaches over $2 is not among them.
with page as materialized (
    select start_lsn, end_lsn, xid, resource_manager || '/' || split_part(record_type, '+', 1) as kind, description, block_ref
    from pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn)
)
select
    xid::text::bigint,
    kind,
    -- What it tells all sessions to forget may be longer than everything else, and other descriptions say nothing that is needed.
    case when kind like 'Heap%' and kind <> 'Heap/DELETE' then '' else split_part(description, '; inval msgs', 1) end,
    case when kind like 'Heap%' then coalesce(block_ref, '') else '' end
from page
where kind in (
    'Transaction/COMMIT', 'Transaction/COMMIT_PREPARED', 'Standby/RUNNING_XACTS',
    'Heap/INSERT', 'Heap/UPDATE', 'Heap/HOT_UPDATE', 'Heap/DELETE', 'Heap2/MULTI_INSERT'
)
union all
select count(*), 'Page', coalesce(min(start_lsn)::text, ''), coalesce(max(end_lsn)::text, '') from page
