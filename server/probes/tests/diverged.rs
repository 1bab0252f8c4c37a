//! What only a lost timeline has, on pairs of real `PostgreSQL` servers that have grown apart.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod server;
mod support;

use jiff::Timestamp;
use serde_json::{Value, json};
use server::Server;
use std::time::{Duration, Instant};
use support::postgres_target;
use switchback_domain::{
    ByteLag, Lsn, Node, Timeline,
    operation::{LostTable, NotSaved},
};
use switchback_engine::ports::{ControlError, EngineControl, Saved};
use switchback_probes::{ControlTargets, PoolControl, PostgresTarget};

const FIRST: Timeline = Timeline(1);
const PLENTY: usize = 1024 * 1024;

fn node() -> Node {
    Node { name: "a1".parse().unwrap(), patroni: "patroni-a1".parse().unwrap(), postgres: "postgres-a1".parse().unwrap() }
}

fn control(server: &Server) -> PoolControl {
    let target = PostgresTarget { password: Some(server::PASSWORD.into()), ..postgres_target(server.address()) };
    PoolControl::new(ControlTargets { postgres: vec![(node().postgres, target)], ..ControlTargets::default() }).unwrap()
}

/// The standby goes on without its primary. Returns where it left the primary's timeline.
fn fork(primary: &Server, standby: &Server) -> Lsn {
    let written = primary.psql("select pg_current_wal_lsn()");
    standby.wait_until(&format!("select pg_last_wal_replay_lsn() >= '{written}'"), "t");
    standby.psql("select pg_promote()");
    let history = standby.psql("select pg_read_file('pg_wal/00000002.history')");
    history.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Its files would be used again after the next checkpoints.
fn keep_the_log(server: &Server) {
    server.psql("alter system set wal_keep_size = '1GB'");
    server.psql("select pg_reload_conf()");
}

/// What was done to each table, by its database and name: inserted, updated, deleted, saved.
fn tables(saved: &Saved) -> Vec<(String, [u64; 4])> {
    let row = |table: &LostTable| {
        let name = table.table.clone().unwrap_or_default();
        (format!("{} {name}", table.database), [table.inserted, table.updated, table.deleted, table.saved])
    };
    let mut all: Vec<_> = saved.writes.tables.iter().map(row).collect();
    all.sort();
    all
}

/// Rows as `database schema.table row`, in order, and what was left out.
fn read(saved: &Saved) -> (Vec<String>, Vec<Value>) {
    let lines = String::from_utf8(saved.lines.clone()).unwrap();
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        if value["left_out"].is_string() {
            left_out.push(value);
        } else {
            assert!(value["xid"].as_u64().unwrap() > 0, "{value}");
            rows.push(format!("{} {}.{} {}", text("database"), text("schema"), text("table"), value["row"]));
        }
    }
    assert_eq!((saved.rows, saved.left_out), (rows.len() as u64, left_out.len() as u64));
    rows.sort();
    (rows, left_out)
}

fn said(outcome: Result<Saved, ControlError>) -> String {
    match outcome {
        Err(ControlError::Refused { said, .. }) => said,
        other => panic!("not refused: {other:?}"),
    }
}

