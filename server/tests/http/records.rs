//! What stands about a pool in the store, where several consoles meet: the cool-down, the epoch, the lease, and what was begun
//! under which key.

use crate::{
    control::MembersOnly,
    operations::page,
    support::{MovedClock, World, location, machine_time},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use switchback_domain::{
    Millis, Policy, PoolId, Side,
    audit::Deed,
    error::{RequestError, WishError},
    fixture,
    operation::{
        Choice, ControlRequest, Epoch, Intent, MemberChange, MemberOrder, OperationId, PlanChange, PlanObjection, Planned, Refusal,
        Request, StageCode,
    },
    people::{Caller, Person},
    permission::Role,
};
use switchback_engine::{
    Console,
    audit::{Actor, AuditEntry, audited},
    ports::{Clock as _, IdempotencyKey, Lease, LeaseAsk, RecordChange},
};

const FROM: &str = "192.0.2.7";

fn pool() -> PoolId {
    fixture::pool().id
}

fn cooling() -> Policy {
    Policy { cool_down: Millis(600_000), ..fixture::pool().policy }
}

pub fn control() -> Arc<MembersOnly> {
    Arc::default()
}

pub fn mira() -> Caller {
    let person = Person { login: "mira".parse().unwrap(), name: "Mira Okafor".to_owned(), created_at: machine_time() };
    Caller { person, role: Role::Administrator, session_ends_at: machine_time() + Duration::from_hours(12) }
}

pub fn drain(member: &str) -> Intent {
    Intent::Members { changes: vec![MemberChange { side: Side::A, member: member.parse().unwrap(), to: MemberOrder::Drain }] }
}

async fn planned(console: &Console, intent: Intent) -> Planned {
    console.plan(&mira(), &pool(), intent).await.unwrap()
}

/// A request for what was planned, allowed in every other respect.
pub fn request(planned: Planned) -> Request {
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
        overridden: Vec::new(),
        dry_run: false,
        intent: plan.intent,
    }
}

async fn ask(console: &Console, intent: Intent) -> Result<OperationId, RequestError> {
    console.request(&mira(), request(planned(console, intent).await), None, FROM).await
}

/// Waits until something is so.
#[expect(clippy::disallowed_methods, reason = "the tests wait for the loops of a console")]
pub async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {what}");
}

async fn done(console: &Console, id: OperationId) {
    until("the operation is done", async || console.operation(&mira(), id).await.unwrap().stage.as_code() == StageCode::Done).await;
    // It is not open any more a moment later.
    until("it has left the desk", async || console.picture(&mira(), &pool()).unwrap().pool_state.operation.is_none()).await;
}

fn cools(planned: &Planned) -> bool {
    planned.plan.objections.iter().any(|objection| matches!(objection, PlanObjection::CoolingDown { .. }))
}

#[tokio::test]
async fn a_console_that_is_started_anew_and_a_second_one_know_the_cool_down() {
    let world = World::with_policy(control(), cooling()).await;
    let second = world.another(control(), cooling());
    let id = ask(&world.console, drain("member-a1")).await.unwrap();
    done(&world.console, id).await;
    let ended = world.console.report(&mira(), id).await.unwrap().ended_at.unwrap();
    until("the second console knows", async || cools(&planned(&second, drain("member-a2")).await)).await;
    let refused = ask(&second, drain("member-a2")).await;
    // The store keeps milliseconds.
    let until = Timestamp::from_millisecond(ended.as_millisecond()).unwrap() + Duration::from_mins(10);
    let cooling_down = Refusal::Objections { objections: vec![PlanObjection::CoolingDown { until }] };
    assert_eq!(refused, Err(RequestError::Refused { refusal: cooling_down.clone() }));

    let anew = world.another(control(), cooling());
    self::until("the new console knows", async || cools(&planned(&anew, drain("member-a2")).await)).await;
    assert_eq!(ask(&anew, drain("member-a2")).await, Err(RequestError::Refused { refusal: cooling_down }));
    // An emergency asks for no convenient time.
    let emergency = planned(&anew, Intent::Failover { to: Side::B }).await;
    assert!(!cools(&emergency), "{emergency:?}");
    ask(&anew, Intent::Failover { to: Side::B }).await.unwrap();
}

