-- Prepares a PostgreSQL server for the console's store, once, as a superuser:
--
--   psql -X -v ON_ERROR_STOP=1 -v owner_password=… -v console_password=… -d postgres -f postgres-setup.sql
--
-- Two users, so that whoever gets hold of the console's own password can neither drop nor disable the triggers that guard the audit history:
--   switchback_owner   owns the database and its tables. Only `switchback migrate-store` uses it, after each upgrade.
--   switchback         is the console's. It reads and adds everywhere, changes and removes only where that is meant to be, and owns nothing.
--
-- Then, and after each upgrade of the console before it is started:
--   switchback migrate-store --url-file FILE    a file with postgres://switchback_owner:…@HOST/switchback, readable by you only
-- When the console says that guards are missing or changed:
--   switchback repair-guards --url-file FILE --reason TEXT
CREATE ROLE switchback_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE switchback LOGIN PASSWORD :'console_password';
CREATE DATABASE switchback OWNER switchback_owner;
REVOKE ALL ON DATABASE switchback FROM PUBLIC;
GRANT CONNECT ON DATABASE switchback TO switchback;
\connect switchback
ALTER SCHEMA public OWNER TO switchback_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO switchback;
