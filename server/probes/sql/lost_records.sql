-- What the log says between $1 and $2 of transactions that committed and of rows that were written; as kind Bytes, how much each
-- transaction wrote, images of whole pages left out, and whether some of it is of a kind that nobody here knows; and, as kind Page, from
-- where to where whole records were read: one that reaches over $2 is not among them.
with page as materialized (
    select
        start_lsn, end_lsn, xid, resource_manager, resource_manager || '/' || split_part(record_type, '+', 1) as kind,
        record_length, fpi_length, description, block_ref
    from pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn)
)
select
    xid::text::bigint,
    kind,
    -- What it tells all sessions to forget, or a message itself, may be longer than everything else, and other descriptions say nothing that
    -- is needed.
    case
        when kind in ('Heap/DELETE', 'Heap2/MULTI_INSERT') then description
        when kind like 'Heap%' or kind like 'Sequence%' then ''
        when kind like 'LogicalMessage%' then left(description, 20)
        else split_part(description, '; inval msgs', 1)
    end,
    case when kind like 'Heap%' or kind like 'Sequence%' then coalesce(block_ref, '') else '' end
from page
where kind in (
    'Transaction/COMMIT', 'Transaction/COMMIT_PREPARED', 'Transaction/PREPARE', 'Transaction/ABORT_PREPARED', 'Standby/RUNNING_XACTS',
    'Heap/INSERT', 'Heap/UPDATE', 'Heap/HOT_UPDATE', 'Heap/DELETE', 'Heap2/MULTI_INSERT', 'Sequence/LOG', 'LogicalMessage/MESSAGE'
)
union all
select
    xid::text::bigint,
    'Bytes',
    sum(record_length - fpi_length)::text,
    bool_or(resource_manager not in (
        'XLOG', 'Transaction', 'Storage', 'CLOG', 'Database', 'Tablespace', 'MultiXact', 'RelMap', 'Standby', 'Heap2', 'Heap', 'Btree',
        'Hash', 'Gin', 'Gist', 'Sequence', 'SPGist', 'BRIN', 'CommitTs', 'ReplicationOrigin', 'Generic', 'LogicalMessage'
    ))::text
from page
where xid <> '0'::xid
group by xid
union all
select count(*), 'Page', coalesce(min(start_lsn)::text, ''), coalesce(max(end_lsn)::text, '') from page
