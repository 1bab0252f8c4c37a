//! What an operation does next, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{ByteLag, CheckKind, FreezeWindow, Objection, ProbeFailure, Side, Verdict, fixture::World};
use jiff::SignedDuration;
use proptest::prelude::*;

mod refused;
mod request;
mod resolve;

fn at(ms: i64) -> Timestamp {
    crate::fixture::at(ms)
}

fn by() -> Login {
    "ada".parse().unwrap()
}

fn planned(world: &World, intent: Intent) -> Plan {
    plan(&world.pool, &world.picture(), &PoolState::default(), intent, world.now)
}

fn request(plan: &Plan) -> Request {
    Request {
        pool: plan.pool.clone(),
        intent: plan.intent.clone(),
        plan: "hash".to_owned(),
        planned_at: plan.made_at,
        reason: "maintenance of the power supply".to_owned(),
        ticket: String::new(),
        typed_pool: plan.pool.to_string(),
        typed_site: "dc-b".to_owned(),
        accepts_loss: false,
        acknowledged: Vec::new(),
        attestation: String::new(),
        overridden: Vec::new(),
        dry_run: false,
    }
}

fn opened(plan: Plan) -> Operation {
    opened_with(plan, |_| {})
}

fn opened_with(plan: Plan, change: impl FnOnce(&mut Request)) -> Operation {
    let mut request = request(&plan);
    change(&mut request);
    let first = Entry { at: at(0), event: Event::Requested { request: Box::new(request), by: by(), plan: Box::new(plan) } };
    Operation::from_journal(OperationId(7), &[first]).unwrap()
}

fn switchover() -> Operation {
    let mut world = World::healthy(at(0));
    world.pool.policy.drain_for = Millis(1_000);
    opened(planned(&world, Intent::Switchover { to: Side::B }))
}

fn tell(operation: &mut Operation, event: Event) {
    operation.evolve(&Entry { at: at(i64::from(operation.events)), event }).unwrap();
}

fn trouble() -> StepFailure {
    StepFailure::TooLate { after: Millis(15_000), missing: super::step::Missing::Replay }
}

/// Goes on as the driver does; `fails` says which steps do not succeed, `until` where to stop. Returns what was begun and undone.
fn go_on(operation: &mut Operation, fails: &dyn Fn(&Step) -> bool, until: &dyn Fn(&Step) -> bool) -> Vec<String> {
    let mut story = Vec::new();
    for _ in 0..200 {
        match operation.decide() {
            Next::Rest => return story,
            Next::Write(event) => tell(operation, *event),
            Next::Begin { step } => {
                let what = operation.plan.steps[step].clone();
                if until(&what) {
                    return story;
                }
                story.push(what.as_code().to_owned());
                tell(operation, Event::StepBegun { step });
                tell(operation, Event::StepEnded { step, facts: Vec::new(), trouble: fails(&what).then(trouble) });
            }
            Next::Undo { step } => {
                story.push(format!("undo {}", operation.plan.steps[step].as_code()));
                tell(operation, Event::UndoBegun { step });
                tell(operation, Event::UndoEnded { step, facts: Vec::new(), trouble: None });
            }
        }
    }
    panic!("it goes on for ever: {story:?}");
}

fn never(_: &Step) -> bool {
    false
}

fn outcome(operation: &Operation) -> Outcome {
    match &operation.stage {
        Stage::Finished { outcome, .. } => outcome.clone(),
        other => panic!("it has not ended: {other:?}"),
    }
}

#[test]
fn a_planned_switchover_goes_through_its_steps_in_order() {
    let mut operation = switchover();
    assert!(operation.plan.is_possible(), "{:?}", operation.plan.objections);
    let story = go_on(&mut operation, &never, &never);
    let steps = ["preflight", "mark", "checkpoint", "drain", "demote", "prove", "promote", "verify", "reroute", "reprotect"];
    assert_eq!(story, steps);
    assert_eq!(outcome(&operation), Outcome::Done);
}

#[test]
fn whoever_is_asked_about_a_step_is_offered_exactly_what_the_step_says_of_itself() {
    let mut offered = std::collections::BTreeSet::new();
    for plan in crate::fixture::plans() {
        for failing in &plan.steps {
            let mut operation = opened(plan.clone());
            go_on(&mut operation, &|step| step == failing, &never);
            let nature = failing.nature();
            let Stage::NeedsPerson { question, .. } = &operation.stage else {
                let promotes = matches!(failing, Step::Promote { .. });
                assert!(nature.on_failure == OnFailure::GiveUp || promotes, "{}: {:?}", nature.word, operation.stage);
                continue;
            };
            let OnFailure::Ask { without } = nature.on_failure else { panic!("{} gives up and does not ask", nature.word) };
            for choice in [Choice::Skip, Choice::GiveUp] {
                assert_eq!(question.options.contains(&choice), without == Some(choice), "{}: {:?}", nature.word, question.options);
            }
            offered.extend(without.map(|choice| (nature.word, choice == Choice::Skip)));
        }
    }
    assert_eq!(offered.into_iter().collect::<Vec<_>>(), [("reprotect", true), ("reroute", true), ("save", false)]);
}

#[test]
fn every_step_is_in_a_plan_and_its_word_is_the_one_in_the_journal() {
    let words: std::collections::BTreeSet<&str> = crate::fixture::steps().iter().map(Step::as_code).collect();
    assert_eq!(words.len(), 19, "{words:?}");
    for step in crate::fixture::steps() {
        assert_eq!(serde_json::to_value(&step).unwrap()["step"], step.as_code());
    }
}

#[test]
fn without_the_proof_everything_is_taken_back_last_effect_first() {
    let mut operation = switchover();
    let story = go_on(&mut operation, &|step| matches!(step, Step::Prove { .. }), &never);
    assert_eq!(story[story.len() - 3..], ["prove", "undo demote", "undo drain"]);
    assert!(matches!(outcome(&operation), Outcome::Undone { why: GivenUp::StepFailed { .. }, stays } if stays.is_empty()));
}

#[test]
fn after_the_point_of_no_return_nothing_is_taken_back_and_a_person_is_asked() {
    let mut operation = switchover();
    go_on(&mut operation, &|step| matches!(step, Step::Promote { .. }), &never);
    let Stage::NeedsPerson { question, .. } = operation.stage.clone() else { panic!("{:?}", operation.stage) };
    assert_eq!(question.options, [Choice::Retry, Choice::Abandon]);
    tell(&mut operation, Event::CancelWanted { by: by() });
    assert_eq!(operation.decide(), Next::Rest);
    tell(&mut operation, Event::Answered { number: question.number, choice: Choice::Retry, by: by(), reason: String::new() });
    let story = go_on(&mut operation, &never, &never);
    assert_eq!(story, ["promote", "verify", "reroute", "reprotect"]);
    assert_eq!(outcome(&operation), Outcome::Done);
}

