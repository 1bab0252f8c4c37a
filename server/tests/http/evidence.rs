//! What only a lost timeline had, and what somebody has to do by hand about it: on pages, in the API, and on the command line.

use crate::{
    api::{Program, json_of},
    support::{World, body, text},
};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;
use switchback_domain::{
    Lsn, Side, Timeline,
    audit::Deed,
    fixture,
    operation::{
        Entry, Epoch, Event, Evidence, Intent, Next, Operation, OperationId, PoolState, Request, Step, StepEvidence, StepFailure, plan,
    },
};
use switchback_engine::{
    audit::{Actor, AuditEntry},
    ports::{LeaseAsk, Opening},
};

const NAME: &str = "lost-rows-a1.jsonl";
const LINES: &str = "{\"lost_timeline\":{\"node\":\"a1\"}}\n{\"database\":\"chat\",\"row\":{\"body\":\"爱达\"}}\n";

fn audited(subject: String) -> AuditEntry {
    switchback_engine::audit::audited(&Actor::console(), Deed::EvidenceKept, subject).done(fixture::at(0), json!({}))
}

/// A re-protection of the first site that has found, saved and refused what it had to.
pub async fn collided(world: &World) -> OperationId {
    let (store, made) = (&world.store, fixture::World::healthy(fixture::at(0)));
    let plan = plan(&made.pool, &made.picture(), &PoolState::default(), Intent::Reprotect { side: Side::A }, made.now);
    let request = Request {
        pool: plan.pool.clone(),
        intent: plan.intent.clone(),
        plan: "00".repeat(32),
        planned_at: plan.made_at,
        reason: "it is back".to_owned(),
        ticket: String::new(),
        typed_pool: plan.pool.to_string(),
        typed_site: "dc-a".to_owned(),
        accepts_loss: false,
        acknowledged: Vec::new(),
        attestation: String::new(),
        overridden: Vec::new(),
        dry_run: false,
    };
    let ask = LeaseAsk {
        holder: "somebody else",
        machine: "another",
        since_boot: Duration::ZERO,
        lasts: Duration::from_hours(1),
        stood_still: None,
        told_until: fixture::at(0),
    };
    let lease = store.take_lease(&plan.pool, &ask).await.unwrap().taken().unwrap();
    let entry = |event| Entry { at: fixture::at(1), event };
    let first = entry(Event::Requested { request: request.into(), by: "mira".parse().unwrap(), plan: plan.into() });
    let summary = Operation::from_journal(OperationId(0), std::slice::from_ref(&first)).unwrap().summary();
    let opening = Opening { first: first.clone(), audit: audited(String::new()), epoch: Epoch(0), key: None, summary, closes: None };
    let id = store.open_operation(&lease, &opening).await.unwrap();
    let mut operation = Operation::from_journal(id, &[first]).unwrap();
    let node = || "a1".parse().unwrap();
    loop {
        let ended = |step, facts, trouble| vec![Event::StepBegun { step }, Event::StepEnded { step, facts, trouble }];
        let collision = (Timeline(7), Lsn(0x10), Lsn(0x20));
        let events = match operation.decide() {
            Next::Begin { step } => match operation.plan.steps[step] {
                Step::Inspect { side } => {
                    let (timeline, active_left_at, returning_left_at) = collision;
                    let collided = StepEvidence::Collided { side, timeline, active_left_at, returning_left_at };
                    let path = "/var/lib/postgresql/15/it's main".to_owned();
                    ended(step, vec![collided, StepEvidence::DataDirectory { node: node(), path }], None)
                }
                Step::Save { .. } => {
                    let bytes = LINES.len() as u64;
                    let evidence = Evidence { name: NAME.to_owned(), bytes, sha256: "0f".repeat(32), kept_at: fixture::at(2) };
                    store.keep_evidence(id, &evidence, LINES.as_bytes(), &audited(format!("{id}/{NAME}"))).await.unwrap();
                    let saved = StepEvidence::Saved { node: node(), name: NAME.to_owned(), rows: 1, bytes, tables: 1, left_out: 2 };
                    ended(step, vec![saved], None)
                }
                _ => {
                    let (timeline, active_left_at, returning_left_at) = collision;
                    ended(step, Vec::new(), Some(StepFailure::Collision { timeline, active_left_at, returning_left_at }))
                }
            },
            Next::Write(event) => vec![*event],
            Next::Undo { .. } | Next::Rest => return id,
        };
        for event in events.into_iter().map(entry) {
            let number = operation.events;
            operation.evolve(&event).unwrap();
            store.append_entry(&lease, id, number, &event, None, &[], &operation.summary()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_page_and_the_report_lead_to_what_was_saved_and_tell_what_to_do_by_hand() {
    let world = World::new().await;
    let session = world.signed_in().await;
    let id = collided(&world).await;
    let address = format!("/api/v1/operations/{id}/evidence/{NAME}");
    let page = body(world.get(&format!("/operations/{id}"), Some(&session)).await).await;
    for shown in [
        "To be done by hand",
        "systemctl stop patroni",
        // Of the first node it is known where its data is.
        "find &#x27;/var/lib/postgresql/15/it&#x27;\\&#x27;&#x27;s main&#x27; -mindepth 1 -delete",
        "etcdctl del &#x27;/service/pool-a/&#x27; &#x27;/service/pool-a/config&#x27;",
        "systemctl start patroni",
        &format!("href=\"{address}\""),
    ] {
        let plain = page.replace("&#39;", "&#x27;").replace('\'', "&#x27;");
        assert!(plain.contains(shown), "{shown} is not on the page");
    }
    let report = body(world.get(&format!("/operations/{id}/report"), Some(&session)).await).await;
    assert!(report.contains(&format!("href=\"{address}\"")), "the report leads to it");
    assert!(!report.contains("systemctl"), "a report is for those who were not there");

    let file = world.get(&address, Some(&session)).await;
    assert_eq!(file.status(), StatusCode::OK);
    assert_eq!(text(file.headers(), "content-type"), "application/jsonl");
    assert_eq!(text(file.headers(), "content-disposition"), format!("attachment; filename=\"{id}-{NAME}\""));
    assert_eq!(body(file).await, LINES);
    assert_eq!(world.audit().await.last().unwrap(), "evidence_read done");
}

#[tokio::test]
async fn programs_get_what_was_saved_and_the_instructions_one_by_one() {
    let world = World::new().await;
    let program = Program::of(&world).await;
    let id = collided(&world).await;
    let kept = json_of(program.get(&format!("/operations/{id}/evidence")).await).await;
    assert_eq!(kept, json!([{"name": NAME, "bytes": LINES.len(), "sha256": "0f".repeat(32), "kept_at": fixture::at(2)}]));
    assert_eq!(body(program.get(&format!("/operations/{id}/evidence/{NAME}")).await).await, LINES);
    let read = world.store.entries(1).await.unwrap().remove(0);
    assert_eq!((read.deed().as_code(), read.subject.as_str()), ("evidence_read", &*format!("{id}/{NAME}")));
    assert_eq!(read.actor.unwrap().as_str(), "mira");

    let before = world.store.entries(99).await.unwrap().len();
    for (path, code) in [
        (format!("/operations/{id}/evidence/other.jsonl"), "unknown_evidence"),
        (format!("/operations/{id}/evidence/%22%0d%0ax"), "unknown_evidence"),
        (format!("/operations/op-9999/evidence/{NAME}"), "unknown_operation"),
        ("/operations/nonsense/evidence".to_owned(), "unknown_operation"),
    ] {
        let response = program.get(&path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(json_of(response).await["code"], code, "{path}");
    }
    assert_eq!(world.store.entries(99).await.unwrap().len(), before, "nothing was read");

    let report = json_of(program.get(&format!("/operations/{id}/report")).await).await;
    assert_eq!(report["evidence"], json!([NAME]));
    let tasks: Vec<&str> = report["instructions"].as_array().unwrap().iter().map(|one| one["task"].as_str().unwrap()).collect();
    assert_eq!(tasks, ["stop_patroni", "empty_data", "forget_cluster", "empty_archive", "retry", "start_first"]);
    let empty = &report["instructions"][1];
    assert_eq!(empty["on"], "a1");
    assert_eq!(empty["command"], r"find '/var/lib/postgresql/15/it'\''s main' -mindepth 1 -delete");
}
