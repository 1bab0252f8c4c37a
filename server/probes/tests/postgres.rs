//! The `PostgreSQL` probe against real servers that each test starts for itself and takes down again.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod server;
mod support;

use authority::Authority;
use server::Server;
use std::time::Duration;
use support::{HANGS, endpoint, postgres_target};
use switchback_domain::{EndpointKind, Facts, Millis, PostgresFacts, ProbeFailure, Unreadable};
use switchback_engine::ports::Probe;
use switchback_probes::{PostgresProbe, PostgresTarget, PostgresTls, TlsFiles};

/// Long enough for a busy machine, short enough to wait for in a test.
const LIMIT: Duration = Duration::from_secs(4);
const TIMED_OUT: ProbeFailure = ProbeFailure::TimedOut { after: Millis(4000) };

/// The heartbeat's table as the console's documentation has people make it.
const HEARTBEAT_TABLE: &str = include_str!("../sql/heartbeat_table.sql");

fn target(server: &Server) -> PostgresTarget {
    PostgresTarget { password: Some(server::PASSWORD.into()), timeout: LIMIT, ..postgres_target(server.address()) }
}

fn probe_with(target: PostgresTarget) -> PostgresProbe {
    PostgresProbe::new(endpoint(EndpointKind::Postgres), target).unwrap()
}

fn probe(server: &Server) -> PostgresProbe {
    probe_with(target(server))
}

async fn look_at(probe: &mut PostgresProbe, now: &str) -> Result<PostgresFacts, ProbeFailure> {
    let answer = tokio::time::timeout(HANGS, probe.look(now.parse().unwrap())).await.expect("the look ends by itself");
    answer.map(|facts| match facts {
        Facts::Postgres(facts) => facts,
        other => panic!("not PostgreSQL's facts: {other:?}"),
    })
}

async fn look(probe: &mut PostgresProbe) -> Result<PostgresFacts, ProbeFailure> {
    look_at(probe, "2026-11-22T12:00:00Z").await
}

async fn look_until_seen(probe: &mut PostgresProbe) -> PostgresFacts {
    let mut last = look(probe).await;
    for _ in 0..20 {
        if last.is_ok() {
            break;
        }
        last = look(probe).await;
    }
    last.expect("it was never seen")
}

fn sql(state: &str) -> ProbeFailure {
    ProbeFailure::Sql { state: state.to_owned() }
}