/// A primary with tables of its users, in a database of their own.
async fn server(option: &str) -> Server {
    let server = Server::start().await;
    server.set_up_pool_with(option);
    server.psql("create database chat");
    server.psql_in("chat", "create table messages (id int primary key, body text) with (fillfactor = 50)");
    server.psql_in("chat", "insert into messages select n, 'old ' || n from generate_series(1, 9) as n");
    server
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one history, told in its order")]
async fn exactly_the_rows_that_committed_behind_the_fork_are_saved_and_what_cannot_be_had_is_said() {
    let mut lost = server("save_rows=on").await;
    let chat = |sql: &str| lost.psql_in("chat", sql);
    chat("create table \"Odd \"\"names\" (\"a b\" jsonb, \"日\" timestamptz)");
    chat("create table moved (id int, k int) partition by list (k)");
    chat("create table moved_1 partition of moved for values in (1)");
    chat("create table moved_2 partition of moved for values in (2)");
    chat("create table long (id int, body text)");
    chat("create table emptied (id int)");
    chat("create table guarded (id int)");
    chat("alter table guarded enable row level security");
    chat("insert into moved values (1, 1)");
    lost.psql("insert into switchback.heartbeat (id, beat_at, beat) values (1, now(), 1)");
    keep_the_log(&lost);
    let standby = lost.standby("b1").await;
    let chat = |sql: &str| lost.psql_in("chat", sql);
    // It begins before the fork and commits behind it; in between the log is filled up and its files are changed.
    lost.psql("create table early (id int, body text)");
    let early = lost.in_background("begin; insert into early values (1, 'begun before the fork'); select pg_sleep(3); commit");
    lost.wait_until("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", "1");
    chat("insert into messages values (10, 'before the fork')");
    lost.psql("select pg_switch_wal()");
    // So much that there is nothing in the last file at the same place.
    chat("insert into messages select n, repeat('f', 200) from generate_series(1000, 2500) as n");
    let fork = fork(&lost, &standby);

    chat("insert into messages values (20, 'inserted'), (21, 'inserted and deleted')");
    chat("delete from messages where id = 21");
    chat("delete from messages where id = 1");
    chat("update messages set body = 'updated' where id = 2");
    chat("update messages set body = 'updated twice, 1' where id = 3");
    chat("update messages set body = 'updated twice, 2' where id = 3");
    chat(
        "begin; insert into messages values (30, 'whole'); savepoint s; insert into messages values (31, 'part'); release s; \
          savepoint r; insert into messages values (32, 'part that was taken back'); rollback to r; commit",
    );
    chat("begin; insert into messages values (40, 'never committed'); rollback");
    chat("insert into messages values (20, 'again') on conflict (id) do nothing");
    chat("copy messages from program 'printf \"50\\tcopied\\n51\\tcopied\\n\"'");
    chat("insert into \"Odd \"\"names\" values ('{\"x\": [1, null]}', '2026-11-22 20:43:43.5+01')");
    chat("update moved set k = 2");
    chat("insert into long select 1, string_agg(md5(n::text), '') from generate_series(1, 300) as n");
    chat("insert into long select 2, repeat('x', 5 * 1024 * 1024)");
    chat("insert into emptied values (1)");
    chat("truncate emptied");
    chat("insert into guarded values (1)");
    chat("create table made (id int)");
    chat("insert into made values (1)");
    lost.psql("update switchback.heartbeat set beat = 2");
    lost.wait_until("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", "0");
    lost.wait_until("select count(*) from early", "1");
    drop(early);
    // Whoever has not committed when the machine dies has not committed.
    let open = lost.in_background("begin; insert into early values (2, 'still open'); select pg_sleep(60)");
    lost.wait_until("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", "1");
    lost.psql("checkpoint");
    assert!(said(control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await).contains("accepts writes"));
    lost.hold().await;
    drop(open);

    let control = control(&lost);
    let saved = control.save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap();
    let (mut rows, left_out) = read(&saved);
    // It is kept outside of its table, in pieces.
    let long = rows.iter().position(|row| row.starts_with("chat public.long ")).map(|at| rows.remove(at)).unwrap();
    let body = format!("{{\"body\":\"{}\",\"id\":1}}", lost.psql_in("chat", "select body from long where id = 1"));
    assert!(body.len() > 9_600 && long.ends_with(&body), "{} {}", long.len(), body.len());
    let mut expected: Vec<String> = [
        ("chat public.messages", json!({"id": 2, "body": "updated"})),
        ("chat public.messages", json!({"id": 3, "body": "updated twice, 2"})),
        ("chat public.messages", json!({"id": 20, "body": "inserted"})),
        ("chat public.messages", json!({"id": 30, "body": "whole"})),
        ("chat public.messages", json!({"id": 31, "body": "part"})),
        ("chat public.messages", json!({"id": 50, "body": "copied"})),
        ("chat public.messages", json!({"id": 51, "body": "copied"})),
        ("chat public.Odd \"names", json!({"a b": {"x": [1, null]}, "日": "2026-11-22T19:43:43.5+00:00"})),
        ("chat public.moved_2", json!({"id": 1, "k": 2})),
        ("chat public.made", json!({"id": 1})),
        ("switchback public.early", json!({"id": 1, "body": "begun before the fork"})),
    ]
    .into_iter()
    .map(|(table, row)| format!("{table} {row}"))
    .collect();
    expected.sort();
    assert_eq!(rows, expected, "{left_out:#?}");
    assert_eq!(saved.tables, 6);
    assert_eq!(saved.end.to_string(), lost.psql("select pg_last_wal_replay_lsn()"));
    let one = |kind: &str| {
        let all: Vec<&Value> = left_out.iter().filter(|value| value["left_out"] == kind).collect();
        assert_eq!(all.len(), 1, "{kind}: {left_out:#?}");
        all[0].clone()
    };
    let named = |table: &str| json!({"database": "chat", "schema": "public", "table": table});
    let is = |value: &Value, table: &str| named(table).as_object().unwrap().iter().all(|(key, expected)| value[key] == *expected);
    let deleted = one("deleted");
    assert!(is(&deleted, "messages") && deleted["rows"] == 2, "{deleted}");
    let long = one("long");
    assert!(is(&long, "long") && long["rows"] == 1, "{long}");
    let unreadable = one("table");
    assert!(is(&unreadable, "guarded") && unreadable["why"].as_str().unwrap().ends_with("(42501)"), "{unreadable}");
    assert_eq!(one("gone")["database"], "chat");
    // TRUNCATE and CREATE TABLE.
    assert_eq!(one("definitions"), json!({"left_out": "definitions", "database": "chat", "transactions": 2}));
    assert_eq!(left_out.len(), 5, "{left_out:#?}");

    let counted = [
        ("chat", [1, 0, 0, 0]),
        ("chat public.Odd \"names", [1, 0, 0, 1]),
        ("chat public.guarded", [1, 0, 0, 0]),
        ("chat public.long", [2, 0, 0, 1]),
        ("chat public.made", [1, 0, 0, 1]),
        ("chat public.messages", [6, 3, 2, 7]),
        ("chat public.moved_2", [1, 0, 0, 1]),
        ("switchback public.early", [1, 0, 0, 1]),
    ];
    let counted: Vec<(String, [u64; 4])> = counted.into_iter().map(|(name, done)| (name.trim().to_owned(), done)).collect();
    let told: Vec<_> = tables(&saved).into_iter().map(|(name, done)| (name.trim().to_owned(), done)).collect();
    assert_eq!(told, counted);

    // Both parts are told with their whole.
    let lines = String::from_utf8(saved.lines).unwrap();
    let xid =
        |body: &str| lines.lines().find(|line| line.contains(body)).map(|line| serde_json::from_str::<Value>(line).unwrap()["xid"].clone());
    assert_eq!(xid("whole"), xid("\"part\""));
    assert_ne!(xid("whole"), xid("inserted"));

    // Behind its end there is nothing, and on another timeline nothing is believed.
    let nothing = control.save_diverged(&node(), FIRST, saved.end, PLENTY).await.unwrap();
    assert_eq!((nothing.rows, nothing.lines.as_slice(), nothing.end), (0, b"".as_slice(), saved.end));
    assert!(said(control.save_diverged(&node(), Timeline(2), fork, PLENTY).await).contains("timeline is 1 and not 2"));
}

#[tokio::test]
async fn without_the_right_to_read_what_was_lost_is_named() {
    let mut lost = server("save_rows=off").await;
    lost.psql_in("chat", "create table open (id int)");
    lost.psql_in("chat", "grant select on open to switchback");
    lost.psql("create database closed");
    lost.psql_in("closed", "create table t (id int)");
    lost.psql("revoke connect on database closed from public");
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    lost.psql_in("chat", "insert into messages values (10, 'lost')");
    lost.psql_in("chat", "insert into open values (1)");
    lost.psql_in("closed", "insert into t values (1)");
    lost.hold().await;
    let (rows, left_out) = read(&control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap());
    assert_eq!(rows, ["chat public.open {\"id\":1}"]);
    let told: Vec<[&Value; 3]> = left_out.iter().map(|value| ["left_out", "database", "table"].map(|key| &value[key])).collect();
    assert_eq!(json!(told), json!([["table", "chat", "messages"], ["database", "closed", null]]), "{left_out:#?}");
    assert!(left_out.iter().all(|value| value["why"].as_str().unwrap().contains("permission denied")), "{left_out:#?}");
}

#[expect(clippy::disallowed_methods, reason = "it is compared with what PostgreSQL wrote down by the machine's clock")]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn what_is_lost_is_counted_exactly_although_none_of_it_can_be_read() {
    let mut lost = server("save_rows=off").await;
    lost.psql_in("chat", "create table rooms (id int)");
    lost.psql_in("chat", "create table quiet (id int)");
    lost.psql_in("chat", "create table numbers (id int generated always as identity)");
    keep_the_log(&lost);
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    let before = machine_time();
    for number in 100..243 {
        lost.psql_in("chat", &format!("insert into messages values ({number}, 'lost')"));
    }
    lost.psql("select pg_switch_wal()");
    lost.psql_in("chat", "insert into rooms select generate_series(1, 200)");
    lost.psql_in("chat", "copy rooms from program 'seq 1 57'");
    lost.psql_in("chat", "update rooms set id = -id where id <= 7");
    lost.psql_in("chat", "insert into messages values (100, 'again') on conflict (id) do nothing");
    lost.psql_in("chat", "begin; insert into quiet values (1); rollback");
    lost.psql_in("chat", "insert into numbers default values");
    lost.psql("insert into switchback.heartbeat (id, beat_at, beat) values (1, now(), 1)");
    lost.psql("analyze");
    lost.psql("checkpoint");
    lost.hold().await;
    let saved = control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap();
    let expected = [
        ("chat public.messages".to_owned(), [143, 0, 0, 0]),
        ("chat public.numbers".to_owned(), [1, 0, 0, 0]),
        // Seven of the 200, and seven of the 57.
        ("chat public.rooms".to_owned(), [257, 14, 0, 0]),
    ];
    assert_eq!(tables(&saved), expected);
    assert_eq!((saved.writes.transactions, saved.writes.complete, saved.rows), (147, true, 0), "{:?}", saved.writes);
    let (first, last) = saved.writes.first_commit_at.zip(saved.writes.last_commit_at).unwrap();
    assert!(before <= first && first < last && last <= machine_time(), "{before} {first} {last}");
    // Each insertion takes some 100 bytes with its commit; the file that was left early, and images of pages, are not among them.
    assert!((20_000..80_000).contains(&saved.writes.bytes.0) && saved.end.0 - fork.0 > 100_000, "{:?}", saved.writes.bytes);
    let mut named: Vec<String> = saved.not_saved.iter().filter_map(|one| one.table().map(|(_, _, table)| table.to_owned())).collect();
    named.sort();
    assert_eq!(named, ["messages", "numbers", "numbers_id_seq", "rooms"], "{:?}", saved.not_saved);
}

