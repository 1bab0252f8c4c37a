//! What a request is refused for, and what is said about it.

use super::*;
use crate::WitnessKind;

#[test]
fn a_request_is_refused_for_exactly_what_is_wrong_with_it() {
    let world = World::healthy(at(0));
    let plan = planned(&world, Intent::Switchover { to: Side::B });
    let refusal = |change: &dyn Fn(&mut Request)| {
        let mut request = request(&plan);
        change(&mut request);
        request.refusal(&world.pool, &plan, "hash", None, world.now)
    };
    assert_eq!(refusal(&|_| {}), None);
    assert_eq!(refusal(&|request| request.typed_pool = " CHAT-core ".to_owned()), None);
    assert!(matches!(refusal(&|request| request.typed_pool = "chat".to_owned()), Some(Refusal::WrongPool { .. })));
    assert!(matches!(refusal(&|request| request.typed_site = "dc-a".to_owned()), Some(Refusal::WrongSite { .. })));
    assert_eq!(refusal(&|request| request.reason = "  ".to_owned()), Some(Refusal::NoReason));
    assert_eq!(refusal(&|request| request.plan = "other".to_owned()), Some(Refusal::PlanChanged { changes: Vec::new() }));
    assert_eq!(refusal(&|request| request.planned_at = at(-301_000)), Some(Refusal::PlanExpired));
    assert_eq!(refusal(&|request| request.planned_at = at(60_000)), Some(Refusal::PlanExpired));
    assert!(matches!(refusal(&|request| request.reason = "x".repeat(1_001)), Some(Refusal::TooLong { .. })));
}

#[test]
fn a_failover_needs_each_failed_check_acknowledged_by_name_and_the_loss_accepted() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let plan = planned(&world, Intent::Failover { to: Side::B });
    let checks: Vec<CheckKind> = plan.not_passed.iter().map(|(kind, _)| *kind).collect();
    assert!(!checks.is_empty());
    let mut asked = request(&plan);
    assert_eq!(asked.refusal(&world.pool, &plan, "hash", None, world.now), Some(Refusal::NotAcknowledged { checks: checks.clone() }));
    asked.acknowledged = checks;
    // Refused connections prove nothing.
    let nodes = vec!["a1".parse().expect("a name"), "a2".parse().expect("a name")];
    assert_eq!(asked.refusal(&world.pool, &plan, "hash", None, world.now), Some(Refusal::NoAttestation { nodes }));
    asked.attestation = "the power is off, said the people there".to_owned();
    assert_eq!(asked.refusal(&world.pool, &plan, "hash", None, world.now), Some(Refusal::LossNotAccepted));
    asked.accepts_loss = true;
    assert_eq!(asked.refusal(&world.pool, &plan, "hash", None, world.now), None);
}

#[test]
fn a_failover_from_a_site_that_others_see_alive_needs_each_of_them_overridden_by_name_and_an_attestation() {
    let mut world = World::healthy(at(0));
    world.site_fails(Side::A, &ProbeFailure::Refused);
    let plan = planned(&world, Intent::Failover { to: Side::B });
    let kinds: Vec<WitnessKind> = plan.witnesses.iter().map(|witness| witness.kind).collect();
    assert_eq!(kinds, [WitnessKind::LogStream, WitnessKind::ProxyCheck]);
    let mut asked = request(&plan);
    asked.acknowledged = plan.not_passed.iter().map(|(kind, _)| *kind).collect();
    asked.accepts_loss = true;
    let refusal = |asked: &Request| asked.refusal(&world.pool, &plan, "hash", None, world.now);
    for (overridden, left) in [(vec![], 2), (vec![WitnessKind::LogStream], 1), (vec![WitnessKind::LeaderKey], 2)] {
        asked.overridden = overridden;
        assert!(matches!(refusal(&asked), Some(Refusal::SeenAlive { witnesses }) if witnesses.len() == left));
    }
    asked.overridden = kinds;
    assert!(matches!(refusal(&asked), Some(Refusal::NoAttestation { .. })), "overriding needs the words as well");
    asked.attestation = "I stand beside the machines; they are off".to_owned();
    assert_eq!(refusal(&asked), None);
}

#[test]
fn a_rehearsal_is_not_asked_for_what_the_operation_needs_and_says_what_that_would_be() {
    let mut world = World::healthy(at(0));
    world.site_fails(Side::A, &ProbeFailure::Refused);
    let plan = planned(&world, Intent::Failover { to: Side::B });
    let mut rehearsal = Request { dry_run: true, ..request(&plan) };
    let refusal = |asked: &Request| asked.refusal(&world.pool, &plan, "hash", None, world.now);
    assert_eq!(refusal(&rehearsal), None);
    assert!(refusal(&Request { typed_site: "dc-a".to_owned(), ..rehearsal.clone() }).is_some(), "names and a reason it needs as well");
    let still_needed = |request: &Request| -> Vec<&str> {
        let operation = opened_with(plan.clone(), |opened| *opened = request.clone());
        operation.report(&world.pool, String::new(), None).still_needed.iter().map(Refusal::code).collect()
    };
    assert_eq!(still_needed(&rehearsal), ["not_acknowledged", "seen_alive", "no_attestation", "loss_not_accepted"]);
    rehearsal.attestation = "the power is off".to_owned();
    rehearsal.accepts_loss = true;
    assert_eq!(still_needed(&rehearsal), ["not_acknowledged", "seen_alive"]);
    assert_eq!(still_needed(&request(&plan)), [] as [&str; 0], "only a rehearsal leaves anything open");

    let world = World::healthy(at(0));
    let plan = planned(&world, Intent::Resolve { keep: Side::B });
    let rehearsal = Request { dry_run: true, ..request(&plan) };
    assert_eq!(rehearsal.unanswered(&plan), [Refusal::LossNotAccepted]);
}

