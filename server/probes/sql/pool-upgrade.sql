-- Takes away the rights that older versions of pool-setup.sql gave the role switchback and that it does not need: with
-- pg_read_server_files it could read every file of the server, also Patroni's configuration with the superuser's password. Makes the
-- function that takes their place. Run it once, on the pool's primary, as a superuser, in the console's database:
--
--   psql -X -v ON_ERROR_STOP=1 -d switchback -f pool-upgrade.sql
--
-- Running it again changes nothing. Until it has run, re-protect is refused where it looks at the timelines' histories, and the console's
-- page warns. pool-setup.sql does the same at its end.

SELECT to_regclass('switchback.heartbeat') IS NOT NULL AS is_set_up \gset
\if :is_set_up
\else
  DO $$ BEGIN RAISE EXCEPTION 'this is not the database that pool-setup.sql has set up: it has no table switchback.heartbeat'; END $$;
  \quit
\endif

BEGIN;

-- Whoever owns the schema could put a function of their own into the place of ours.
ALTER SCHEMA switchback OWNER TO CURRENT_USER;
REVOKE CREATE ON SCHEMA switchback FROM PUBLIC, switchback;

-- The history file of one timeline: whether a returning site has a history of its own. Nothing that the caller says gets into the file's
-- name but a number, and no function of anybody else's is found in place of the server's own. Made anew each time, because a function that
-- is replaced keeps its owner, with whose rights it runs.
DROP FUNCTION IF EXISTS switchback.timeline_history(integer);
CREATE FUNCTION switchback.timeline_history(timeline integer) RETURNS text
LANGUAGE sql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN $1 > 0 THEN pg_catalog.pg_read_file(
    pg_catalog.format('pg_wal/%s.history', pg_catalog.lpad(pg_catalog.upper(pg_catalog.to_hex($1)), 8, '0')), 0, 1000000, true
  ) END
$$;
REVOKE ALL ON FUNCTION switchback.timeline_history(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION switchback.timeline_history(integer) TO switchback;

-- The proof of a switchover and the search for lost rows. The extension gives them to pg_read_server_files only.
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info_till_end_of_wal(pg_lsn) TO switchback;
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info(pg_lsn, pg_lsn) TO switchback;

SELECT 'REVOKE pg_read_server_files FROM switchback' WHERE pg_has_role('switchback', 'pg_read_server_files', 'member') \gexec
REVOKE EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean) FROM switchback;

COMMIT;