#[tokio::test]
async fn what_the_server_and_the_console_write_by_themselves_is_no_loss() {
    let mut lost = server("save_rows=on").await;
    keep_the_log(&lost);
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    lost.psql("insert into switchback.heartbeat (id, beat_at, beat) values (1, now(), 1)");
    lost.psql("insert into switchback.marker (operation, number) values (7, 0)");
    lost.psql("delete from switchback.marker");
    lost.psql_in("chat", "vacuum");
    lost.psql_in("chat", "analyze");
    lost.psql_in("chat", "select count(*) from messages");
    lost.psql("select pg_switch_wal()");
    lost.psql("checkpoint");
    lost.psql("update switchback.heartbeat set beat = 2");
    lost.psql("select pg_switch_wal()");
    lost.hold().await;
    let saved = control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap();
    assert!(saved.writes.is_nothing() && saved.writes.bytes == ByteLag(0), "{:?}", saved.writes);
    assert!(saved.end.0 - fork.0 > 1024 * 1024 && saved.not_saved.is_empty() && saved.lines.is_empty(), "{saved:?}");
}

#[tokio::test]
async fn what_is_prepared_or_in_large_objects_or_only_in_the_log_is_named() {
    let mut lost = server("save_rows=on").await;
    lost.psql("alter system set max_prepared_transactions = 5");
    lost.stop();
    lost.start_again().await;
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    lost.psql_in("chat", "begin; insert into messages values (60, 'in two phases'); prepare transaction 'done'");
    lost.psql_in("chat", "commit prepared 'done'");
    lost.psql_in("chat", "begin; insert into messages values (61, 'given up'); prepare transaction 'given up'");
    lost.psql_in("chat", "rollback prepared 'given up'");
    lost.psql_in("chat", "begin; insert into messages values (62, 'open'); prepare transaction 'open'");
    lost.psql_in("chat", "select lo_from_bytea(0, 'large')");
    lost.psql_in("chat", "select pg_logical_emit_message(true, 'x', 'said')");
    lost.psql_in("chat", "begin; select pg_logical_emit_message(true, 'x', 'taken back'); rollback");
    lost.hold().await;
    let saved = control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap();
    let (rows, _) = read(&saved);
    assert_eq!(rows, ["chat public.messages {\"body\":\"in two phases\",\"id\":60}"]);
    let large_objects = NotSaved::LargeObjects { database: "chat".to_owned(), rows: 2 };
    let expected = [NotSaved::Messages { messages: 1 }, NotSaved::Prepared { transactions: 1 }, large_objects];
    assert_eq!(saved.not_saved, expected);
    assert_eq!(saved.writes.transactions, 3, "{:?}", saved.writes);
}