#[tokio::test]
async fn after_a_rehearsal_nothing_cools_down_and_after_its_time_neither() {
    let world = World::with_policy(control(), cooling()).await;
    let rehearsal = Request { dry_run: true, ..request(planned(&world.console, drain("member-a1")).await) };
    let id = world.console.request(&mira(), rehearsal, None, FROM).await.unwrap();
    done(&world.console, id).await;
    assert_eq!(world.store.record(&pool()).await.unwrap().ended_at, None);
    let id = ask(&world.console, drain("member-a1")).await.unwrap();
    done(&world.console, id).await;
    assert!(cools(&planned(&world.console, drain("member-a2")).await));
    world.pass(Duration::from_mins(11));
    assert!(!cools(&planned(&world.console, drain("member-a2")).await), "at the very moment");
    let anew = world.another(control(), cooling());
    let id = ask(&anew, drain("member-a2")).await.unwrap();
    done(&anew, id).await;
}

/// What another console on the same machine gets that asks for the lease so much later.
async fn take_at(world: &World, later: Duration) -> Option<Lease> {
    let clock = MovedClock::default();
    let ask = LeaseAsk {
        holder: "another console",
        machine: clock.machine(),
        since_boot: clock.since_boot() + later,
        lasts: Duration::from_hours(1),
        stood_still: None,
        told_until: machine_time(),
    };
    world.store.take_lease(&pool(), &ask).await.unwrap().taken()
}

/// The lease of the pool as another console holds it from now on, whoever had it.
async fn seized(world: &World) -> Lease {
    take_at(world, Duration::from_hours(1)).await.unwrap()
}

fn by_another_console() -> AuditEntry {
    audited(&Actor::console(), Deed::StepBegun, "").done(machine_time(), ())
}

