-- How many tables of users in this database the role may not read, or not all rows of, and the first of them by name.
select json_build_object(
    'tables', count(*),
    'first', coalesce(json_agg(name order by place) filter (where place <= 5), '[]')
)::text
from (
    select format('%I.%I', n.nspname, c.relname) as name, row_number() over (order by n.nspname, c.relname) as place
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    -- 16384 is the first number that is given to something that is not the database's own.
    where c.relkind in ('r', 'm') and c.relpersistence = 'p' and c.oid >= 16384 and n.nspname <> 'information_schema'
        and not (
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and not row_security_active(c.oid)
        )
) as unreadable
