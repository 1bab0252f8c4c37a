//! Two sites that both accept writes: which one is to be kept, and that the other one is never let in again.

use super::*;
use crate::{PatroniRole, Timeline};

/// Somebody makes b1 lead while a1 does.
fn split() -> World {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| {
        facts.in_recovery = false;
        facts.timeline = Some(Timeline(8));
    });
    world.patroni("b1", |facts| {
        facts.role = PatroniRole::Primary;
        facts.config.standby_cluster = None;
    });
    world
}

fn resolved(world: &World, pool_state: &PoolState, keep: Side) -> Plan {
    plan(&world.pool, &world.picture(), pool_state, Intent::Resolve { keep }, world.now)
}

fn fence(side: Side) -> Fence {
    Fence { side, epoch: Epoch(3), operation: Some(OperationId(3)), since: at(0), expected_loss: None, answers: Vec::new() }
}

fn resolve() -> Operation {
    opened(resolved(&split(), &PoolState::default(), Side::A))
}

#[test]
fn one_site_goes_on_and_the_other_one_is_fenced_for_good() {
    let mut operation = resolve();
    assert!(operation.plan.is_possible(), "{:?}", operation.plan.objections);
    assert_eq!((operation.plan.intent.gives_up(), operation.plan.moves()), (Some(Side::B), None));
    assert_eq!(operation.plan.no_return(), Some(1), "the fence");
    assert_eq!(go_on(&mut operation, &never, &|step| matches!(step, Step::Fence { .. })), ["assess"]);
    assert!(!operation.is_past_no_return());
    assert_eq!(go_on(&mut operation, &never, &never), ["fence", "sole_writer", "reroute"]);
    assert_eq!(outcome(&operation), Outcome::Done);
}

#[test]
fn whoever_has_second_thoughts_before_the_fence_has_changed_nothing() {
    let mut operation = resolve();
    go_on(&mut operation, &never, &|step| matches!(step, Step::Fence { .. }));
    tell(&mut operation, Event::CancelWanted { by: by() });
    assert_eq!(go_on(&mut operation, &never, &never), [] as [&str; 0]);
    assert_eq!(outcome(&operation), Outcome::Undone { why: GivenUp::Cancelled { by: by() }, stays: Vec::new() });
}

#[test]
fn a_fence_that_does_not_hold_is_tried_again_or_left_but_never_taken_back() {
    for (trouble, options) in [
        (trouble(), vec![Choice::Retry, Choice::Abandon]),
        (StepFailure::StillWrites { nodes: Vec::new() }, vec![Choice::Retry, Choice::Abandon]),
        (
            StepFailure::NotFenced { side: Side::B, unreached: Vec::new(), within: None },
            vec![Choice::Retry, Choice::Attest, Choice::Abandon],
        ),
    ] {
        let mut operation = resolve();
        go_on(&mut operation, &never, &|step| matches!(step, Step::Fence { .. }));
        one_step(&mut operation, Vec::new(), Some(trouble));
        written(&mut operation);
        let Stage::NeedsPerson { question, .. } = operation.stage.clone() else { panic!("{:?}", operation.stage) };
        assert_eq!(question.options, options);
        tell(&mut operation, Event::Answered { number: 1, choice: Choice::Abandon, by: by(), reason: "by hand".to_owned() });
        assert_eq!(operation.decide(), Next::Rest);
        assert_eq!(outcome(&operation), Outcome::Abandoned { by: by() });
    }
}

#[test]
fn it_is_asked_for_with_the_name_of_the_site_that_stays_and_the_loss_accepted_at_any_time() {
    let world = split();
    let pool_state = PoolState {
        cool_until: Some(at(60_000)),
        freeze: Some(FreezeWindow { from: at(-1), until: at(60_000), reason: "end of the quarter".to_owned() }),
        ..PoolState::default()
    };
    let plan = resolved(&world, &pool_state, Side::A);
    assert_eq!((plan.is_possible(), plan.not_passed.len()), (true, 0), "{:?}", plan.objections);
    let mut asked = request(&plan);
    let refusal = |asked: &Request| asked.refusal(&world.pool, &plan, "hash", None, world.now);
    assert_eq!(refusal(&asked), Some(Refusal::WrongSite { expected: "dc-a".parse().unwrap() }));
    asked.typed_site = "dc-a".to_owned();
    assert_eq!(refusal(&asked), Some(Refusal::LossNotAccepted));
    asked.accepts_loss = true;
    assert_eq!(refusal(&asked), None);
}

#[test]
fn what_speaks_for_a_site_is_what_the_operations_said_then_what_was_seen_then_the_timeline() {
    let world = split();
    let advice = |pool_state: PoolState| world.picture().with_pool_state(pool_state).advice().map(|advice| (advice.keep, advice.because));
    let mut pool_state = PoolState::default();
    assert_eq!(advice(pool_state.clone()), Some((Side::B, Because::LaterTimeline)));
    pool_state.split = Some(Split { since: at(0), before: Some(Side::A) });
    assert_eq!(advice(pool_state.clone()), Some((Side::A, Because::ActiveBefore)));
    let operation = OperationId(42);
    pool_state.made_active = Some(MadeActive { side: Side::B, operation });
    assert_eq!(advice(pool_state.clone()), Some((Side::B, Because::MadeActive { operation })));
    pool_state.fences = vec![fence(Side::B)];
    assert_eq!(advice(pool_state.clone()), Some((Side::A, Because::OtherFenced { operation: Some(OperationId(3)) })));
    let other = |keep| resolved(&world, &pool_state, keep).objections;
    assert_eq!(other(Side::A), []);
    let advice = Advice { keep: Side::A, because: Because::OtherFenced { operation: Some(OperationId(3)) } };
    assert_eq!(other(Side::B), [PlanObjection::Fenced { side: Side::B }, PlanObjection::OtherAdvised { advice }]);
    // Both were promoted once: nothing speaks for either.
    let mut even = split();
    even.postgres("a1", |facts| facts.timeline = Some(Timeline(8)));
    assert_eq!(even.picture().advice(), None);
    assert_eq!(World::healthy(at(0)).picture().advice(), None);
}