#[tokio::test]
async fn a_large_divergence_is_read_in_pieces_and_kept_as_far_as_there_is_room() {
    let mut lost = server("save_rows=on").await;
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    keep_the_log(&lost);
    // Many files of the log, most of one of them empty, and a record that is longer than what is read at once.
    lost.psql_in("chat", "insert into messages select n, repeat('y', 200) from generate_series(100, 30099) as n");
    lost.psql("select pg_switch_wal()");
    lost.psql("select pg_logical_emit_message(false, 'long', repeat('z', 3 * 1024 * 1024))");
    lost.psql_in("chat", "update messages set body = 'short' where id % 1000 = 0");
    lost.hold().await;
    let control = control(&lost);
    let began = Instant::now();
    let saved = control.save_diverged(&node(), FIRST, fork, 64 * PLENTY).await.unwrap();
    println!("{} of the log read, {} rows of {} bytes saved in {:?}", saved.end.0 - fork.0, saved.rows, saved.lines.len(), began.elapsed());
    assert!(began.elapsed() < Duration::from_mins(1));
    assert_eq!((saved.rows, saved.tables), (30_000, 1));
    assert_eq!(saved.not_saved, [NotSaved::Messages { messages: 1 }]);
    assert_eq!(tables(&saved), [("chat public.messages".to_owned(), [30_000, 30, 0, 30_000])]);
    // Of the log most is what clients wrote; the rest of the file that was left and the images of pages are not.
    let (clients, all) = (saved.writes.bytes.0, saved.end.0 - fork.0);
    assert!(clients > 7_000_000 && clients < all - 3 * 1024 * 1024, "{clients} of {all}");
    assert_eq!(read(&saved).0.iter().filter(|row| row.contains("short")).count(), 30);

    let some = control.save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap();
    assert!(some.lines.len() <= PLENTY && some.lines.len() > PLENTY * 9 / 10, "{}", some.lines.len());
    let (rows, left_out) = read(&some);
    assert!(rows.len() > 1_000 && rows.len() < 30_000);
    assert_eq!(left_out[..2], [json!({"left_out": "messages", "messages": 1}), json!({"left_out": "limit", "reached": "size"})]);
    assert!(left_out[2]["table"] == "messages" && left_out.len() == 3, "{left_out:?}");
    assert_eq!(tables(&some), [("chat public.messages".to_owned(), [30_000, 30, 0, some.rows])]);
}