#[test]
fn a_plan_that_is_another_one_says_what_has_changed() {
    let mut world = World::healthy(at(0));
    let intent = || Intent::Failover { to: Side::B };
    let seen = planned(&world, intent());
    assert_eq!(seen.changes_since(&seen), []);
    world.site_dies(Side::A, &ProbeFailure::Refused);
    world.pass(16_000);
    let now = planned(&world, intent());
    let changes = now.changes_since(&seen);
    let a1 = || Some("a1".parse().unwrap());
    assert!(changes.contains(&PlanChange::Leader { side: Side::A, was: a1(), now: None }), "{changes:?}");
    let unknown = PlanChange::Check { check: CheckKind::OneDatabase, was: None, now: Some(Verdict::Unknown) };
    assert!(changes.contains(&unknown), "{changes:?}");
    let class = PlanChange::Protection { was: seen.loss.state, now: crate::ProtectionState::SiteSilent };
    assert!(changes.contains(&class), "{changes:?}");

    let refused = request(&seen).refusal(&world.pool, &now, "another hash", Some(&seen), world.now);
    assert_eq!(refused, Some(Refusal::PlanChanged { changes }), "what has changed is said");
}

#[test]
fn another_timeline_another_epoch_and_other_steps_are_told() {
    let world = World::healthy(at(0));
    let seen = planned(&world, Intent::Switchover { to: Side::B });
    let mut now = Plan { epoch: seen.epoch.next(), ..seen.clone() };
    let (_, _, timeline) = &mut now.leaders[0];
    let was = timeline.replace(crate::Timeline(99));
    now.steps.pop();
    let told = [
        PlanChange::Epoch { was: seen.epoch, now: now.epoch },
        PlanChange::Timeline { side: Side::A, was, now: Some(crate::Timeline(99)) },
        PlanChange::Steps { was: seen.steps.len(), now: seen.steps.len() - 1 },
    ];
    assert_eq!(now.changes_since(&seen), told);
}

#[test]
fn checks_that_only_a_silent_site_keeps_from_being_told_say_so() {
    let mut world = World::healthy(at(0));
    let of = |world: &World| {
        let (picture, plan) = (world.picture(), planned(world, Intent::Failover { to: Side::B }));
        plan.not_passed.iter().map(|(kind, verdict)| (*kind, *verdict, picture.silence_behind(*kind))).collect::<Vec<_>>()
    };
    assert_eq!(of(&world), []);
    world.site_dies(Side::A, &ProbeFailure::Unreachable);
    world.pass(10_000);
    let lost = of(&world);
    assert!(lost.len() > 10, "{lost:?}");
    for (kind, verdict, behind) in &lost {
        let expected = (*verdict == Verdict::Unknown).then_some(Side::A);
        assert_eq!(*behind, expected, "{kind:?}");
    }
    // With a reading missing from the other site as well, this check has two reasons.
    world.fails("etcd-b", ProbeFailure::Unreachable);
    world.pass(10_000);
    let behind = |kind| of(&world).into_iter().find(|(found, ..)| *found == kind).and_then(|(.., behind)| behind);
    assert_eq!(behind(CheckKind::EtcdHealthy), None);
    assert_eq!(behind(CheckKind::OneDatabase), Some(Side::A));
    assert_eq!(behind(CheckKind::UniqueNames), Some(Side::A));
}

#[test]
fn a_site_of_which_something_is_heard_is_not_silent() {
    let mut world = World::healthy(at(0));
    for postgres in ["postgres-a1", "postgres-a2"] {
        world.fails(postgres, ProbeFailure::Unauthorized);
    }
    world.pass(10_000);
    let (picture, plan) = (world.picture(), planned(&world, Intent::Failover { to: Side::B }));
    assert!(plan.not_passed.contains(&(CheckKind::OneDatabase, Verdict::Unknown)), "{:?}", plan.not_passed);
    assert!(plan.not_passed.iter().all(|(kind, _)| picture.silence_behind(*kind).is_none()), "{:?}", plan.not_passed);
}

fn breakages() -> impl Strategy<Value = Vec<(usize, bool, bool)>> {
    prop::collection::vec((0_usize..12, any::<bool>(), any::<bool>()), 0..8)
}

/// Some of the pool's endpoints fail, or a node tells of another timeline.
fn broken(breakages: &[(usize, bool, bool)]) -> World {
    let mut world = World::healthy(at(0));
    let endpoints = world.pool.endpoints();
    for (which, refused, later) in breakages {
        let cause = if *refused { ProbeFailure::Refused } else { ProbeFailure::Unreachable };
        if *later {
            let node = ["a1", "a2", "b1", "b2"][which % 4];
            world.postgres(node, |facts| facts.timeline = facts.timeline.map(|crate::Timeline(number)| crate::Timeline(number + 1)));
        } else {
            world.fails(endpoints[which % endpoints.len()].name.as_str(), cause);
        }
    }
    world.pass(10_000);
    world
}

proptest! {
    /// Whoever is told that the plan is another one is also told why, and nobody is told of a change that makes no difference.
    #[test]
    fn something_has_changed_exactly_when_the_plan_is_another_one(before in breakages(), after in breakages(), intent in 0_usize..3) {
        let intent = || [Intent::Switchover { to: Side::B }, Intent::Failover { to: Side::B }, Intent::Failback { to: Side::A }][intent].clone();
        let (seen, now) = (planned(&broken(&before), intent()), planned(&broken(&after), intent()));
        let essence = |plan: &Plan| serde_json::to_value(plan.essence()).unwrap();
        prop_assert_eq!(now.changes_since(&seen).is_empty(), essence(&now) == essence(&seen));
    }
}