#[test]
fn two_writers_within_one_site_are_no_matter_of_which_site_to_keep() {
    let mut world = World::healthy(at(0));
    world.postgres("a2", |facts| facts.in_recovery = false);
    assert!(world.picture().findings.iter().any(|finding| matches!(finding, crate::Finding::SplitBrain { .. })));
    assert_eq!(resolved(&world, &PoolState::default(), Side::A).objections, [PlanObjection::NothingToDo]);
}

fn side() -> impl Strategy<Value = Side> {
    prop::bool::ANY.prop_map(|first| if first { Side::A } else { Side::B })
}

proptest! {
    /// There is a plan exactly while both sites write, whoever else is fenced or advised; and it fences the site that is not kept and no other.
    #[test]
    fn it_is_planned_only_while_both_write_and_never_fences_the_one_that_stays(
        writing in prop::collection::vec(any::<bool>(), 4),
        keep in side(),
        fenced in prop::option::of(side()),
        made in prop::option::of(side()),
        before in prop::option::of(side()),
        busy in any::<bool>(),
    ) {
        let mut world = World::healthy(at(0));
        for (node, writes) in ["a1", "a2", "b1", "b2"].into_iter().zip(&writing) {
            world.postgres(node, |facts| facts.in_recovery = !writes);
        }
        let both = (writing[0] || writing[1]) && (writing[2] || writing[3]);
        let pool_state = PoolState {
            fences: fenced.map(fence).into_iter().collect(),
            made_active: made.map(|side| MadeActive { side, operation: OperationId(9) }),
            split: Some(Split { since: at(0), before }),
            operation: busy.then(|| switchover().summary()),
            ..PoolState::default()
        };
        let plan = resolved(&world, &pool_state, keep);
        prop_assert_eq!(plan.is_possible(), both && fenced != Some(keep) && !busy, "{:?}", plan.objections);
        let fences: Vec<&Step> = plan.steps.iter().filter(|step| matches!(step, Step::Fence { .. })).collect();
        prop_assert_eq!(fences, [&Step::Fence { side: keep.other() }]);
        for step in &plan.steps {
            let leads = matches!(step, Step::Promote { .. } | Step::Demote { .. });
            prop_assert!(!leads, "nobody is told to lead: {:?}", step);
        }
    }

    /// Whatever fails, whoever answers what and whenever the console is killed: once the fence was begun nothing is taken back, and it always
    /// comes to rest.
    #[test]
    fn once_it_has_begun_to_fence_it_never_lets_the_other_site_in_again(
        fails in prop::collection::vec(0_u8..6, 64),
        killed in prop::collection::vec(0_u8..8, 64),
        wishes in prop::collection::vec(0_u8..12, 64),
        choices in prop::collection::vec(any::<u8>(), 64),
    ) {
        let mut operation = resolve();
        let mut fenced = false;
        for round in 0..400 {
            let pick = |list: &[u8]| list[round % 64];
            if !operation.is_finished() {
                match pick(&wishes) {
                    // Whoever wants it later is told that it is too late; should the wish be written all the same, nothing comes of it.
                    0 => tell(&mut operation, Event::CancelWanted { by: by() }),
                    1 => tell(&mut operation, Event::PauseWanted { by: by() }),
                    _ => {}
                }
            }
            match operation.decide() {
                Next::Write(event) => {
                    prop_assert!(!(fenced && matches!(*event, Event::GaveUp { .. })), "it gave up after it had begun to fence");
                    tell(&mut operation, *event);
                }
                Next::Begin { step } => {
                    fenced |= matches!(operation.plan.steps[step], Step::Fence { .. });
                    tell(&mut operation, Event::StepBegun { step });
                    if pick(&killed) > 0 {
                        let trouble = match pick(&fails) {
                            _ if round > 300 => None,
                            0 => Some(trouble()),
                            1 => Some(StepFailure::NotFenced { side: Side::B, unreached: Vec::new(), within: None }),
                            _ => None,
                        };
                        tell(&mut operation, Event::StepEnded { step, facts: Vec::new(), trouble });
                    }
                }
                Next::Undo { step } => prop_assert!(false, "step {} is taken back", step),
                Next::Rest => match operation.stage.clone() {
                    Stage::Finished { .. } => break,
                    Stage::NeedsPerson { question, .. } => {
                        prop_assert!(!(fenced && question.options.contains(&Choice::Undo)), "{:?}", question.options);
                        let choice = question.options[usize::from(pick(&choices)) % question.options.len()];
                        tell(&mut operation, Event::Answered { number: question.number, choice, by: by(), reason: "so".to_owned() });
                    }
                    Stage::Paused { .. } => tell(&mut operation, Event::Resumed { by: by() }),
                    other => prop_assert!(false, "it rests in {:?}", other),
                },
            }
        }
        prop_assert!(operation.is_finished(), "{:?}", operation.stage);
    }
}
