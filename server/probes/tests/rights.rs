//! What the console's role may do on a real server that was set up with the scripts of this crate: what it needs, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod server;
mod support;

use server::Server;
use support::{endpoint, look, postgres_target};
use switchback_domain::{EndpointKind, Facts, Node, RoleRights};
use switchback_engine::ports::EngineControl;
use switchback_probes::{ControlTargets, PoolControl, PostgresProbe, PostgresTarget};

fn target(server: &Server) -> PostgresTarget {
    PostgresTarget { password: Some(server::PASSWORD.into()), ..postgres_target(server.address()) }
}

async fn rights(server: &Server) -> RoleRights {
    let mut probe = PostgresProbe::new(endpoint(EndpointKind::Postgres), target(server)).unwrap();
    match look(&mut probe).await.unwrap() {
        Facts::Postgres(facts) => facts.rights,
        other => panic!("not PostgreSQL's facts: {other:?}"),
    }
}

fn refused(server: &Server, sql: &str) {
    let said = server.psql_as_console(sql).expect_err(sql);
    assert!(said.contains("permission denied") || said.contains("must be superuser"), "{sql}: {said}");
}

/// What a server looks like that an older console's script has set up.
fn as_older_consoles_had_it(server: &Server) {
    server.psql("drop function switchback.timeline_history(integer)");
    server.psql("grant pg_read_server_files to switchback");
    server.psql("grant execute on function pg_read_file(text, bigint, bigint, boolean) to switchback");
}

#[tokio::test]
async fn the_role_reads_no_file_but_timeline_histories() {
    let server = Server::start().await;
    server.set_up_pool();
    std::fs::write(server.data().join("patroni.yml"), "password: superuser\n").unwrap();
    std::fs::write(server.data().join("pg_wal/0000000A.history"), "9\t0/3000000\tno recovery target specified\n").unwrap();
    for file in ["patroni.yml", "PG_VERSION", "postgresql.auto.conf", "pg_wal/0000000A.history", "/etc/passwd"] {
        refused(&server, &format!("select pg_read_file('{file}')"));
        refused(&server, &format!("select pg_read_file('{file}', 0, 100, true)"));
        refused(&server, &format!("select pg_read_binary_file('{file}')"));
        refused(&server, &format!("select pg_stat_file('{file}')"));
        refused(&server, &format!("create temp table t (line text); copy t from '{file}'"));
        refused(&server, &format!("select lo_import('{file}')"));
    }
    refused(&server, "select pg_ls_dir('.')");
    refused(&server, "copy (select 1) to program 'true'");
    refused(&server, "create table switchback.mine (id int)");

    let history = |number: &str| server.psql_as_console(&format!("select switchback.timeline_history({number})"));
    assert_eq!(history("10"), Ok("9\t0/3000000\tno recovery target specified".to_owned()));
    for nothing in ["11", "1", "0", "-1", "-2147483648", "null"] {
        assert_eq!(history(nothing), Ok(String::new()), "{nothing}");
    }
    for no_number in ["'../../PG_VERSION'", "'10.history/../../patroni.yml'", "'A'", "4294967296"] {
        assert!(history(no_number).is_err(), "{no_number}");
    }
}

