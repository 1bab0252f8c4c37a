-- The rows of operation $1 on one node, and the heartbeat as that node has it.
select json_build_object(
    'numbers', (select coalesce(json_agg(number order by number), '[]') from switchback.marker where operation = $1::bigint),
    'heartbeat_at', (select beat_at from switchback.heartbeat where id = 1)
)::text