#[test]
fn whoever_cancels_before_the_point_of_no_return_gets_everything_back() {
    let mut operation = switchover();
    go_on(&mut operation, &never, &|step| matches!(step, Step::Promote { .. }));
    tell(&mut operation, Event::CancelWanted { by: by() });
    let story = go_on(&mut operation, &never, &never);
    assert_eq!(story, ["undo demote", "undo drain"]);
    assert_eq!(outcome(&operation), Outcome::Undone { why: GivenUp::Cancelled { by: by() }, stays: Vec::new() });
}

/// Begins the next step and ends it with these facts.
fn one_step(operation: &mut Operation, facts: Vec<StepEvidence>, trouble: Option<StepFailure>) {
    let Next::Begin { step } = operation.decide() else { panic!("{:?}", operation.decide()) };
    tell(operation, Event::StepBegun { step });
    tell(operation, Event::StepEnded { step, facts, trouble });
}

/// Lets the driver write what it has to write now.
fn written(operation: &mut Operation) {
    let Next::Write(event) = operation.decide() else { panic!("{:?}", operation.decide()) };
    tell(operation, *event);
}

#[test]
fn what_is_not_taken_back_is_said_to_stay() {
    let world = World::healthy(at(0));
    let told = |already| StepEvidence::Stored { side: Side::B, node: "b1".parse().unwrap(), follows: true, already };
    let undone = |facts: Vec<StepEvidence>, trouble: Option<StepFailure>| {
        let mut operation = opened(planned(&world, Intent::Reprotect { side: Side::B }));
        go_on(&mut operation, &never, &|step| matches!(step, Step::Follow { .. }));
        let follow = operation.current_step().unwrap();
        one_step(&mut operation, facts, trouble.clone());
        if trouble.is_some() {
            written(&mut operation);
            tell(&mut operation, Event::Answered { number: 1, choice: Choice::Undo, by: by(), reason: String::new() });
        } else {
            tell(&mut operation, Event::CancelWanted { by: by() });
        }
        assert_eq!(go_on(&mut operation, &never, &never), [] as [&str; 0], "a site is never told to lead because somebody gave up");
        match outcome(&operation) {
            Outcome::Undone { stays, .. } if stays.is_empty() => false,
            Outcome::Undone { stays, .. } => stays == [follow],
            other => panic!("{other:?}"),
        }
    };
    assert!(undone(vec![told(false)], None), "the site goes on following");
    assert!(!undone(vec![told(true)], None), "it was told so before");
    assert!(undone(Vec::new(), Some(trouble())), "nobody knows");
    let refused = StepFailure::Refused { endpoint: "patroni-b1".parse().unwrap(), said: "no".to_owned() };
    assert!(!undone(Vec::new(), Some(refused)), "it said no");
}

#[test]
fn members_get_back_what_they_did_where_that_is_known() {
    let world = World::healthy(at(0));
    let change = |member: &str| MemberChange { side: Side::B, member: member.parse().unwrap(), to: MemberOrder::Maintenance };
    let changes = vec![change("member-b1"), change("member-b2"), change("member-b1")];
    let mut operation = opened(planned(&world, Intent::Members { changes }));
    let was = StepEvidence::MemberWas { member: "member-b1".parse().unwrap(), order: MemberOrder::Drain };
    one_step(&mut operation, vec![was.clone()], None);
    one_step(&mut operation, Vec::new(), None);
    // Its first attempt saw what the member did; the second one could only see what the first had made of it.
    one_step(&mut operation, vec![was], Some(trouble()));
    written(&mut operation);
    tell(&mut operation, Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut operation, Vec::new(), Some(trouble()));
    written(&mut operation);
    tell(&mut operation, Event::Answered { number: 2, choice: Choice::Undo, by: by(), reason: String::new() });
    assert_eq!(go_on(&mut operation, &never, &never), ["undo set_member", "undo set_member"]);
    assert_eq!(operation.undo.iter().map(|undo| undo.step).collect::<Vec<_>>(), [2, 0], "last effect first");
    assert_eq!(outcome(&operation), Outcome::Undone { why: GivenUp::Cancelled { by: by() }, stays: vec![1] });
}

#[test]
fn nobody_pauses_an_operation_while_clients_wait() {
    let mut operation = switchover();
    go_on(&mut operation, &never, &|step| matches!(step, Step::Prove { .. }));
    tell(&mut operation, Event::PauseWanted { by: by() });
    let story = go_on(&mut operation, &never, &never);
    assert_eq!(story, ["prove", "promote", "verify"]);
    assert!(matches!(operation.stage, Stage::Paused { .. }));
    tell(&mut operation, Event::Resumed { by: by() });
    assert_eq!(go_on(&mut operation, &never, &never), ["reroute", "reprotect"]);
}

#[test]
fn a_step_that_was_begun_before_a_crash_is_begun_again_and_says_so() {
    let mut operation = switchover();
    go_on(&mut operation, &never, &|step| matches!(step, Step::Demote { .. }));
    let Next::Begin { step } = operation.decide() else { panic!() };
    tell(&mut operation, Event::StepBegun { step });
    // The console is killed here; the journal is read again.
    assert_eq!(operation.decide(), Next::Begin { step });
    tell(&mut operation, Event::StepBegun { step });
    assert_eq!(operation.steps[step].facts, [StepEvidence::TakenUpAgain]);
    assert_eq!(operation.steps[step].attempts, 2);
}