#[tokio::test]
async fn what_was_planned_in_another_epoch_is_not_begun_even_if_nobody_has_seen_it_yet() {
    let world = World::with_policy(control(), fixture::pool().policy).await;
    let session = world.signed_in().await;
    let before = request(planned(&world.console, drain("member-a1")).await);
    let (seen, at) = (before.plan.clone(), before.planned_at.to_string().replace(':', "%3A"));
    // Another console changes the active site, and is done with it.
    let lease = seized(&world).await;
    world.store.change_record(&lease, &RecordChange::Epoch(Epoch(1)), &by_another_console()).await.unwrap();
    world.store.give_lease_back(&lease).await.unwrap();
    let changes = vec![PlanChange::Epoch { was: Epoch(0), now: Epoch(1) }];
    let refused = RequestError::Refused { refusal: Refusal::PlanChanged { changes } };
    assert_eq!(world.console.request(&mira(), before, None, FROM).await, Err(refused));
    assert_eq!(world.audit().await.last().unwrap(), "operation_requested refused plan_changed");
    assert_eq!(world.store.operations(None, 9).await.unwrap(), []);
    // Whoever was refused under the lease holds it no longer.
    let free = take_at(&world, Duration::ZERO).await;
    assert!(free.is_some(), "the lease was not given back");
    world.store.give_lease_back(&free.unwrap()).await.unwrap();
    assert_eq!(planned(&world.console, drain("member-a1")).await.plan.epoch, Epoch(1));
    // A form without scripts is led to the new plan, and told what is new about it.
    let form = format!("pool=chat-core&kind=members&site=dc-a&changes=dc-a%2Fmember-a1%2Fdrain&plan={seen}&planned_at={at}");
    let back = world.post("/operations", &format!("{form}&typed_pool=chat-core&typed_site=dc-a&reason=drill"), Some(&session)).await;
    let back = location(&back).to_owned();
    assert!(back.contains("problem=plan_changed") && back.contains(&format!("seen={seen}")), "{back}");
    let shown = page(&world, &back, &session).await;
    assert!(shown.contains("Another operation has changed the pool since then. Look at the new plan below."), "{shown}");
    ask(&world.console, drain("member-a1")).await.unwrap();
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_begins_and_keeps_the_lease() {
    let world = World::with_policy(control(), fixture::pool().policy).await;
    let planned = planned(&world.console, drain("member-a1")).await;
    let asking = (0..8).map(|_| {
        let (console, request) = (Arc::clone(&world.console), request(planned.clone()));
        tokio::spawn(async move { console.request(&mira(), request, None, FROM).await })
    });
    let mut begun = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            Ok(id) => begun.push(id),
            Err(RequestError::Refused { refusal: Refusal::Objections { objections } }) => {
                assert!(matches!(objections[0], PlanObjection::OperationRuns { .. } | PlanObjection::CoolingDown { .. }), "{objections:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(begun.len(), 1, "{begun:?}");
    done(&world.console, begun[0]).await;
    let refused = world.audit().await.into_iter().filter(|entry| entry == "operation_requested refused objections").count();
    assert_eq!(refused, 7, "every refusal leaves a trace");
}

#[tokio::test]
async fn while_another_console_holds_the_lease_whoever_wants_something_is_told_so_and_it_leaves_a_trace() {
    let world = World::with_policy(control(), fixture::pool().policy).await;
    // It asks, because nothing of the old site can be reached.
    let id = ask(&world.console, Intent::Failover { to: Side::B }).await.unwrap();
    let asks = async || world.console.operation(&mira(), id).await.unwrap().stage.as_code() == StageCode::NeedsPerson;
    until("it asks", asks).await;
    seized(&world).await;
    assert_eq!(world.console.wish(&mira(), id, ControlRequest::Cancel, FROM).await, Err(WishError::LeaseHeld));
    assert_eq!(world.audit().await.last().unwrap(), "operation_wish refused lease_held");
    let answered = world.console.answer(&mira(), id, 1, Choice::Retry, ("", ""), FROM).await;
    assert_eq!(answered, Err(WishError::LeaseHeld));
    assert_eq!(world.audit().await.last().unwrap(), "operation_answer refused lease_held");

    let world = World::with_policy(control(), fixture::pool().policy).await;
    seized(&world).await;
    assert_eq!(ask(&world.console, drain("member-a1")).await, Err(RequestError::LeaseHeld));
    assert_eq!(world.audit().await.last().unwrap(), "operation_requested refused lease_held");
}

fn key(body: u8) -> IdempotencyKey {
    IdempotencyKey { key: "monday".to_owned(), body: [body; 32] }
}

#[tokio::test]
async fn what_was_begun_under_a_key_is_known_to_the_console_that_is_started_after_a_crash() {
    let world = World::with_policy(control(), cooling()).await;
    let asked = request(planned(&world.console, drain("member-a1")).await);
    let id = world.console.request(&mira(), asked.clone(), Some(key(1)), FROM).await.unwrap();
    // Whoever asked has not heard the answer. The key is in the store, because it was written with the operation.
    let anew = world.another(control(), cooling());
    assert_eq!(anew.request(&mira(), asked.clone(), Some(key(1)), FROM).await, Ok(id));
    assert_eq!(anew.request(&mira(), asked.clone(), Some(key(2)), FROM).await, Err(RequestError::KeyReused));
    assert_eq!(world.audit().await.last().unwrap(), "operation_requested refused idempotency_key_reused");
    // Somebody else's key of the same name is another one.
    let person = Person { login: "noah".parse().unwrap(), ..mira().person };
    let noah = anew.request(&Caller { person, ..mira() }, asked, Some(key(1)), FROM).await;
    // The operation runs still, or the console that was first holds the lease.
    assert!(matches!(noah, Err(RequestError::Refused { .. } | RequestError::LeaseHeld)), "{noah:?}");
    assert_eq!(world.store.operations(None, 9).await.unwrap(), [id]);
    done(&world.console, id).await;
}

#[tokio::test]
async fn the_same_asked_many_times_at_once_under_one_key_is_begun_once_and_everybody_gets_its_number() {
    let world = World::with_policy(control(), fixture::pool().policy).await;
    let asked = request(planned(&world.console, drain("member-a1")).await);
    let caller = mira();
    let asking = (0..8).map(|_| world.console.request(&caller, asked.clone(), Some(key(1)), FROM));
    let answers = futures::future::join_all(asking).await;
    assert!(answers.iter().all(|answer| answer.is_ok() && *answer == answers[0]), "{answers:?}");
    assert_eq!(world.store.operations(None, 9).await.unwrap().len(), 1);
}
