//! Orders to real `PostgreSQL` servers that each test starts for itself and takes down again.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod server;
mod support;

use server::Server;
use std::time::{Duration, Instant};
use support::postgres_target;
use switchback_domain::{Lsn, Millis, Node, ProbeFailure, operation::OperationId};
use switchback_engine::ports::{ControlError, EngineControl};
use switchback_probes::{ControlTargets, PoolControl, PostgresTarget};

const OPERATION: OperationId = OperationId(42);

fn node() -> Node {
    Node { name: "a1".parse().unwrap(), patroni: "patroni-a1".parse().unwrap(), postgres: "postgres-a1".parse().unwrap() }
}

/// Control of one server; the limits are those that orders always have.
fn control(server: &Server) -> PoolControl {
    let target = PostgresTarget { password: Some(server::PASSWORD.into()), ..postgres_target(server.address()) };
    PoolControl::new(ControlTargets { postgres: vec![(node().postgres, target)], ..ControlTargets::default() }).unwrap()
}

/// A server with everything that the documentation has people run.
async fn server() -> Server {
    let server = Server::start().await;
    server.set_up_pool();
    server
}

fn said(outcome: Result<impl std::fmt::Debug, ControlError>) -> String {
    match outcome {
        Err(ControlError::Refused { said, .. }) => said,
        other => panic!("not refused: {other:?}"),
    }
}

