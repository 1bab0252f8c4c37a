-- Which table the file of tablespace $1 and number $2 belongs to; no row when it belongs to none any more.
select json_build_object(
    'oid', c.oid::bigint,
    'schema', n.nspname,
    'table', c.relname,
    'kind', c.relkind,
    'quoted', format('%I.%I', n.nspname, c.relname)
)::text
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.oid = pg_filenode_relation($1::bigint::oid, $2::bigint::oid)
