//! Orders that were refused for certain: nothing has happened, so the way back is open.

use super::*;
use crate::Lsn;

fn refused() -> StepFailure {
    StepFailure::Refused { endpoint: "patroni-b1".parse().unwrap(), said: "status 401: not authenticated".to_owned() }
}

fn no() -> StepEvidence {
    let answer = OrderFailure::Refused { said: "status 401: not authenticated".to_owned() };
    StepEvidence::OrderFailed { endpoint: "patroni-b1".parse().unwrap(), order: OrderKind::Lead, answer }
}

/// Goes on to the next step of this kind.
fn up_to(operation: &mut Operation, is: fn(&Step) -> bool) {
    go_on(operation, &never, &is);
}

fn failover() -> Operation {
    let mut world = World::healthy(at(0));
    world.pass(60_000);
    world.site_dies(Side::A, &ProbeFailure::Refused);
    opened(planned(&world, Intent::Failover { to: Side::B }))
}

fn asked(operation: &Operation) -> Question {
    match &operation.stage {
        Stage::NeedsPerson { question, .. } => question.clone(),
        other => panic!("nobody is asked: {other:?}"),
    }
}

fn answer(operation: &mut Operation, choice: Choice) {
    let number = asked(operation).number;
    tell(operation, Event::Answered { number, choice, by: by(), reason: String::new() });
}

#[test]
fn a_switchover_whose_promotion_was_refused_for_certain_makes_the_old_site_lead_again() {
    let mut operation = switchover();
    up_to(&mut operation, |step| matches!(step, Step::Promote { .. }));
    let Next::Begin { step } = operation.decide() else { panic!() };
    tell(&mut operation, Event::StepBegun { step });
    assert!(operation.is_past_no_return(), "while the order is on its way nobody knows");
    tell(&mut operation, Event::StepEnded { step, facts: vec![no(), StepEvidence::NoOrderTaken], trouble: Some(refused()) });
    assert!(!operation.is_past_no_return());
    assert_eq!(go_on(&mut operation, &never, &never), ["undo demote", "undo drain"]);
    assert!(matches!(outcome(&operation), Outcome::Undone { why: GivenUp::StepFailed { .. }, stays } if stays.is_empty()));
}

#[test]
fn a_failover_whose_promotion_was_refused_for_certain_may_be_put_back_also_after_it_was_tried_again() {
    let mut operation = failover();
    up_to(&mut operation, |step| matches!(step, Step::Promote { .. }));
    for _ in 0..12 {
        one_step(&mut operation, vec![no(), StepEvidence::NoOrderTaken], Some(refused()));
        written(&mut operation);
        assert_eq!(asked(&operation).options, [Choice::Retry, Choice::Undo]);
        answer(&mut operation, Choice::Retry);
        assert!(!operation.is_past_no_return());
    }
    one_step(&mut operation, vec![no(), StepEvidence::NoOrderTaken], Some(refused()));
    written(&mut operation);
    answer(&mut operation, Choice::Undo);
    assert_eq!(go_on(&mut operation, &never, &never), ["undo fence"]);
}

#[test]
fn one_attempt_that_may_have_been_taken_shuts_the_way_back_for_good() {
    let not_refused = [Vec::new(), vec![no()]];
    for uncertain in not_refused {
        for before in [0, 1, 12] {
            let mut operation = failover();
            up_to(&mut operation, |step| matches!(step, Step::Promote { .. }));
            for attempt in 0..before + 12 {
                let facts = if attempt == before { uncertain.clone() } else { vec![no(), StepEvidence::NoOrderTaken] };
                one_step(&mut operation, facts, Some(trouble()));
                written(&mut operation);
                let back = if attempt < before { Choice::Undo } else { Choice::Abandon };
                assert_eq!(asked(&operation).options, [Choice::Retry, back], "attempt {attempt}, uncertain {before}");
                answer(&mut operation, Choice::Retry);
            }
        }
    }
}

#[test]
fn an_attempt_that_the_console_did_not_survive_may_have_been_taken() {
    let mut operation = failover();
    up_to(&mut operation, |step| matches!(step, Step::Promote { .. }));
    let Next::Begin { step } = operation.decide() else { panic!() };
    tell(&mut operation, Event::StepBegun { step });
    tell(&mut operation, Event::StepBegun { step });
    tell(&mut operation, Event::StepEnded { step, facts: vec![no(), StepEvidence::NoOrderTaken], trouble: Some(refused()) });
    assert!(operation.is_past_no_return());
}

#[test]
fn a_demotion_that_was_refused_for_certain_leaves_nothing_to_put_back() {
    let mut operation = switchover();
    up_to(&mut operation, |step| matches!(step, Step::Demote { .. }));
    one_step(&mut operation, vec![no(), StepEvidence::NoOrderTaken], Some(refused()));
    assert_eq!(go_on(&mut operation, &never, &never), ["undo drain"], "whoever leads is not told to");
    assert!(matches!(outcome(&operation), Outcome::Undone { stays, .. } if stays.is_empty()));
}

#[test]
fn a_switch_within_a_site_that_was_refused_twice_has_left_nothing() {
    let world = World::healthy(at(0));
    let mut operation = opened(planned(&world, Intent::LocalSwitchover { side: Side::A }));
    up_to(&mut operation, |step| matches!(step, Step::SwitchInSite { .. }));
    one_step(&mut operation, vec![StepEvidence::NoOrderTaken], Some(refused()));
    written(&mut operation);
    answer(&mut operation, Choice::Retry);
    one_step(&mut operation, vec![StepEvidence::NoOrderTaken], Some(refused()));
    written(&mut operation);
    answer(&mut operation, Choice::Undo);
    go_on(&mut operation, &never, &never);
    assert!(matches!(outcome(&operation), Outcome::Undone { stays, .. } if stays.is_empty()));
}