#[tokio::test]
async fn where_the_log_is_gone_that_is_said_and_the_rest_is_saved() {
    let mut lost = server("save_rows=on").await;
    let standby = lost.standby("b1").await;
    let fork = fork(&lost, &standby);
    lost.psql_in("chat", "insert into messages values (10, 'in a file that is removed')");
    for _ in 0..20 {
        lost.psql("create table if not exists public.filler (); select pg_switch_wal()");
    }
    lost.psql("alter system set wal_keep_size = 0");
    lost.psql("alter system set max_wal_size = '2MB'");
    lost.psql("alter system set min_wal_size = '2MB'");
    lost.psql("select pg_reload_conf()");
    lost.psql("checkpoint");
    lost.psql("select pg_switch_wal()");
    lost.psql("checkpoint");
    lost.psql_in("chat", "insert into messages values (11, 'in a file that is there')");
    lost.hold().await;
    let (rows, left_out) = read(&control(&lost).save_diverged(&node(), FIRST, fork, PLENTY).await.unwrap());
    assert_eq!(rows, ["chat public.messages {\"body\":\"in a file that is there\",\"id\":11}"], "{left_out:#?}");
    assert!(left_out.iter().any(|value| value["left_out"] == "log" && value["from"] == fork.to_string()), "{left_out:#?}");
}

#[tokio::test]
async fn a_node_says_where_its_data_is() {
    let server = server("save_rows=off").await;
    let path = control(&server).data_directory(&node()).await.unwrap();
    assert_eq!(path, server.psql("show data_directory"));
    assert!(path.starts_with('/'));
}
