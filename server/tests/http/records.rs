//! What stands about a pool in the store, where several consoles meet: the cool-down.

use crate::{
    hands::MembersOnly,
    support::{World, machine_time},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use switchback_domain::{
    Millis, Policy, PoolId, Side,
    error::RequestError,
    fixture,
    operation::{Intent, MemberChange, MemberOrder, OperationId, PlanObjection, Planned, Refusal, Request, StageWord},
    people::{Caller, Person},
};
use switchback_engine::Console;

const FROM: &str = "192.0.2.7";

fn pool() -> PoolId {
    fixture::pool().id
}

fn cooling() -> Policy {
    Policy { cool_down: Millis(600_000), ..fixture::pool().policy }
}

fn hands() -> Arc<MembersOnly> {
    Arc::default()
}

fn mira() -> Caller {
    let person = Person { login: "mira".parse().unwrap(), name: "Mira Okafor".to_owned(), created_at: machine_time() };
    Caller { person, session_ends_at: machine_time() + Duration::from_hours(12) }
}

fn drain(member: &str) -> Intent {
    Intent::Members { changes: vec![MemberChange { side: Side::A, member: member.parse().unwrap(), to: MemberOrder::Drain }] }
}

async fn planned(console: &Console, intent: Intent) -> Planned {
    console.plan(&mira(), &pool(), intent).await.unwrap()
}

/// A request for what was planned, allowed in every other respect.
fn request(planned: Planned) -> Request {
    let Planned { plan, hash } = planned;
    let site = plan.intent.side().map(|side| fixture::pool().sites[side].id.to_string());
    Request {
        pool: plan.pool,
        plan: hash,
        planned_at: plan.made_at,
        reason: "drill".to_owned(),
        ticket: String::new(),
        typed_pool: pool().to_string(),
        typed_site: site.unwrap_or_default(),
        accepts_loss: true,
        acknowledged: plan.not_passed.iter().map(|(kind, _)| *kind).collect(),
        attestation: String::new(),
        dry_run: false,
        intent: plan.intent,
    }
}

async fn ask(console: &Console, intent: Intent) -> Result<OperationId, RequestError> {
    console.request(&mira(), request(planned(console, intent).await), FROM).await
}

/// Waits until something is so.
#[expect(clippy::disallowed_methods, reason = "the tests wait for the loops of a console")]
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {what}");
}

async fn done(console: &Console, id: OperationId) {
    until("the operation is done", async || console.operation(&mira(), id).await.unwrap().stage.word() == StageWord::Done).await;
    // It leaves the desk a moment later.
    until("it has left the desk", async || console.picture(&mira(), &pool()).unwrap().standing.operation.is_none()).await;
}

fn cools(planned: &Planned) -> bool {
    planned.plan.objections.iter().any(|objection| matches!(objection, PlanObjection::CoolingDown { .. }))
}

#[tokio::test]
async fn a_console_that_is_started_anew_and_a_second_one_know_the_cool_down() {
    let world = World::with_policy(hands(), cooling()).await;
    let second = world.another(hands(), cooling());
    let id = ask(&world.console, drain("member-a1")).await.unwrap();
    done(&world.console, id).await;
    let ended = world.console.report(&mira(), id).await.unwrap().ended_at.unwrap();
    until("the second console knows", async || cools(&planned(&second, drain("member-a2")).await)).await;
    let refused = ask(&second, drain("member-a2")).await;
    // The store keeps milliseconds.
    let until = Timestamp::from_millisecond(ended.as_millisecond()).unwrap() + Duration::from_mins(10);
    let cooling_down = Refusal::Objections { objections: vec![PlanObjection::CoolingDown { until }] };
    assert_eq!(refused, Err(RequestError::Refused { refusal: cooling_down.clone() }));

    let anew = world.another(hands(), cooling());
    self::until("the new console knows", async || cools(&planned(&anew, drain("member-a2")).await)).await;
    assert_eq!(ask(&anew, drain("member-a2")).await, Err(RequestError::Refused { refusal: cooling_down }));
    // An emergency asks for no convenient time.
    let emergency = planned(&anew, Intent::Failover { to: Side::B }).await;
    assert!(!cools(&emergency), "{emergency:?}");
    ask(&anew, Intent::Failover { to: Side::B }).await.unwrap();
}

#[tokio::test]
async fn after_a_rehearsal_nothing_cools_down_and_after_its_time_neither() {
    let world = World::with_policy(hands(), cooling()).await;
    let rehearsal = Request { dry_run: true, ..request(planned(&world.console, drain("member-a1")).await) };
    let id = world.console.request(&mira(), rehearsal, FROM).await.unwrap();
    done(&world.console, id).await;
    assert_eq!(world.store.record(&pool()).await.unwrap().ended_at, None);
    let id = ask(&world.console, drain("member-a1")).await.unwrap();
    done(&world.console, id).await;
    assert!(cools(&planned(&world.console, drain("member-a2")).await));
    world.pass(Duration::from_mins(11));
    assert!(!cools(&planned(&world.console, drain("member-a2")).await), "at the very moment");
    let anew = world.another(hands(), cooling());
    let id = ask(&anew, drain("member-a2")).await.unwrap();
    done(&anew, id).await;
}