#[tokio::test]
async fn a_primary_tells_everything_about_itself_and_gets_its_heartbeat() {
    let server = Server::start().await;
    let mut probe = probe(&server);
    let facts = look(&mut probe).await.unwrap();
    assert!(!facts.in_recovery && facts.receiver.is_none() && facts.received.is_none() && facts.replayed.is_none());
    assert_eq!(facts.timeline.unwrap().0, 1);
    assert!(facts.written.unwrap().0 > 0);
    assert_eq!(facts.system_identifier, server.psql("select system_identifier from pg_control_system()"));
    assert!(facts.server_version >= 130_000);
    assert!(facts.started_at <= facts.clock);
    assert_eq!(facts.settings["max_connections"], 20);
    assert_eq!(facts.settings["wal_segment_size"], 1024 * 1024);
    assert_eq!(facts.settings.len(), 6);
    assert!(!facts.archiver.unwrap().enabled);
    assert_eq!(facts.heartbeat, None, "there is no table yet, and the look is none the worse");

    server.psql(HEARTBEAT_TABLE);
    let first = look_at(&mut probe, "2026-11-22T12:00:01.5Z").await.unwrap().heartbeat.unwrap();
    let second = look_at(&mut probe, "2026-11-22T12:00:02.5Z").await.unwrap().heartbeat.unwrap();
    assert_eq!((first.beat, second.beat), (1, 2));
    assert_eq!(second.beat_at, "2026-11-22T12:00:02.5Z".parse().unwrap());

    server.psql("revoke insert, update on switchback.heartbeat from switchback");
    let read = look_at(&mut probe, "2026-11-22T12:00:03.5Z").await.unwrap().heartbeat.unwrap();
    assert_eq!(read, second, "what may not be written is still read");
    let used = "select count(*) from pg_stat_activity where application_name = 'switchback'";
    // All of that went over one connection; the one that looks at rights has ended by then.
    for _ in 0..100 {
        if server.psql(used) == "1" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(server.psql(used), "1");

    server.psql("select pg_create_physical_replication_slot('site_b', true)");
    let slots = look(&mut probe).await.unwrap().slots;
    assert_eq!((slots[0].name.as_str(), slots[0].active, slots[0].wal_status.as_deref()), ("site_b", false, Some("reserved")));
}

#[tokio::test]
async fn a_primary_tells_what_could_not_be_saved_of_it() {
    let server = Server::start().await;
    server.set_up_pool_with("save_rows=off");
    server.psql("create database chat");
    server.psql_in("chat", "create table messages (id int); create table \"Odd\" (id int); create table open (id int)");
    server.psql_in("chat", "create table guarded (id int); alter table guarded enable row level security");
    server.psql_in("chat", "grant select on open, guarded to switchback");
    server.psql("create database closed");
    server.psql("revoke connect on database closed from public");
    let seen = async |probe: &mut PostgresProbe| {
        for _ in 0..200 {
            if let Some(seen) = look(probe).await.unwrap().unreadable {
                return *seen;
            }
            std::thread::sleep(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
        panic!("nobody looked");
    };
    let found = seen(&mut probe(&server)).await;
    assert_eq!((found.databases.as_slice(), found.tables), (["closed".to_owned()].as_slice(), 3));
    assert_eq!(found.first_tables, ["chat: public.\"Odd\"", "chat: public.guarded", "chat: public.messages"]);
    server.set_up_pool_with("save_rows=on");
    server.psql("grant connect on database closed to switchback");
    server.psql_in("chat", "drop table guarded");
    assert_eq!(seen(&mut probe(&server)).await, Unreadable::default(), "with the right to read all nothing is left");
}

#[tokio::test]
async fn a_heartbeat_does_not_wait_for_a_mirror_that_is_away() {
    let server = Server::start().await;
    server.psql(HEARTBEAT_TABLE);
    server.psql("alter system set synchronous_standby_names = 'nobody'");
    server.psql("select pg_reload_conf()");
    server.wait_until("show synchronous_standby_names", "nobody");
    let facts = look(&mut probe(&server)).await.unwrap();
    assert_eq!(facts.heartbeat.unwrap().beat, 1);
}

#[tokio::test]
async fn a_heartbeat_that_is_held_up_does_not_hold_up_the_look() {
    let server = Server::start().await;
    server.psql(HEARTBEAT_TABLE);
    let mut probe = probe_with(PostgresTarget { timeout: Duration::from_secs(1), ..target(&server) });
    assert!(look(&mut probe).await.unwrap().heartbeat.is_some());
    let _holder = server.in_background("begin; lock table switchback.heartbeat; select pg_sleep(60)");
    server.wait_until(
        "select count(*) from pg_locks where relation = 'switchback.heartbeat'::regclass and mode = 'AccessExclusiveLock'",
        "1",
    );
    for _ in 0..2 {
        let facts = look(&mut probe).await.unwrap();
        assert_eq!((facts.in_recovery, facts.heartbeat), (false, None));
    }
    // Nor does it keep a new connection from being made.
    let mut new = probe_with(PostgresTarget { timeout: Duration::from_secs(1), ..target(&server) });
    assert_eq!(look_until_seen(&mut new).await.heartbeat, None);
}

#[tokio::test]
async fn a_wrong_password_is_unauthorized_and_a_missing_right_is_told() {
    let server = Server::start().await;
    let wrong = PostgresTarget { password: Some("wrong".into()), ..target(&server) };
    assert_eq!(look(&mut probe_with(wrong)).await, Err(ProbeFailure::Unauthorized));
    let nobody = PostgresTarget { username: "nobody".to_owned(), ..target(&server) };
    assert_eq!(look(&mut probe_with(nobody)).await, Err(ProbeFailure::Unauthorized));
    let nowhere = PostgresTarget { database: "nowhere".to_owned(), ..target(&server) };
    assert_eq!(look(&mut probe_with(nowhere)).await, Err(sql("3D000")));

    let mut probe = probe(&server);
    assert!(look(&mut probe).await.is_ok());
    server.psql("revoke execute on function pg_control_system() from public");
    assert_eq!(look(&mut probe).await, Err(sql("42501")));
    server.psql("grant execute on function pg_control_system() to public; revoke pg_monitor from switchback");
    assert_eq!(look(&mut probe).await, Err(sql("42501")), "rows of others would be there and empty");
    server.psql("grant pg_monitor to switchback");
    assert!(look(&mut probe).await.is_ok());
}

#[tokio::test]
async fn a_server_that_was_restarted_is_seen_without_a_failure_and_one_that_is_gone_refuses_at_once() {
    let mut server = Server::start().await;
    let mut probe = probe(&server);
    let before = look(&mut probe).await.unwrap().started_at;
    server.stop();
    server.start_again().await;
    assert!(look(&mut probe).await.unwrap().started_at > before);
    server.kill();
    assert_eq!(look(&mut probe).await, Err(ProbeFailure::Refused));
    assert_eq!(look(&mut probe).await, Err(ProbeFailure::Refused));
    server.start_again().await;
    assert!(look(&mut probe).await.is_ok());
}

#[tokio::test]
async fn a_server_that_froze_costs_no_more_than_the_limit() {
    let server = Server::start().await;
    let (mut connected, mut fresh) = (probe(&server), probe(&server));
    assert!(look(&mut connected).await.is_ok());
    let frozen = server.freeze();
    assert_eq!(look(&mut connected).await, Err(TIMED_OUT));
    assert_eq!(look(&mut fresh).await, Err(TIMED_OUT));
    drop(frozen);
    assert!(look(&mut connected).await.is_ok());
    assert!(look(&mut fresh).await.is_ok());
}

#[tokio::test]
async fn a_server_that_shuts_down_slowly_says_so_by_its_state() {
    let server = Server::start().await;
    // A session that does not end keeps a smart shutdown from ending.
    let _session = server.in_background("select pg_sleep(60)");
    server.wait_until("select count(*) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()", "1");
    server.ask_to_stop();
    let mut probe = probe(&server);
    for _ in 0..200 {
        match look(&mut probe).await {
            Err(failure) => return assert_eq!(failure, sql("57P03")),
            // The request has not arrived yet; a connection that was kept would be served on.
            Ok(_) => probe = self::probe(&server),
        }
    }
    panic!("the server never began to shut down");
}

#[tokio::test]
async fn a_standby_tells_what_it_receives_and_sees_the_heartbeat_without_writing() {
    let primary = Server::start().await;
    primary.psql(HEARTBEAT_TABLE);
    let mut on_primary = probe(&primary);
    look(&mut on_primary).await.unwrap();
    let standby = primary.standby("b1").await;
    let mut on_standby = probe(&standby);
    primary.wait_until("select count(*) from pg_stat_replication where state = 'streaming'", "1");

    let beaten = look_at(&mut on_primary, "2026-11-22T12:00:05Z").await.unwrap();
    let sender = beaten.senders.first().unwrap();
    assert_eq!((sender.application_name.as_str(), sender.state.as_str(), sender.synchronous), ("b1", "streaming", false));
    assert_eq!(sender.client.as_deref(), Some("127.0.0.1"));
    let written = primary.psql("select pg_current_wal_lsn()");
    standby.wait_until(&format!("select pg_last_wal_replay_lsn() >= '{written}'"), "t");

    let facts = look_at(&mut on_standby, "2026-11-22T12:00:06Z").await.unwrap();
    assert!(facts.in_recovery && facts.written.is_none() && !facts.replay_paused);
    assert_eq!(facts.heartbeat, beaten.heartbeat);
    assert_eq!((&facts.system_identifier, facts.timeline), (&beaten.system_identifier, beaten.timeline));
    assert!(facts.received.unwrap() >= written.parse().unwrap() && facts.replayed.unwrap() >= written.parse().unwrap());
    let receiver = facts.receiver.unwrap();
    assert_eq!((receiver.status.as_str(), receiver.sender_host.as_deref()), ("streaming", Some("127.0.0.1")));
    assert_eq!(receiver.timeline, beaten.timeline);
    assert!(receiver.message_age.is_some() && receiver.flushed.is_some());

    standby.psql("select pg_wal_replay_pause()");
    standby.wait_until("select pg_get_wal_replay_pause_state()", "paused");
    assert!(look(&mut on_standby).await.unwrap().replay_paused);
    standby.psql("select pg_wal_replay_resume()");

    // The same connection sees the promotion: a new timeline, and now the heartbeat is written here.
    standby.psql("select pg_promote()");
    let promoted = look_at(&mut on_standby, "2026-11-22T12:00:09Z").await.unwrap();
    assert!(!promoted.in_recovery && promoted.received.is_none());
    assert_eq!(promoted.timeline.unwrap().0, 2);
    assert_eq!(promoted.heartbeat.unwrap().beat, beaten.heartbeat.unwrap().beat + 1);
}

#[tokio::test]
async fn over_tls_both_sides_prove_who_they_are() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("server", "127.0.0.1");
    authority.sign("elsewhere", "db.example.org");
    authority.sign("console", "switchback");
    let mut server = Server::start().await;
    let with = |tls, tls_files| PostgresTarget { tls, tls_files, ..target(&server) };
    let over = |files: TlsFiles| with(PostgresTls::VerifyFull, files);
    assert_eq!(look(&mut probe_with(over(authority.trusting()))).await, Err(ProbeFailure::Tls), "it does not encrypt yet");
    let (certain, strict) = (over(authority.as_console()), over(authority.trusting()));
    let (stranger, lax) = (over(other.trusting()), with(PostgresTls::VerifyCa, authority.as_console()));
    let lax_stranger = with(PostgresTls::VerifyCa, other.trusting());

    server.demand_certificates(&authority, "server").await;
    let encrypted = "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'switchback'";
    let mut welcome = probe_with(certain.clone());
    look(&mut welcome).await.unwrap();
    assert_eq!(server.psql(encrypted), "t");
    assert_eq!(look(&mut probe_with(strict)).await, Err(ProbeFailure::Unauthorized), "our own certificate is missing");
    assert_eq!(look(&mut probe_with(stranger)).await, Err(ProbeFailure::Tls));
    assert_eq!(look(&mut probe_with(lax_stranger)).await, Err(ProbeFailure::Tls));

    server.demand_certificates(&authority, "elsewhere").await;
    assert_eq!(look(&mut probe_with(certain)).await, Err(ProbeFailure::Tls), "the name is another one");
    assert!(look(&mut probe_with(lax)).await.is_ok(), "the name is not looked at");
}

#[tokio::test]
async fn over_tls_the_password_is_bound_to_the_connection_and_its_server_has_to_know_it() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    authority.sign("console", "switchback");
    let mut server = Server::start().await;
    server.demand_certificates(&authority, "server").await;
    let over = PostgresTarget { tls: PostgresTls::VerifyFull, tls_files: authority.as_console(), ..target(&server) };
    look(&mut probe_with(over.clone())).await.unwrap();

    // A server that takes anybody in has not proved that it is ours, whatever its certificate says.
    for (method, seen) in [("trust", Some(ProbeFailure::Unproved)), ("password", Some(ProbeFailure::Unproved)), ("scram-sha-256", None)] {
        server.let_in(&format!("hostssl all switchback 127.0.0.1/32 {method}"));
        assert_eq!(look(&mut probe_with(over.clone())).await.err(), seen, "{method}");
    }
    // Who has no password to prove is let in by its certificate, as the file says.
    server.let_in("hostssl all switchback 127.0.0.1/32 cert map=console");
    let without = PostgresTarget { password: None, ..over };
    assert!(look(&mut probe_with(without)).await.is_ok());
}

#[tokio::test]
async fn a_password_is_sent_to_nobody_in_the_clear_nor_as_md5() {
    let server = Server::start().await;
    for method in ["password", "md5"] {
        server.psql("set password_encryption = 'md5'; alter role switchback password 'not-a-secret'");
        server.let_in(&format!("host all switchback 127.0.0.1/32 {method}"));
        assert_eq!(look(&mut probe(&server)).await, Err(ProbeFailure::Unproved), "{method}");
    }
    server.psql("set password_encryption = 'scram-sha-256'; alter role switchback password 'not-a-secret'");
    assert!(look(&mut probe(&server)).await.is_ok(), "asked for as md5, a password that is kept as SCRAM is proved by SCRAM");
}

/// A look has time for two answers, and a history and the first heartbeat take three more: they must not break its connection.
#[tokio::test]
async fn a_server_at_the_end_of_a_long_way_is_seen_in_every_look_with_its_history_and_its_heartbeat() {
    let primary = Server::start().await;
    primary.set_up_pool();
    let server = primary.standby("b1").await;
    server.psql("select pg_promote()");
    server.wait_until("select pg_is_in_recovery()", "f");
    let late = Duration::from_millis(200);
    let way = support::long_way(server.address(), late).await;
    let target = PostgresTarget { address: way.to_string(), timeout: late * 5, ..target(&server) };
    let mut probe = probe_with(target.clone());
    // The connection may have come late in its first look.
    let before = look_until_seen(&mut probe).await.heartbeat.map_or(0, |row| row.beat);
    for beat in before + 1..=before + 3 {
        let facts = look(&mut probe).await.expect("it is seen in every look");
        assert_eq!((facts.timeline.map(|timeline| timeline.0), facts.heartbeat.map(|row| row.beat)), (Some(2), Some(beat)));
        let lineage = facts.lineage.expect("its history");
        assert_eq!(lineage.iter().map(|promotion| promotion.parent.0).collect::<Vec<_>>(), [1]);
    }

    // Where a look has time for one answer only, there is no heartbeat, and the server is none the less seen.
    let mut probe = probe_with(PostgresTarget { timeout: late * 16 / 5, ..target });
    look_until_seen(&mut probe).await;
    for _ in 0..2 {
        let facts = look(&mut probe).await.expect("it is seen in every look");
        assert!(facts.heartbeat.is_none() && facts.lineage.is_some());
    }
}

/// Signing in takes five answers here, and the limit is that of two and a half: it has to go on from one look to the next.
#[tokio::test]
async fn a_server_at_the_end_of_a_long_way_is_seen() {
    let server = Server::start().await;
    let late = Duration::from_millis(150);
    let way = support::long_way(server.address(), late).await;
    let mut probe = probe_with(PostgresTarget { address: way.to_string(), timeout: late * 5, heartbeat: false, ..target(&server) });
    let first = look(&mut probe).await;
    assert!(matches!(first, Err(ProbeFailure::TimedOut { .. })), "nobody can have answered yet: {first:?}");
    look_until_seen(&mut probe).await;
}
