-- What Switchback needs in a pool's database cluster of PostgreSQL 15. Run it once, on the primary, with psql 15 or newer, as a superuser:
--
--   SWITCHBACK_PASSWORD='…' psql -X -v ON_ERROR_STOP=1 -v save_rows=on -d postgres -f pool-setup.sql
--
-- It replicates to every other node by itself. Running it again changes nothing but the password, and takes away the rights that the role
-- got from older versions of it (pool-upgrade.sql does only that). The role it makes is no superuser: it reads the engine's figures, asks
-- for a checkpoint, and writes rows of its own. It may read no file of the server.
--
-- With  -v save_rows=on , which is recommended, it may also read every table. That is for one purpose: after an emergency failover, rows
-- that only the lost timeline of the old site has are saved before that site follows or is rebuilt. Without it the console can only save
-- rows of tables that somebody else lets the role read. Of all others it counts the rows and names the table, stops, and asks: a site that
-- is read-only cannot be given a right any more, so that somebody has to copy them there as a superuser, or to give them up.

\getenv password SWITCHBACK_PASSWORD
\if :{?password}
\else
  DO $$ BEGIN RAISE EXCEPTION 'set SWITCHBACK_PASSWORD to the password that the role switchback shall get'; END $$;
  \quit
\endif

-- Later versions of pg_walinspect have no function that reads to the end of the log, which the proof of a switchover does.
SELECT current_setting('server_version_num')::int / 10000 = 15 AS is_15 \gset
\if :is_15
\else
  DO $$ BEGIN RAISE EXCEPTION 'Switchback needs PostgreSQL 15, and this is %', current_setting('server_version'); END $$;
  \quit
\endif

-- The console sends its password to nobody, so the server has to be able to do without it.
SET password_encryption = 'scram-sha-256';
SELECT 'CREATE ROLE switchback LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'switchback') \gexec
ALTER ROLE switchback LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20 PASSWORD :'password';
-- A question that takes longer than this has no use for a picture that is drawn every second.
ALTER ROLE switchback SET statement_timeout = '5s';
ALTER ROLE switchback SET lock_timeout = '1s';
ALTER ROLE switchback SET idle_in_transaction_session_timeout = '5s';

-- Replication, slots, positions, WAL receiver and archiver of every node.
GRANT pg_monitor TO switchback;

-- CHECKPOINT before a switchover shortens the wait of its clients. The role pg_checkpoint exists since PostgreSQL 15.
GRANT pg_checkpoint TO switchback;

SELECT 'CREATE DATABASE switchback' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'switchback') \gexec
REVOKE ALL ON DATABASE switchback FROM PUBLIC;
GRANT CONNECT ON DATABASE switchback TO switchback;

\connect switchback

-- The proof of a planned switchover: the last WAL record on the other side is the old primary's shutdown checkpoint.
CREATE EXTENSION IF NOT EXISTS pg_walinspect;
-- By name, one by one: the extension gives all of them to pg_read_server_files, and that role may read every file of the server.
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info_till_end_of_wal(pg_lsn) TO switchback;
-- What only a lost timeline has: who committed behind the fork, and which tables they wrote.
GRANT EXECUTE ON FUNCTION pg_get_wal_records_info(pg_lsn, pg_lsn) TO switchback;
\if :{?save_rows}
  SELECT 'GRANT pg_read_all_data TO switchback' WHERE :'save_rows'::boolean \gexec
\endif

CREATE SCHEMA IF NOT EXISTS switchback;
GRANT USAGE ON SCHEMA switchback TO switchback;

-- One row that the console writes each second on the primary and reads on every other node: lag in seconds that is right on an
-- idle pool too, where the engine's own time stamps are old although nothing is missing.
CREATE TABLE IF NOT EXISTS switchback.heartbeat (
  id int PRIMARY KEY CHECK (id = 1),
  beat_at timestamptz NOT NULL,
  beat bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON switchback.heartbeat TO switchback;

-- Rows that the console commits on the primary during an operation: its marker, and the writes by which it measures how long clients
-- could not write. Rows of older operations are removed with the next one.
CREATE TABLE IF NOT EXISTS switchback.marker (
  operation bigint NOT NULL,
  number bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (operation, number)
);
GRANT SELECT, INSERT, DELETE ON switchback.marker TO switchback;

-- Makes the function that reads timeline histories, and takes away what older versions of this script gave for that.
\ir pool-upgrade.sql