fn failure(outcome: Result<impl std::fmt::Debug, ControlError>) -> ProbeFailure {
    match outcome {
        Err(ControlError::Failed { failure, .. }) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

fn timed_out(after: u64) -> ProbeFailure {
    ProbeFailure::TimedOut { after: Millis(after) }
}

/// The standby has replayed everything that is written now. Returns where that ends.
fn caught_up(primary: &Server, standby: &Server) -> Lsn {
    let written = primary.psql("select pg_current_wal_lsn()");
    standby.wait_until(&format!("select pg_last_wal_replay_lsn() >= '{written}'"), "t");
    written.parse().unwrap()
}

#[tokio::test]
async fn rows_are_written_once_each_and_those_of_older_operations_go_with_the_marker() {
    let server = server().await;
    let (control, node) = (control(&server), node());
    control.write_row(&node, OperationId(41), 0).await.unwrap();
    for number in [0, 1, 2, 1, 0] {
        control.write_row(&node, OPERATION, number).await.unwrap();
    }
    let rows = control.rows(&node, OPERATION).await.unwrap();
    assert_eq!((rows.numbers.as_slice(), rows.has_marker(), rows.heartbeat_at), ([0, 1, 2].as_slice(), true, None));
    assert_eq!(control.rows(&node, OperationId(41)).await.unwrap().numbers, [0_u64; 0]);
    assert!(said(control.write_row(&node, OPERATION, u64::MAX).await).contains("too large"));

    server.psql("insert into switchback.heartbeat (id, beat_at, beat) values (1, '2026-11-22T12:00:00Z', 7)");
    let heartbeat = control.rows(&node, OPERATION).await.unwrap().heartbeat_at;
    assert_eq!(heartbeat, Some("2026-11-22T12:00:00Z".parse().unwrap()));
    let used = "select count(*) from pg_stat_activity where application_name = 'switchback'";
    assert_eq!(server.psql(used), "2", "one connection for questions and one for rows");
}

#[tokio::test]
async fn the_console_may_do_no_more_to_its_rows_than_it_does() {
    let server = server().await;
    let rights = "select string_agg(privilege_type, ' ' order by privilege_type) from information_schema.role_table_grants \
                  where grantee = 'switchback' and table_name = 'marker'";
    assert_eq!(server.psql(rights), "DELETE INSERT SELECT");
    server.psql("revoke insert on switchback.marker from switchback");
    assert!(said(control(&server).write_row(&node(), OPERATION, 0).await).ends_with("(42501)"));
    server.psql("drop table switchback.marker");
    assert!(said(control(&server).rows(&node(), OPERATION).await).ends_with("(42P01)"));
}

#[tokio::test]
async fn a_row_that_the_mirror_has_not_confirmed_is_not_acknowledged_however_often_it_is_written() {
    let server = server().await;
    let (control, node) = (control(&server), node());
    control.write_row(&node, OPERATION, 0).await.unwrap();
    server.psql("alter system set synchronous_standby_names = 'nobody'");
    server.psql("select pg_reload_conf()");
    server.wait_until("show synchronous_standby_names", "nobody");
    let began = Instant::now();
    assert_eq!(failure(control.write_row(&node, OPERATION, 1).await), timed_out(5_000));
    assert!(began.elapsed() < Duration::from_secs(8));
    // Its session still waits for the mirror, and holds the row.
    assert!(said(control.write_row(&node, OPERATION, 1).await).ends_with("(55P03)"));
    // When that session is gone the row is there, of a commit that nobody confirmed: the same row again must wait as well.
    server.psql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
    server.wait_until("select count(*) from switchback.marker where number = 1", "1");
    server.wait_until("select count(*) from pg_stat_activity where wait_event = 'SyncRep'", "0");
    assert_eq!(failure(control.write_row(&node, OPERATION, 1).await), timed_out(5_000));
    // Questions do not wait for anybody.
    assert!(!control.position(&node).await.unwrap().in_recovery);
}

#[tokio::test]
async fn a_checkpoint_is_made_with_the_right_to_it_and_refused_without() {
    let server = server().await;
    let before = server.psql("select checkpoint_lsn from pg_control_checkpoint()");
    let took = control(&server).checkpoint(&node()).await.unwrap();
    assert!(took.0 < 60_000);
    assert_ne!(server.psql("select checkpoint_lsn from pg_control_checkpoint()"), before);
    server.psql("revoke pg_checkpoint from switchback");
    assert!(said(control(&server).checkpoint(&node()).await).ends_with("(42501)"));
}

#[tokio::test]
async fn a_connection_that_has_died_is_replaced_without_anybody_noticing() {
    let mut server = server().await;
    let (control, node) = (control(&server), node());
    control.write_row(&node, OPERATION, 0).await.unwrap();
    control.position(&node).await.unwrap();
    server.stop();
    server.start_again().await;
    control.write_row(&node, OPERATION, 1).await.unwrap();
    assert_eq!(control.rows(&node, OPERATION).await.unwrap().numbers, [0, 1]);
    server.kill();
    assert_eq!(failure(control.position(&node).await), ProbeFailure::Refused);
    assert_eq!(failure(control.write_row(&node, OPERATION, 2).await), ProbeFailure::Refused);
    assert_eq!(failure(control.checkpoint(&node).await), ProbeFailure::Refused);
}

#[tokio::test]
async fn a_server_that_froze_costs_a_question_one_second_and_a_row_five() {
    let server = server().await;
    let (control, node) = (control(&server), node());
    control.write_row(&node, OPERATION, 0).await.unwrap();
    control.position(&node).await.unwrap();
    let frozen = server.freeze();
    assert_eq!(failure(control.position(&node).await), timed_out(1_000));
    assert_eq!(failure(control.write_row(&node, OPERATION, 1).await), timed_out(5_000));
    drop(frozen);
    control.write_row(&node, OPERATION, 1).await.unwrap();
    assert!(control.position(&node).await.is_ok());
}

#[tokio::test]
async fn the_end_of_a_standbys_log_proves_that_the_primary_shut_down_with_everything_sent() {
    let mut primary = server().await;
    let standby = primary.standby("b1").await;
    let (on_primary, on_standby, node) = (control(&primary), control(&standby), node());
    primary.wait_until("select count(*) from pg_stat_replication where state = 'streaming'", "1");
    assert!(on_primary.position(&node).await.unwrap().synchronous.is_empty());
    primary.psql("alter system set synchronous_standby_names = 'b1'");
    primary.psql("select pg_reload_conf()");
    primary.wait_until("select sync_state from pg_stat_replication", "sync");
    on_primary.write_row(&node, OPERATION, 0).await.unwrap();
    let from = caught_up(&primary, &standby);

    let at = on_primary.position(&node).await.unwrap();
    assert_eq!((at.in_recovery, at.streaming, at.synchronous.as_slice()), (false, false, ["b1".to_owned()].as_slice()));
    assert!(at.written.unwrap() >= from && at.received.is_none() && at.replayed.is_none());
    let at = on_standby.position(&node).await.unwrap();
    assert!(at.in_recovery && at.streaming && at.written.is_none() && at.replayed.unwrap() >= from && at.received.unwrap() >= from);
    assert_eq!(at.timeline.unwrap().0, 1);
    // It says no, but it does not ask to be written to.
    assert!(said(on_standby.write_row(&node, OPERATION, 1).await).ends_with("(25006)"));

    let ahead = Lsn(from.0 + 10 * 1024 * 1024);
    assert!(said(on_standby.log_end(&node, ahead).await).contains("LSN"), "what has not arrived yet proves nothing");
    on_primary.write_row(&node, OPERATION, 1).await.unwrap();
    caught_up(&primary, &standby);
    let end = on_standby.log_end(&node, from).await.unwrap();
    assert!(end.in_recovery && end.record.unwrap() >= from && !end.ends_in_shutdown, "{end:?}");

    primary.stop();
    standby.wait_until("select count(*) from pg_stat_wal_receiver", "0");
    let end = on_standby.log_end(&node, from).await.unwrap();
    assert!(end.ends_in_shutdown, "{end:?}");
    assert!(end.end.is_some() && end.end == end.replayed && end.in_recovery);
    assert_eq!(end.timeline.unwrap().0, 1);
}

#[tokio::test]
async fn a_standby_knows_its_timeline_after_the_stream_has_ended() {
    let primary = server().await;
    let mut middle = primary.standby("b1").await;
    let last = middle.standby("b2").await;
    middle.wait_until("select count(*) from pg_stat_replication where state = 'streaming'", "1");
    let (control, node) = (control(&last), node());
    middle.psql("select pg_promote()");
    middle.psql("create table public.afterwards ()");
    last.wait_until("select received_tli from pg_stat_wal_receiver where status = 'streaming'", "2");
    let from = caught_up(&middle, &last);
    assert_eq!(control.position(&node).await.unwrap().timeline.unwrap().0, 2);
    middle.stop();
    last.wait_until("select count(*) from pg_stat_wal_receiver", "0");
    assert_eq!(last.psql("select timeline_id from pg_control_checkpoint()"), "1", "what the control file says is old");
    assert_eq!(control.position(&node).await.unwrap().timeline.unwrap().0, 2);
    assert_eq!(control.log_end(&node, from).await.unwrap().timeline.unwrap().0, 2);
}