#[test]
fn what_earlier_attempts_saw_stays_beside_what_the_present_one_sees() {
    let mut operation = switchover();
    go_on(&mut operation, &never, &|step| matches!(step, Step::Reroute { .. }));
    let Next::Begin { step } = operation.decide() else { panic!() };
    let saw = |n: u32| StepEvidence::Member { member: "member-b1".parse().unwrap(), order: MemberOrder::Ready, sessions: n };
    for n in 1..=12 {
        tell(&mut operation, Event::StepBegun { step });
        if n == 2 {
            // The console is killed here and begins the step again.
            continue;
        }
        tell(&mut operation, Event::StepEnded { step, facts: vec![saw(n)], trouble: Some(trouble()) });
        let Next::Write(asked) = operation.decide() else { panic!() };
        tell(&mut operation, *asked);
        let number = u32::try_from(operation.questions.len()).unwrap();
        tell(&mut operation, Event::Answered { number, choice: Choice::Retry, by: by(), reason: String::new() });
        if n == 3 {
            let run = &operation.steps[step];
            assert_eq!((run.facts.len(), run.began_at, run.ended_at), (0, None, None), "the next attempt rests on nothing old");
            let kept: Vec<_> = run.earlier.iter().map(|attempt| (attempt.number, attempt.facts.clone(), attempt.trouble.clone())).collect();
            let third = vec![StepEvidence::TakenUpAgain, saw(3)];
            assert_eq!(kept, [(1, vec![saw(1)], Some(trouble())), (2, Vec::new(), None), (3, third, Some(trouble()))]);
            assert!(run.earlier[0].ended_at > Some(run.earlier[0].began_at) && run.earlier[1].ended_at.is_none());
        }
    }
    let first = operation.steps[step].first_began_at();
    tell(&mut operation, Event::StepBegun { step });
    tell(&mut operation, Event::StepEnded { step, facts: vec![saw(13)], trouble: None });
    let run = &operation.steps[step];
    assert_eq!((&run.state, run.attempts, &run.facts), (&StepState::Done, 13, &vec![saw(13)]));
    let numbers: Vec<u32> = run.earlier.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 6, 7, 8, 9, 10, 11, 12], "the first and the newest are kept");
    assert_eq!((run.first_began_at(), first.is_some()), (first, true));
}

#[test]
fn a_failover_that_could_not_fence_asks_and_goes_on_once_somebody_attests() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let mut operation = opened(planned(&world, Intent::Failover { to: Side::B }));
    assert!(operation.plan.is_possible(), "{:?}", operation.plan.objections);
    let Next::Begin { step: 0 } = operation.decide() else { panic!() };
    tell(&mut operation, Event::StepBegun { step: 0 });
    tell(&mut operation, Event::StepEnded { step: 0, facts: Vec::new(), trouble: None });
    tell(&mut operation, Event::StepBegun { step: 1 });
    let trouble = StepFailure::NotFenced { side: Side::A, unreached: Vec::new(), within: None };
    tell(&mut operation, Event::StepEnded { step: 1, facts: Vec::new(), trouble: Some(trouble) });
    let Next::Write(asked) = operation.decide() else { panic!() };
    tell(&mut operation, *asked);
    let Stage::NeedsPerson { question, .. } = operation.stage.clone() else { panic!() };
    assert_eq!(question.options, [Choice::Retry, Choice::Attest, Choice::Undo]);
    let reason = "the power is off".to_owned();
    tell(&mut operation, Event::Answered { number: 1, choice: Choice::Attest, by: by(), reason: reason.clone() });
    assert_eq!(operation.attested, Some((by(), reason)));
    assert_eq!(operation.decide(), Next::Begin { step: 1 });
}

#[test]
fn a_rehearsal_never_passes_a_point_of_no_return() {
    let world = World::healthy(at(0));
    let mut operation = opened_with(planned(&world, Intent::Switchover { to: Side::B }), |request| request.dry_run = true);
    go_on(&mut operation, &never, &|step| matches!(step, Step::Verify { .. }));
    assert!(!operation.is_past_no_return());
    tell(&mut operation, Event::CancelWanted { by: by() });
    assert_eq!(go_on(&mut operation, &never, &never), [] as [&str; 0]);
    assert!(matches!(outcome(&operation), Outcome::Undone { .. }));
}

#[test]
fn what_stands_in_the_way_of_a_plan_is_said() {
    let mut world = World::healthy(at(0));
    let healthy = planned(&world, Intent::Switchover { to: Side::A });
    assert!(healthy.objections.contains(&PlanObjection::NothingToDo));
    world.pool.sites[Side::A].can_follow = false;
    assert!(planned(&world, Intent::Switchover { to: Side::B }).objections.contains(&PlanObjection::NoStandbySection { side: Side::A }));
    world.postgres("a1", |facts| facts.senders.retain(|sender| sender.application_name != "a2"));
    let objections = planned(&world, Intent::Switchover { to: Side::B }).objections;
    let mirror = Objection::CheckFails { check: CheckKind::MirrorInStep, verdict: Verdict::Fail };
    assert!(objections.contains(&PlanObjection::Situation { objection: mirror }), "{objections:?}");
    let until = at(5_000);
    let summary = opened(healthy).summary();
    assert_eq!((summary.kind, summary.side, summary.stage), (Some(IntentKind::Switchover), Some(Side::A), StageCode::Running));
    let pool_state = PoolState { cool_until: Some(until), operation: Some(summary), ..PoolState::default() };
    let objections = plan(&world.pool, &world.picture(), &pool_state, Intent::Reprotect { side: Side::B }, world.now).objections;
    assert!(objections.contains(&PlanObjection::CoolingDown { until }));
    assert!(objections.contains(&PlanObjection::OperationRuns { operation: OperationId(7) }));
}

#[test]
fn a_clock_that_was_set_back_lets_nobody_wait_for_an_hour() {
    let policy = crate::Policy { cool_down: Millis(300_000), ..World::healthy(at(0)).pool.policy };
    let cooling = |until: i64| policy.is_cooling(at(until), at(0));
    assert!(cooling(1) && cooling(300_000) && cooling(310_000), "the clock of another console is 10 s ahead");
    assert!(!cooling(0) && !cooling(-1), "it is over");
    assert!(!cooling(3_900_000), "it ended an hour from now, so it ended by a clock that is no more");
}

#[test]
fn a_freeze_window_keeps_the_pool_where_it_is_and_never_without_protection() {
    let world = World::healthy(at(0));
    let window = crate::FreezeWindow { from: at(-1), until: at(60_000), reason: "end of the quarter".to_owned() };
    let pool_state = PoolState { freeze: Some(window), ..PoolState::default() };
    let frozen = |intent: Intent| {
        let plan = plan(&world.pool, &world.picture(), &pool_state, intent, world.now);
        plan.objections.iter().any(|objection| matches!(objection, PlanObjection::FreezeWindow { .. }))
    };
    assert!(frozen(Intent::Switchover { to: Side::B }) && frozen(Intent::Failback { to: Side::B }));
    assert!(frozen(Intent::LocalSwitchover { side: Side::A }));
    assert!(!frozen(Intent::Failover { to: Side::B }) && !frozen(Intent::Reprotect { side: Side::B }));
}

