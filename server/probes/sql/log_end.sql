-- The end of one node's log, for the proof of a planned switchover: the last record at or behind $1, and what has been replayed.
-- On a standby the function reads as far as replay has come. It fails when $1 is past the end: not everything has arrived yet. Begins
-- with place.sql.
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'timeline', (select timeline from place),
    'record', last.start_lsn,
    'end', last.end_lsn,
    'kind', last.resource_manager || '/' || last.record_type,
    'replayed', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end
)::text
from (select) as always
left join lateral (
    select start_lsn, end_lsn, resource_manager, record_type
    from pg_get_wal_records_info_till_end_of_wal($1::pg_lsn)
    order by start_lsn desc
    limit 1
) as last on true