#[tokio::test]
async fn nobody_else_runs_the_function_and_nobody_puts_another_one_into_its_place() {
    let server = Server::start().await;
    server.set_up_pool();
    std::fs::write(server.data().join("pg_wal/0000000A.history"), "9\t0/3000000\tx\n").unwrap();
    server.psql("create role other login");
    server.psql("grant connect on database switchback to other; grant usage on schema switchback to other");
    let run_by_other = "set role other; select switchback.timeline_history(10)";
    assert_eq!(
        server.psql("select has_function_privilege('other', 'switchback.timeline_history(integer)', 'execute')"),
        "f",
        "{run_by_other}"
    );

    // Whatever the caller's path has first, the server's own functions are called.
    server.psql("create schema trap; grant all on schema trap to switchback; grant temp on database switchback to switchback");
    let traps = "create function trap.format(text, variadic \"any\") returns text language internal immutable as 'text_format';\
                 create function trap.lpad(text, integer, text) returns text language sql as $$ select '../PG_VERSION' $$;\
                 create function trap.upper(text) returns text language sql as $$ select '../PG_VERSION' $$;\
                 create function trap.to_hex(integer) returns text language sql as $$ select '../PG_VERSION' $$;";
    server.psql(traps);
    let shadowed = "set search_path = trap, pg_temp, pg_catalog; select switchback.timeline_history(10)";
    assert_eq!(server.psql_as_console(shadowed), Ok("9\t0/3000000\tx".to_owned()));
    assert_eq!(server.psql("select nspowner::regrole from pg_namespace where nspname = 'switchback'"), "postgres");

    // An owner of the schema, or of the function, is not left in his place by a second run.
    server.psql("alter function switchback.timeline_history(integer) owner to other; alter schema switchback owner to other");
    server.upgrade_pool();
    let owners = "select string_agg(distinct owner::regrole::text, ',') from (select nspowner as owner from pg_namespace where nspname = 'switchback' \
                  union all select proowner from pg_proc where proname = 'timeline_history') as found";
    assert_eq!(server.psql(owners), "postgres");
}

#[tokio::test]
async fn rights_of_older_consoles_are_seen_and_taken_away_and_everything_still_works() {
    let server = Server::start().await;
    server.set_up_pool();
    assert_eq!(rights(&server).await, RoleRights { excess: Vec::new(), reads_histories: true });

    for again in [Server::upgrade_pool as fn(&Server), Server::set_up_pool] {
        as_older_consoles_had_it(&server);
        let before = rights(&server).await;
        assert!(!before.reads_histories);
        for right in ["pg_read_server_files", "pg_read_file()"] {
            assert!(before.excess.iter().any(|found| found == right), "{right}: {:?}", before.excess);
        }
        again(&server);
        assert_eq!(rights(&server).await, RoleRights { excess: Vec::new(), reads_histories: true });
        refused(&server, "select pg_read_file('PG_VERSION', 0, 100, true)");
    }

    let node = Node { name: "a1".parse().unwrap(), patroni: "patroni-a1".parse().unwrap(), postgres: "postgres-a1".parse().unwrap() };
    let control =
        PoolControl::new(ControlTargets { postgres: vec![(node.postgres.clone(), target(&server))], ..ControlTargets::default() }).unwrap();
    assert_eq!(control.lineage(&node).await.unwrap().history, Some(Vec::new()));
    let written = control.position(&node).await.unwrap().written.unwrap();
    server.psql("create table more (id int)");
    assert!(control.log_end(&node, written).await.unwrap().record.is_some(), "the proof works without reading files");
}

#[tokio::test]
async fn every_right_that_leads_further_is_seen() {
    let server = Server::start().await;
    server.set_up_pool();
    server.psql("create role boss superuser; create role maker createrole");
    for (give, take, seen) in [
        ("alter role switchback superuser", "alter role switchback nosuperuser", "superuser"),
        ("alter role switchback replication", "alter role switchback noreplication", "replication"),
        ("alter role switchback bypassrls", "alter role switchback nobypassrls", "bypassrls"),
        ("alter role switchback createrole", "alter role switchback nocreaterole", "createrole"),
        ("grant pg_write_server_files to switchback", "revoke pg_write_server_files from switchback", "pg_write_server_files"),
        ("grant pg_execute_server_program to switchback", "revoke pg_execute_server_program from switchback", "pg_execute_server_program"),
        ("grant pg_write_all_data to switchback", "revoke pg_write_all_data from switchback", "pg_write_all_data"),
        ("grant boss to switchback", "revoke boss from switchback", "boss"),
        ("grant maker to switchback", "revoke maker from switchback", "maker"),
        (
            "grant execute on function pg_ls_dir(text) to switchback",
            "revoke execute on function pg_ls_dir(text) from switchback",
            "pg_ls_dir()",
        ),
    ] {
        server.psql(give);
        let found = rights(&server).await;
        assert!(found.excess.iter().any(|right| right == seen), "{give}: {:?}", found.excess);
        server.psql(take);
        assert_eq!(rights(&server).await.excess, Vec::<String>::new(), "{take}");
    }
}