#[test]
fn members_stay_within_the_policy() {
    let mut world = World::healthy(at(0));
    world.pool.policy.members_active_max = 2;
    let change = |member: &str, side, to| MemberChange { side, member: member.parse().unwrap(), to };
    let objections = |changes| planned(&world, Intent::Members { changes }).objections;
    assert_eq!(objections(vec![change("member-a1", Side::A, MemberOrder::Drain)]), []);
    let both = vec![change("member-a1", Side::A, MemberOrder::Drain), change("member-a2", Side::A, MemberOrder::Maintenance)];
    assert_eq!(objections(both), [PlanObjection::NobodyLeft]);
    let far = objections(vec![change("member-b1", Side::B, MemberOrder::Ready)]);
    assert_eq!(far[0], PlanObjection::NotLocal { member: "member-b1".parse().unwrap() });
    assert_eq!(far[1], PlanObjection::TooManyActive { would_be: 3, most: 2 });
    assert!(matches!(objections(vec![change("nobody", Side::A, MemberOrder::Ready)])[0], PlanObjection::NoSuchMember { .. }));
}

#[test]
fn a_plan_is_another_one_when_a_leader_moves_and_the_same_when_only_figures_do() {
    let mut world = World::healthy(at(0));
    let essence = |world: &World| serde_json::to_string(&planned(world, Intent::Switchover { to: Side::B }).essence()).unwrap();
    let before = essence(&world);
    world.pass(1_000);
    assert_eq!(essence(&world), before);
    world.postgres("b1", |facts| facts.timeline = Some(crate::Timeline(8)));
    assert_ne!(essence(&world), before);
}

#[test]
fn the_report_tells_decision_from_execution() {
    let world = World::healthy(at(0));
    let plan = planned(&world, Intent::Switchover { to: Side::B });
    let mut operation = opened_with(plan, |request| request.planned_at = at(-30_000));
    go_on(&mut operation, &|step| matches!(step, Step::Verify { .. }), &never);
    let asked_at = operation.questions[0].at;
    let answer = Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() };
    let answered_at = asked_at + SignedDuration::from_secs(10);
    operation.evolve(&Entry { at: answered_at, event: answer }).unwrap();
    let mut last = answered_at;
    while let Some(event) = match operation.decide() {
        Next::Begin { step } if operation.steps[step].state == StepState::Running => {
            Some(Event::StepEnded { step, facts: Vec::new(), trouble: None })
        }
        Next::Begin { step } => Some(Event::StepBegun { step }),
        Next::Write(event) => Some(*event),
        Next::Undo { .. } | Next::Rest => None,
    } {
        last += SignedDuration::from_millis(1);
        operation.evolve(&Entry { at: last, event }).unwrap();
    }
    let report = operation.report(&world.pool, "hash".to_owned(), None);
    assert_eq!(report.decision, Millis(40_000));
    assert_eq!(report.execution, Some(Millis(Millis::between(at(0), last).0 - 10_000)));
}

#[test]
fn an_outage_is_judged_only_as_far_as_it_was_seen() {
    let outage = |until: Option<i64>, uncertain| Outage {
        last_write_at: at(0),
        first_write_at: until.map(at),
        acknowledged: 0,
        found: None,
        uncertain: Millis(uncertain),
    };
    let kept = |outage: Outage, now| outage.is_within(Millis(1_000), at(now));
    assert_eq!(kept(outage(Some(1_000), 0), 9_000), Some(true));
    assert_eq!(kept(outage(Some(1_001), 0), 9_000), Some(false));
    assert_eq!(kept(outage(Some(1_900), 1_000), 9_000), None, "it may have been short enough");
    assert_eq!(kept(outage(Some(900), 900), 9_000), Some(true), "it was at most this");
    assert_eq!(kept(outage(Some(9_000), 1_000), 9_000), Some(false), "even the shortest that it can have been is too long");
    assert_eq!(kept(outage(None, 0), 500), None, "it goes on");
    assert_eq!(kept(outage(None, 0), 1_500), Some(false));
}

#[test]
fn an_operation_that_ends_while_clients_wait_says_so() {
    let world = World::healthy(at(0));
    let mut operation = opened(planned(&world, Intent::Switchover { to: Side::B }));
    go_on(&mut operation, &|step| matches!(step, Step::Promote { .. }), &never);
    let outage = Outage { last_write_at: at(10), first_write_at: None, acknowledged: 3, found: None, uncertain: Millis(0) };
    tell(&mut operation, Event::OutageSeen { outage });
    assert_eq!(operation.report(&world.pool, String::new(), None).outage, None, "it goes on");
    let too_late = at(11 + i64::try_from(world.pool.policy.recovery_time_target.0).unwrap());
    let event = Event::Answered { number: 1, choice: Choice::Abandon, by: by(), reason: "enough".to_owned() };
    operation.evolve(&Entry { at: too_late, event }).unwrap();
    let report = operation.report(&world.pool, String::new(), None);
    assert_eq!((report.outage, report.targets.recovery_time_kept), (Some(outage), Some(false)));
}

/// A failover that was done: what was said before, what the other site had, and when the lost one was last heard of.
fn failed_over(world: &World, last_sign: StepEvidence) -> Operation {
    let mut operation = opened(planned(world, Intent::Failover { to: Side::B }));
    let expected = StepEvidence::ExpectedLoss { bytes: Some(ByteLag(24_576)), time: Some(Millis(300)), age: None };
    let had = StepEvidence::LastHeartbeat { node: "b1".parse().unwrap(), at: at(10_000) };
    one_step(&mut operation, vec![expected], None);
    one_step(&mut operation, Vec::new(), None);
    one_step(&mut operation, vec![had], None);
    one_step(&mut operation, vec![last_sign], None);
    go_on(&mut operation, &never, &never);
    assert_eq!(outcome(&operation), Outcome::Done);
    operation
}

fn last_sign(at_ms: i64, gone_since: Option<i64>) -> StepEvidence {
    StepEvidence::LastConfirmed { side: Side::A, at: at(at_ms), failing_since: Some(at(at_ms + 500)), gone_since: gone_since.map(at) }
}

fn diverged(end: u64, rows: Option<u64>) -> StepEvidence {
    let (node, timeline) = ("a1".parse().unwrap(), crate::Timeline(7));
    StepEvidence::Diverged { side: Side::A, node, timeline, fork: crate::Lsn(1_000), end: crate::Lsn(end), rows }
}

/// The re-protection that comes after a failover.
fn opened_after(world: &World, failover: &Operation) -> Operation {
    let mut later = opened(planned(world, Intent::Reprotect { side: Side::A }));
    later.id = OperationId(failover.id.0 + 1);
    later.plan.epoch = failover.plan.epoch.next();
    later
}

#[test]
fn what_a_failover_lost_is_not_judged_by_an_estimate() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let report = failed_over(&world, last_sign(10_900, Some(11_200))).report(&world.pool, "hash".to_owned(), None);
    assert_eq!((report.loss.expected_bytes, report.loss.expected), (Some(ByteLag(24_576)), Some(Millis(300))));
    assert_eq!((report.loss.by_heartbeat, report.loss.at_most), (Some(Millis(900)), Some(Millis(1_200))));
    assert_eq!((report.loss.found, report.targets.recovery_point_kept), (None, None));
}

