-- The one row that the console writes each second on the primary and reads on every node: the only honest measure of lag in time.
-- Run once, as the owner of the database that the console connects to; the role is the console's.
create schema if not exists switchback;
create table if not exists switchback.heartbeat (
    id integer primary key check (id = 1),
    beat bigint not null,
    beat_at timestamptz not null
);
grant usage on schema switchback to switchback;
grant select, insert, update on switchback.heartbeat to switchback;