#[test]
fn a_wish_to_cancel_that_comes_in_while_it_begins_to_ask_puts_everything_back() {
    let mut operation = failover();
    go_on(&mut operation, &|step| matches!(step, Step::Fence { .. }), &never);
    asked(&operation);
    tell(&mut operation, Event::CancelWanted { by: by() });
    assert_eq!(go_on(&mut operation, &never, &never), ["undo fence"]);
    assert!(matches!(outcome(&operation), Outcome::Undone { why: GivenUp::Cancelled { .. }, .. }));
}

#[test]
fn a_journal_of_an_older_console_says_that_a_promotion_may_have_been_taken() {
    let mut operation = switchover();
    up_to(&mut operation, |step| matches!(step, Step::Promote { .. }));
    one_step(&mut operation, Vec::new(), Some(refused()));
    assert!(operation.is_past_no_return());
}

/// Nobody writes: both sites follow each other.
fn both_follow(further: Option<Side>) -> World {
    let mut world = World::healthy(at(0));
    world.patroni("a1", |facts| {
        facts.role = crate::PatroniRole::StandbyLeader;
        facts.config.standby_cluster =
            Some(crate::StandbyCluster { host: "198.18.2.11".to_owned(), port: Some(5432), slot: Some("dc_a".to_owned()) });
    });
    world.patroni("a2", |facts| {
        facts.config.standby_cluster =
            Some(crate::StandbyCluster { host: "198.18.2.11".to_owned(), port: Some(5432), slot: Some("dc_a".to_owned()) });
    });
    let written = crate::fixture::WRITTEN;
    world.postgres("a1", |facts| {
        facts.in_recovery = true;
        (facts.written, facts.received, facts.replayed) = (None, Some(written), Some(written));
    });
    if let Some(side) = further {
        let node = if side == Side::A { "a1" } else { "b1" };
        world.postgres(node, |facts| (facts.received, facts.replayed) = (Some(Lsn(written.0 + 4_096)), Some(Lsn(written.0 + 4_096))));
    }
    world.pass(1_000);
    world
}

#[test]
fn where_nobody_writes_and_both_sites_follow_either_may_be_made_active() {
    let world = both_follow(None);
    assert_eq!(world.picture().active, None);
    for to in Side::BOTH {
        let plan = planned(&world, Intent::Failover { to });
        assert!(plan.is_possible(), "{to:?}: {:?}", plan.objections);
        assert_eq!(plan.objections, [], "{to:?}: a planned switchover is not advised where there can be none");
        assert_eq!(plan.loss.loss_bytes.unwrap_or(ByteLag(0)), ByteLag(0), "{to:?}");
    }
}

#[test]
fn where_nobody_writes_the_site_that_is_behind_may_be_chosen_too_and_its_loss_is_said() {
    for further in Side::BOTH {
        let world = both_follow(Some(further));
        let good = planned(&world, Intent::Failover { to: further });
        assert_eq!(good.objections, [], "{further:?}");
        let worse = planned(&world, Intent::Failover { to: further.other() });
        assert!(worse.is_possible(), "{further:?}: {:?}", worse.objections);
        let advice = Objection::OtherIsFurther { side: further, bytes: Some(ByteLag(4_096)) };
        assert_eq!(worse.objections, [PlanObjection::Situation { objection: advice }], "{further:?}");
        assert_eq!(worse.loss.loss_bytes, Some(ByteLag(4_096)), "{further:?}");
    }
}

#[test]
fn it_is_so_already_is_said_only_of_a_site_that_writes() {
    let world = World::healthy(at(0));
    assert_eq!(planned(&world, Intent::Failover { to: Side::A }).objections, [PlanObjection::NothingToDo]);
    // The other site was told to lead, and does not.
    let mut world = both_follow(None);
    for node in ["b1", "b2"] {
        world.patroni(node, |facts| facts.config.standby_cluster = None);
    }
    world.pass(1_000);
    for to in Side::BOTH {
        let plan = planned(&world, Intent::Failover { to });
        assert!(plan.is_possible() && !plan.objections.contains(&PlanObjection::NothingToDo), "{to:?}: {:?}", plan.objections);
    }
}

#[test]
fn a_held_site_whose_active_one_died_may_be_made_active_also_by_a_console_that_never_saw_that_one() {
    let mut world = World::healthy(at(0));
    for endpoint in ["patroni-a1", "patroni-a2", "postgres-a1", "postgres-a2", "haproxy-a", "etcd-a"] {
        world.sightings.remove(&endpoint.parse().unwrap());
        world.fails(endpoint, ProbeFailure::Refused);
    }
    for node in ["b1", "b2"] {
        world.patroni(node, |facts| {
            facts.config.standby_cluster = Some(crate::StandbyCluster { host: "127.0.0.1".to_owned(), port: Some(1), slot: None });
        });
    }
    world.pass(60_000);
    assert_eq!(world.picture().sites.b.role, crate::SiteRole::Fenced);
    let plan = planned(&world, Intent::Failover { to: Side::B });
    assert!(plan.is_possible(), "{:?}", plan.objections);
}