#[test]
fn what_a_failover_lost_is_judged_by_what_is_found_later() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let (time, bytes) = (world.pool.policy.loss_target, world.pool.policy.loss_target_bytes);
    let late = i64::try_from(time.0).unwrap() + 10_001;
    let found = |end, rows| {
        let failover = failed_over(&world, last_sign(10_900, None));
        let mut later = opened_after(&world, &failover);
        one_step(&mut later, vec![diverged(end, rows)], None);
        later.found_of(&failover)
    };
    let kept = |last_sign, found: Option<FoundLoss>| {
        assert!(found.is_some());
        failed_over(&world, last_sign).report(&world.pool, "hash".to_owned(), found).targets.recovery_point_kept
    };
    assert_eq!(kept(last_sign(10_900, Some(11_200)), found(9_000, Some(12))), Some(true), "it was gone in time");
    assert_eq!(kept(last_sign(10_900, None), found(9_000, Some(12))), None, "it may have gone on writing for long");
    assert_eq!(kept(last_sign(10_900, None), found(9_000, Some(0))), Some(true), "no row is missing");
    assert_eq!(kept(last_sign(10_900, None), found(1_000, None)), Some(true), "its log ends where the other one begins");
    assert_eq!(kept(last_sign(10_900, Some(11_200)), found(1_001 + bytes.0, None)), None, "nobody knows how much of it is clients'");
    assert_eq!(kept(last_sign(late, Some(late)), found(9_000, None)), None, "a heartbeat more or less");
    assert_eq!(kept(last_sign(late + 1_000, Some(late + 1_000)), found(9_000, None)), Some(false), "too long a time");
}

/// What was counted in the lost log: one transaction of a client at each of two moments.
fn counted(bytes: u64, from: i64, to: i64, complete: bool) -> StepEvidence {
    let (node, timeline) = ("a1".parse().unwrap(), crate::Timeline(7));
    let table = Some("public.messages".to_owned());
    let table = LostTable { database: "chat".to_owned(), table, inserted: 343, updated: 0, deleted: 0, saved: 343 };
    let writes = LostWrites {
        transactions: 2,
        bytes: ByteLag(bytes),
        first_commit_at: Some(at(from)),
        last_commit_at: Some(at(to)),
        tables: vec![table],
        more_tables: 0,
        complete,
    };
    StepEvidence::LostWrites { node, timeline, fork: crate::Lsn(1_000), end: crate::Lsn(15 << 20), writes }
}

#[test]
fn a_loss_that_was_counted_is_judged_by_its_commits_and_never_called_kept_beyond_the_target() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let (time, bytes) = (i64::try_from(world.pool.policy.loss_target.0).unwrap(), world.pool.policy.loss_target_bytes.0);
    let judged = |gone: Option<i64>, fact: StepEvidence| {
        let failover = failed_over(&world, last_sign(10_900, gone));
        let mut later = opened_after(&world, &failover);
        // By positions it looks like 14 MiB: most of it is the unused rest of a file.
        one_step(&mut later, vec![diverged(15 << 20, None)], None);
        one_step(&mut later, vec![fact], None);
        let found = later.found_of(&failover).unwrap();
        (found.clone(), failover.report(&world.pool, "hash".to_owned(), Some(found)).targets.recovery_point_kept)
    };
    let (found, kept) = judged(Some(11_200), counted(41_000, 10_100, 11_100, true));
    assert_eq!((found.bytes, found.rows, found.writes.unwrap().transactions, kept), (ByteLag(41_000), Some(343), 2, Some(true)));
    assert_eq!(judged(Some(11_200), counted(bytes + 1, 10_100, 11_100, true)).1, Some(false), "too many bytes");
    assert_eq!(judged(Some(90_000), counted(9, 10_100, 10_101 + time, true)).1, Some(false), "they lie too far apart");
    assert_eq!(judged(None, counted(9, -900_000, -900_000, true)).1, None, "nobody knows how old it was when the site stopped");
    assert_eq!(judged(Some(11_200), counted(9, 10_100, 11_100, false)).1, None, "there may be more");
    let nothing = |writes| StepEvidence::LostWrites {
        node: "a1".parse().unwrap(),
        timeline: crate::Timeline(7),
        fork: crate::Lsn(1_000),
        end: crate::Lsn(9 << 20),
        writes,
    };
    let (found, kept) = judged(None, nothing(LostWrites { complete: true, ..LostWrites::default() }));
    assert!(found.is_nothing() && found.bytes == ByteLag(0) && kept == Some(true), "zero is zero, however far the log goes on: {found:?}");
    let (found, kept) = judged(None, nothing(LostWrites::default()));
    assert!(!found.is_nothing() && kept.is_none(), "what was not read is not nothing: {found:?}");
}

#[test]
fn what_was_found_belongs_to_the_failover_before_it_and_the_furthest_look_counts() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let failover = failed_over(&world, last_sign(10_900, None));
    assert!(failover.may_have_lost());
    let mut later = opened_after(&world, &failover);
    // The first look finds it; then the site's own engine throws it away, and the next one finds less.
    one_step(&mut later, vec![diverged(9_000, None)], Some(trouble()));
    written(&mut later);
    tell(&mut later, Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut later, vec![diverged(1_200, None)], None);
    let found = later.found_of(&failover).unwrap();
    assert_eq!((found.operation, found.bytes, found.rows), (later.id, ByteLag(8_000), None));
    let saved =
        |left_out| StepEvidence::Saved { node: "a1".parse().unwrap(), name: String::new(), rows: 12, bytes: 900, tables: 1, left_out };
    one_step(&mut later, vec![saved(1)], Some(trouble()));
    assert_eq!(later.found_of(&failover).unwrap().rows, None, "not all of it could be read");
    written(&mut later);
    tell(&mut later, Event::Answered { number: 2, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut later, vec![saved(0)], None);
    assert_eq!(later.found_of(&failover).unwrap().rows, Some(12));
    later.plan.epoch = failover.plan.epoch;
    assert_eq!(later.found_of(&failover), None, "planned before the active site changed");
    later.plan.epoch = failover.plan.epoch.next().next();
    assert_eq!(later.found_of(&failover), None, "another site was active in between");
}

#[test]
fn a_log_that_does_not_go_on_says_that_nothing_was_lost_only_where_nothing_can_have_been_given_up() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let mut failover = failed_over(&world, last_sign(10_900, None));
    let verify = failover.plan.steps.iter().position(|step| matches!(step, Step::Verify { .. })).unwrap();
    let promoted = StepEvidence::Promoted { node: "b1".parse().unwrap(), from: None, to: crate::Timeline(8), at: None };
    failover.steps[verify].facts = vec![promoted];
    let found = |timeline| {
        let mut later = opened_after(&world, &failover);
        one_step(&mut later, vec![StepEvidence::HistoriesAgree { timeline }], None);
        later.found_of(&failover)
    };
    let nothing = found(Some(crate::Timeline(7))).unwrap();
    assert!(nothing.is_nothing() && nothing.beyond.is_none());
    assert_eq!(failover.report(&world.pool, String::new(), Some(nothing)).targets.recovery_point_kept, Some(true));
    assert_eq!(found(Some(crate::Timeline(8))), None, "it follows already");
    assert_eq!(found(None), None, "nobody knows");
}

proptest! {
    /// Whatever fails and whatever people wish: nothing is taken back after the point of no return, the old site is made to lead again
    /// whenever the operation gives up, and it always comes to rest.
    #[test]
    fn an_operation_always_comes_to_rest_and_never_turns_back_too_late(
        fails in prop::collection::vec(any::<bool>(), 64),
        crashes in prop::collection::vec(0_u8..8, 64),
        wishes in prop::collection::vec(0_u8..12, 64),
        choices in prop::collection::vec(any::<u8>(), 64),
    ) {
        let mut operation = switchover();
        let (mut undone, mut promoted) = (false, false);
        for round in 0..400 {
            let pick = |list: &[u8]| list[round % 64];
            if !operation.is_finished() {
                match pick(&wishes) {
                    0 if !operation.is_past_no_return() => tell(&mut operation, Event::CancelWanted { by: by() }),
                    1 => tell(&mut operation, Event::PauseWanted { by: by() }),
                    _ => {}
                }
            }
            match operation.decide() {
                Next::Write(event) => tell(&mut operation, *event),
                Next::Begin { step } => {
                    let promotes = operation.plan.no_return() == Some(step);
                    tell(&mut operation, Event::StepBegun { step });
                    prop_assert!(!(promotes && undone), "it led the other site after it had made the old one lead again");
                    promoted |= promotes;
                    // Otherwise the console was killed, and finds the step begun.
                    if pick(&crashes) > 0 {
                        let failed = fails[round % 64] && round < 300;
                        tell(&mut operation, Event::StepEnded { step, facts: Vec::new(), trouble: failed.then(trouble) });
                    }
                }
                Next::Undo { step } => {
                    prop_assert!(!promoted, "it turned back after the point of no return");
                    undone = true;
                    tell(&mut operation, Event::UndoBegun { step });
                    let failed = fails[round % 64] && round < 300;
                    tell(&mut operation, Event::UndoEnded { step, facts: Vec::new(), trouble: failed.then(trouble) });
                }
                Next::Rest => match operation.stage.clone() {
                    Stage::Finished { .. } => break,
                    Stage::NeedsPerson { question, .. } => {
                        let choice = question.options[usize::from(pick(&choices)) % question.options.len()];
                        tell(&mut operation, Event::Answered { number: question.number, choice, by: by(), reason: "so".to_owned() });
                    }
                    Stage::Paused { .. } => tell(&mut operation, Event::Resumed { by: by() }),
                    other => prop_assert!(false, "it rests in {other:?}"),
                },
            }
        }
        prop_assert!(operation.is_finished(), "{:?}", operation.stage);
        let demoted = operation.plan.steps.iter().zip(&operation.steps).any(|(step, run)| matches!(step, Step::Demote { .. }) && run.attempts > 0);
        if let Stage::Finished { outcome: Outcome::Undone { .. }, .. } = operation.stage {
            prop_assert!(undone || !demoted, "it gave up and left the old site demoted");
        }
    }
}

#[test]
fn a_site_with_a_history_of_its_own_is_made_anew_by_hand_and_the_console_says_how() {
    let mut world = World::healthy(at(0));
    world.pool.sites.a.keys = "/service/pool-a/".to_owned();
    let tasks = |operation: &Operation| -> Vec<(Task, Option<String>)> {
        operation.instructions(&world.pool).into_iter().map(|one| (one.task, one.on)).collect()
    };
    let on = |task, name: &str| (task, Some(name.to_owned()));
    let collision =
        || Some(StepFailure::Collision { timeline: crate::Timeline(7), active_left_at: crate::Lsn(1), returning_left_at: crate::Lsn(2) });
    let mut operation = opened(planned(&world, Intent::Reprotect { side: Side::A }));
    let directory = |path: &str| StepEvidence::DataDirectory { node: "a2".parse().unwrap(), path: path.to_owned() };
    one_step(&mut operation, vec![directory("/data")], None);
    let saved =
        |name: &str| StepEvidence::Saved { node: "a1".parse().unwrap(), name: name.to_owned(), rows: 1, bytes: 1, tables: 1, left_out: 0 };
    one_step(&mut operation, vec![saved("b"), saved("a"), saved("b")], None);
    assert_eq!(operation.evidence(), ["b", "a"]);
    assert_eq!(tasks(&operation), [], "nobody has found a collision");
    one_step(&mut operation, Vec::new(), collision());
    written(&mut operation);
    let all = [
        on(Task::StopPatroni, "a1"),
        on(Task::StopPatroni, "a2"),
        on(Task::EmptyData, "a1"),
        on(Task::EmptyData, "a2"),
        on(Task::ForgetCluster, "etcd-a"),
        (Task::EmptyArchive, None),
        (Task::Retry, None),
        on(Task::StartFirst, "a1"),
        on(Task::StartNext, "a2"),
    ];
    assert_eq!(tasks(&operation), all);
    let commands: Vec<Option<String>> = operation.instructions(&world.pool).into_iter().map(|one| one.command).collect();
    assert_eq!(commands[2], None, "a1 did not say where its data is");
    assert_eq!(commands[3].as_deref(), Some("find '/data' -mindepth 1 -delete"));

    // Whatever goes wrong next, the way out is the same.
    tell(&mut operation, Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() });
    assert_eq!(tasks(&operation), all);
    one_step(&mut operation, Vec::new(), Some(StepFailure::NoLeader { side: Side::A }));
    written(&mut operation);
    assert_eq!(tasks(&operation), all);
    tell(&mut operation, Event::Answered { number: 2, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut operation, Vec::new(), None);
    assert_eq!(tasks(&operation), all[7..], "what is missing are the nodes");
    one_step(&mut operation, Vec::new(), Some(trouble()));
    written(&mut operation);
    assert_eq!(tasks(&operation), all[7..]);
    tell(&mut operation, Event::Answered { number: 3, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut operation, Vec::new(), None);
    assert_eq!(tasks(&operation), []);
}

#[test]
fn what_cannot_be_saved_is_asked_for_and_given_up_only_by_somebody() {
    let world = World::healthy(at(0));
    let mut operation = opened(planned(&world, Intent::Reprotect { side: Side::B }));
    one_step(&mut operation, Vec::new(), None);
    assert!(!operation.plan.steps[1].changes_something() && operation.plan.steps[1] == Step::Save { side: Side::B });
    let node: crate::NodeName = "b1".parse().unwrap();
    let text = |text: &str| text.to_owned();
    let table = |database: &str, schema: &str, table: &str| {
        let (database, schema, table) = (text(database), text(schema), text(table));
        NotSaved::Table { database, schema, table, rows: 343, why: text("permission denied") }
    };
    let what = vec![
        table("chat", "public", "messages"),
        table("chat", "Odd \"names", "it's"),
        NotSaved::Database { database: text("closed"), tables: 1, rows: 3, why: text("permission denied") },
        NotSaved::Deleted { database: text("chat"), schema: text("public"), table: text("messages"), rows: 1 },
        NotSaved::Silent { node: "b2".parse().unwrap() },
    ];
    let directory = StepEvidence::DataDirectory { node: node.clone(), path: text("/data") };
    let not_saved = StepFailure::NotSaved { side: Side::B, node: Some(node), what: what.clone() };
    one_step(&mut operation, vec![directory], Some(not_saved));
    written(&mut operation);
    let Stage::NeedsPerson { question, .. } = &operation.stage else { panic!("{:?}", operation.stage) };
    assert_eq!(question.options, [Choice::Retry, Choice::GiveUp, Choice::Undo]);
    assert_eq!(operation.gives_up_by(Choice::GiveUp), Some(Side::B), "its name has to be typed");
    assert_eq!((operation.gives_up_by(Choice::Retry), operation.gives_up_by(Choice::Undo)), (None, None));
    let told = operation.instructions(&world.pool);
    let tasks: Vec<(Task, Option<&str>)> = told.iter().map(|one| (one.task, one.on.as_deref())).collect();
    let all = [
        (Task::StartSilent, Some("b2")),
        (Task::CopyTables, Some("b1")),
        (Task::CopyTables, Some("b1")),
        (Task::CopyData, Some("b1")),
        (Task::SaveAgain, None),
        (Task::GiveUp, None),
    ];
    assert_eq!(tasks, all);
    let id = operation.id;
    let dump = told[1].command.clone().unwrap();
    assert!(dump.starts_with("d='/data' && umask 077 && runuser -u \"$(stat -c %U \"$d\")\" -- pg_dump "), "{dump}");
    let tables = format!(" -d 'chat' -t '\"public\".\"messages\"' -t '\"Odd \"\"names\".\"it'\\''s\"' -Fc -f '/var/tmp/{id}-b1-1.dump'");
    assert!(dump.ends_with(&tables), "{dump}");
    assert!(told[2].command.as_ref().is_some_and(|dump| dump.ends_with(&format!(" -d 'closed' -Fc -f '/var/tmp/{id}-b1-2.dump'"))));
    assert_eq!(told[3].command, Some(format!("systemctl stop patroni && cp -a '/data' '/data.{id}' && systemctl start patroni")));

    // Tried again, and something is still missing.
    tell(&mut operation, Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() });
    let left = what[..1].to_vec();
    one_step(&mut operation, Vec::new(), Some(StepFailure::NotSaved { side: Side::B, node: None, what: left }));
    written(&mut operation);
    tell(&mut operation, Event::Answered { number: 2, choice: Choice::GiveUp, by: by(), reason: text("copied to a tape") });
    let story = go_on(&mut operation, &never, &never);
    assert_eq!(story, ["follow", "reprotect", "reroute"]);
}

#[test]
fn what_was_given_up_stands_in_the_report_of_the_failover_that_lost_it() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    let failover = failed_over(&world, last_sign(10_900, None));
    let mut later = opened_after(&world, &failover);
    one_step(&mut later, vec![diverged(9_000, None)], None);
    let what = vec![NotSaved::Prepared { transactions: 2 }];
    let not_saved = Some(StepFailure::NotSaved { side: Side::A, node: None, what: what.clone() });
    one_step(&mut later, vec![counted(900, 10_100, 10_200, true)], not_saved);
    written(&mut later);
    let found = later.found_of(&failover).unwrap();
    assert_eq!((found.not_saved, found.given_up), (what.clone(), None), "it is still asked");
    let mut tried_again = later.clone();
    tell(&mut tried_again, Event::Answered { number: 1, choice: Choice::Retry, by: by(), reason: String::new() });
    one_step(&mut tried_again, vec![counted(900, 10_100, 10_200, true)], None);
    let found = tried_again.found_of(&failover).unwrap();
    assert_eq!((found.not_saved, found.given_up), (Vec::new(), None), "it was saved the second time");
    tell(&mut later, Event::Answered { number: 1, choice: Choice::GiveUp, by: by(), reason: "a test".to_owned() });
    let found = later.found_of(&failover).unwrap();
    let given = found.given_up.map(|given| (given.by, given.reason));
    assert_eq!((found.not_saved, given), (what, Some((by(), "a test".to_owned()))));
}

#[test]
fn what_was_shipped_of_timelines_that_were_given_up_is_moved_away_before_the_site_counts_as_protected() {
    let world = World::healthy(at(0));
    let mut operation = opened(planned(&world, Intent::Reprotect { side: Side::B }));
    for _ in ["inspect", "save", "follow"] {
        one_step(&mut operation, Vec::new(), None);
    }
    let given_up = vec![crate::Timeline(8)];
    assert!(!operation.has_set_aside(Side::B, &given_up));
    one_step(&mut operation, Vec::new(), Some(StepFailure::TimelinesGivenUp { side: Side::B, timelines: given_up.clone() }));
    written(&mut operation);
    let Stage::NeedsPerson { question, .. } = &operation.stage else { panic!("{:?}", operation.stage) };
    assert_eq!(question.options, [Choice::Confirm, Choice::Skip, Choice::Undo]);
    let tasks: Vec<Task> = operation.instructions(&world.pool).into_iter().map(|one| one.task).collect();
    assert_eq!(tasks, [Task::SetAside, Task::Confirm]);
    tell(&mut operation, Event::Answered { number: 1, choice: Choice::Confirm, by: by(), reason: "moved to given-up".to_owned() });
    assert!(operation.has_set_aside(Side::B, &given_up) && !operation.has_set_aside(Side::B, &[crate::Timeline(8), crate::Timeline(9)]));
    assert!(operation.attested.is_none() && operation.instructions(&world.pool).is_empty());
    let story = go_on(&mut operation, &never, &never);
    assert_eq!(story, ["reprotect", "reroute"]);
}

#[test]
fn the_time_without_writes_before_the_request_is_part_of_the_outage_and_of_what_people_took() {
    let mut world = World::healthy(at(0));
    world.site_dies(Side::A, &ProbeFailure::Refused);
    world.pass(60_000);
    let minutes = |minutes: i64| at(minutes * 60_000);
    let report = |last_write_at: Timestamp, uncertain: Millis, planned_at: Timestamp| {
        let mut operation = opened_with(planned(&world, Intent::Failover { to: Side::B }), |request| request.planned_at = planned_at);
        let outage = Outage { last_write_at, first_write_at: Some(at(9_000)), acknowledged: 0, found: None, uncertain };
        tell(&mut operation, Event::OutageSeen { outage });
        let report = operation.report(&world.pool, "hash".to_owned(), None);
        (report.outage_before, report.decision)
    };
    // The last plan was made half a minute before; writes had stopped twelve minutes before.
    let half_a_minute = at(-30_000);
    assert_eq!(report(minutes(-12), Millis(0), half_a_minute), (Some(Millis(720_000)), Millis(720_000)));
    // They may have gone on for two seconds more: only what is certain counts.
    assert_eq!(report(minutes(-12), Millis(2_000), half_a_minute), (Some(Millis(718_000)), Millis(718_000)));
    // Whether they had stopped before is not known.
    assert_eq!(report(minutes(-12), Millis(u64::MAX), half_a_minute), (None, Millis(30_000)));
    // They stopped afterwards.
    assert_eq!(report(at(500), Millis(0), half_a_minute), (None, Millis(30_000)));
    // Somebody had looked at the plan before they stopped.
    assert_eq!(report(minutes(-1), Millis(0), minutes(-3)), (Some(Millis(60_000)), Millis(180_000)));
}

proptest! {
    #[test]
    fn no_more_of_an_outage_was_before_a_moment_than_it_lasted(from in -9_000_i64..9_000, lasts in proptest::option::of(0_i64..9_000), uncertain in 0_u64..9_000, when in -9_000_i64..9_000) {
        let first_write_at = lasts.map(|lasts| at(from + lasts));
        let outage = Outage { last_write_at: at(from), first_write_at, acknowledged: 0, found: None, uncertain: Millis(uncertain) };
        let before = outage.before(at(when)).unwrap_or_default();
        prop_assert!(before.0 + uncertain <= outage.length(at(when)).0.max(uncertain));
        prop_assert!(before <= Millis::between(at(from), at(when)));
    }
}

#[test]
fn a_reprotection_that_is_cancelled_says_that_the_site_does_not_follow() {
    let mut world = World::healthy(at(0));
    world.postgres("b1", |facts| facts.in_recovery = true);
    let mut plan = planned(&world, Intent::Reprotect { side: Side::A });
    plan.steps =
        [Step::Inspect { side: Side::A }, Step::Save { side: Side::A }, Step::Follow { side: Side::A }, Step::Reprotect { side: Side::A }]
            .into();
    let mut cancelled = opened(plan.clone());
    assert_eq!(cancelled.left_unprotected(), None, "it has not ended");
    go_on(&mut cancelled, &never, &|step| matches!(step, Step::Save { .. }));
    tell(&mut cancelled, Event::CancelWanted { by: by() });
    go_on(&mut cancelled, &never, &never);
    assert!(matches!(outcome(&cancelled), Outcome::Undone { .. }));
    assert_eq!(cancelled.left_unprotected(), Some(Side::A));
    assert_eq!(cancelled.report(&world.pool, String::new(), None).left_unprotected, Some(Side::A));
    let mut done = opened(plan);
    go_on(&mut done, &never, &never);
    assert_eq!((outcome(&done), done.left_unprotected()), (Outcome::Done, None));
    // Whoever takes a switchover back leaves everything as it was.
    let mut back = switchover();
    go_on(&mut back, &|step| matches!(step, Step::Prove { .. }), &never);
    assert_eq!(back.left_unprotected(), None);
    // One that ends with its old site not following does not.
    let mut left = switchover();
    go_on(&mut left, &|step| matches!(step, Step::Reprotect { .. }), &never);
    let Stage::NeedsPerson { question, .. } = left.stage.clone() else { panic!("{:?}", left.stage) };
    tell(&mut left, Event::Answered { number: question.number, choice: Choice::Abandon, by: by(), reason: String::new() });
    assert_eq!(left.left_unprotected(), Some(Side::A));
}

#[test]
fn a_list_tells_of_a_failover_what_later_operations_have_found_of_its_loss() {
    let line = |id: u64, pool: &str, loss: LossAtAGlance| OperationSummary {
        stage: StageCode::Done,
        loss: Some(loss),
        ..OperationSummary::unknown(OperationId(id), pool.parse().unwrap())
    };
    let plain = |epoch| LossAtAGlance { word: LossCode::Nothing, epoch: Epoch(epoch), promoted: None, found: None, untouched: None };
    let failover = LossAtAGlance { word: LossCode::NotKnown, promoted: Some(crate::Timeline(8)), ..plain(3) };
    let words = |newer: &[(&str, LossAtAGlance)]| {
        let newer = newer.iter().rev().zip((2_u64..).map(|n| 99 - n)).map(|((pool, loss), id)| line(id, pool, loss.clone()));
        let mut list: Vec<OperationSummary> = newer.chain([line(1, "chat", failover.clone())]).collect();
        tell_found_losses(&mut list);
        list.pop().unwrap().loss.unwrap().word
    };
    assert_eq!(words(&[]), LossCode::NotKnown);
    let found = |word| LossAtAGlance { found: Some(word), ..plain(4) };
    assert_eq!(words(&[("chat", found(LossCode::Nothing))]), LossCode::Nothing);
    // It follows already when the second one looks: what the first one found was lost.
    assert_eq!(words(&[("chat", found(LossCode::Lost)), ("chat", found(LossCode::Nothing))]), LossCode::Lost);
    assert_eq!(words(&[("files", found(LossCode::Lost))]), LossCode::NotKnown);
    assert_eq!(words(&[("chat", LossAtAGlance { untouched: Some(crate::Timeline(7)), ..plain(4) })]), LossCode::Nothing);
    assert_eq!(words(&[("chat", LossAtAGlance { untouched: Some(crate::Timeline(8)), ..plain(4) })]), LossCode::NotKnown);
    // Another site has become active since: what is found now was lost by that.
    assert_eq!(words(&[("chat", plain(5)), ("chat", found(LossCode::Lost))]), LossCode::NotKnown);
}
