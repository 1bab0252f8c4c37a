//! Operations: what was wanted, the steps, how they stand, and how it ended.

pub mod by_hand;
pub mod choice;
pub mod evidence;
pub mod failure;
pub mod lost;
pub mod refusal;

pub use evidence::fact;
pub use failure::trouble;
pub use refusal::objection;

use super::{Locale, Names, bytes, clock_time, count, duration, figures, list, say, sentences};
use jiff::Timestamp;
use switchback_domain::{
    Millis, Side,
    operation::{
        Advice, Attempt, Because, Difference, Fence, FenceAnswer, FenceState, FoundLoss, GivenUp, Intent, IntentKind, LossCode,
        MemberOrder, OperationId, OrderFailure, Outage, Phase, Report, StageCode, Step, StepEvidence, StepFailure, StepRun, StepState,
        UnreadableCause, UnreadableEntry,
    },
};

/// What is wanted, as a heading such as `Planned switchover to dc-b`.
pub fn title(lang: Locale, intent: &Intent, dry_run: bool, names: &Names) -> String {
    title_of(lang, intent.kind(), intent.side(), dry_run, names)
}

/// The same of an operation of which only the kind and the site are known.
pub fn title_of(lang: Locale, kind: IntentKind, side: Option<Side>, dry_run: bool, names: &Names) -> String {
    // Only changes of members may be without a site, and their title names none.
    let site = side.map(|side| names[side].to_string()).unwrap_or_default();
    let title = match kind {
        IntentKind::Switchover => say!(lang, operations.title.switchover, site = site),
        IntentKind::Failover => say!(lang, operations.title.failover, site = site),
        IntentKind::Failback => say!(lang, operations.title.failback, site = site),
        IntentKind::Resolve => say!(lang, operations.title.resolve, site = site),
        IntentKind::Reprotect => say!(lang, operations.title.reprotect, site = site),
        IntentKind::LocalSwitchover => say!(lang, operations.title.local_switchover, site = site),
        IntentKind::Members => say!(lang, operations.title.members),
    };
    if dry_run { say!(lang, operations.title.rehearsal, title = title) } else { title }
}

/// What is wanted, in a sentence or two.
pub fn about(lang: Locale, intent: &Intent, pool: &str, names: &Names) -> String {
    let site = |side| names[side].to_string();
    let pool = pool.to_owned();
    match intent {
        Intent::Switchover { to } => say!(lang, operations.about.switchover, pool = pool, from = site(to.other()), to = site(*to)),
        Intent::Failover { to } => say!(lang, operations.about.failover, pool = pool, from = site(to.other()), to = site(*to)),
        Intent::Failback { to } => say!(lang, operations.about.failback, pool = pool, from = site(to.other()), to = site(*to)),
        Intent::Resolve { keep } => say!(lang, operations.about.resolve, pool = pool, keep = site(*keep), other = site(keep.other())),
        Intent::Reprotect { side } => say!(lang, operations.about.reprotect, pool = pool, site = site(*side)),
        Intent::LocalSwitchover { side } => say!(lang, operations.about.local_switchover, pool = pool, site = site(*side)),
        Intent::Members { .. } => say!(lang, operations.about.members, pool = pool),
    }
}

/// Which of two sites that both accept writes to keep, and why.
pub fn advice(lang: Locale, advice: &Advice, names: &Names) -> String {
    let (keep, other) = (names[advice.keep].to_string(), names[advice.keep.other()].to_string());
    match &advice.because {
        Because::OtherFenced { operation } => {
            say!(lang, operations.advice.other_fenced, keep = keep, other = other, operation = fenced_by(lang, *operation))
        }
        Because::MadeActive { operation } => say!(lang, operations.advice.made_active, keep = keep, operation = operation.to_string()),
        Because::ActiveBefore => say!(lang, operations.advice.active_before, keep = keep),
        Because::LaterTimeline => say!(lang, operations.advice.later_timeline, keep = keep, other = other),
    }
}

/// What a step does.
pub fn step(lang: Locale, step: &Step, names: &Names) -> String {
    let site = |side| names[side].to_string();
    match step {
        Step::Preflight => say!(lang, operations.step.preflight),
        Step::Mark { side } => say!(lang, operations.step.mark, site = site(*side)),
        Step::Checkpoint { side } => say!(lang, operations.step.warm, site = site(*side)),
        Step::Drain { side, .. } => say!(lang, operations.step.drain, site = site(*side)),
        Step::Demote { side } => say!(lang, operations.step.demote, site = site(*side)),
        Step::Prove { from, to } => say!(lang, operations.step.prove, from = site(*from), to = site(*to)),
        Step::Assess { side } => say!(lang, operations.step.establish, site = site(*side)),
        Step::Fence { side } => say!(lang, operations.step.fence, site = site(*side)),
        Step::Settle { side } => say!(lang, operations.step.settle, site = site(*side)),
        Step::Promote { side } => say!(lang, operations.step.promote, site = site(*side)),
        Step::Verify { side } => say!(lang, operations.step.verify, site = site(*side)),
        Step::SoleWriter { side } => say!(lang, operations.step.sole_writer, site = site(*side)),
        Step::Reroute { to } => say!(lang, operations.step.reroute, site = site(*to)),
        Step::Inspect { side } => say!(lang, operations.step.inspect, site = site(*side)),
        Step::Save { side } => say!(lang, operations.step.save, site = site(*side)),
        Step::Follow { side } => say!(lang, operations.step.follow, site = site(*side)),
        Step::Reprotect { side } => say!(lang, operations.step.reprotect, site = site(*side)),
        Step::SwitchInSite { side } => say!(lang, operations.step.switch_in_site, site = site(*side)),
        Step::SetMember { change } => {
            let member = change.member.to_string();
            match change.to {
                MemberOrder::Ready => say!(lang, operations.step.member_ready, member = member),
                MemberOrder::Drain => say!(lang, operations.step.member_drain, member = member),
                MemberOrder::Maintenance => say!(lang, operations.step.member_maintenance, member = member),
            }
        }
    }
}

/// What taking a step's effect back does.
pub fn undo(lang: Locale, undone: &Step, names: &Names) -> String {
    match undone {
        Step::Drain { side, .. } => say!(lang, operations.step.undo_drain, site = names[*side].to_string()),
        Step::Demote { side } => say!(lang, operations.step.undo_demote, site = names[*side].to_string()),
        other => say!(lang, operations.step.undo_other, step = step(lang, other, names)),
    }
}

/// An attempt at a step before the present one, and what came of it.
pub fn attempt(lang: Locale, attempt: &Attempt, names: &Names) -> String {
    let (n, time) = (attempt.number.to_string(), clock_time(lang, attempt.began_at));
    let Some(ended_at) = attempt.ended_at else { return say!(lang, operations.state.attempt_cut, n = n, time = time) };
    let took = duration(lang, Millis::between(attempt.began_at, ended_at));
    match &attempt.trouble {
        Some(cause) => say!(lang, operations.state.attempt, n = n, time = time, took = took, trouble = trouble(lang, cause, names)),
        None => say!(lang, operations.state.attempt_done, n = n, time = time, took = took),
    }
}

/// The name of a part of an operation, and what clients notice of it.
pub fn phase(lang: Locale, phase: Phase) -> (String, String) {
    match phase {
        Phase::Prepare => (say!(lang, operations.phase.prepare), say!(lang, operations.phase.prepare_note)),
        Phase::Stop => (say!(lang, operations.phase.stop), say!(lang, operations.phase.stop_note)),
        Phase::Isolate => (say!(lang, operations.phase.isolate), say!(lang, operations.phase.isolate_note)),
        Phase::Switch => (say!(lang, operations.phase.switch), say!(lang, operations.phase.switch_note)),
        Phase::Serve => (say!(lang, operations.phase.serve), say!(lang, operations.phase.serve_note)),
        Phase::Protect => (say!(lang, operations.phase.protect), say!(lang, operations.phase.protect_note)),
        Phase::Within => (say!(lang, operations.phase.within), say!(lang, operations.phase.within_note)),
        Phase::Members => (say!(lang, operations.phase.members), say!(lang, operations.phase.members_note)),
    }
}

/// Where an operation stands or how it has ended, in a word or two: the only place that chooses it, for pages, lists, reports and the command
/// line. `loss`: what is known of what it has lost.
pub fn stage(lang: Locale, stage: StageCode, dry_run: bool, loss: LossCode) -> String {
    match (stage, loss) {
        (StageCode::Running, _) => say!(lang, operations.stage.running),
        (StageCode::Paused, _) => say!(lang, operations.stage.paused),
        (StageCode::Undoing, _) => say!(lang, operations.stage.undoing),
        (StageCode::NeedsPerson, _) => say!(lang, operations.stage.needs_person),
        (StageCode::Done, _) if dry_run => say!(lang, operations.stage.rehearsed),
        (StageCode::Done, LossCode::Nothing) => say!(lang, operations.stage.done),
        (StageCode::Done, LossCode::Lost) => say!(lang, operations.stage.done_loss),
        (StageCode::Done, LossCode::NotKnown) => say!(lang, operations.stage.done_loss_open),
        (StageCode::Cancelled, _) => say!(lang, operations.stage.cancelled),
        (StageCode::Stopped, _) => say!(lang, operations.stage.stopped),
        (StageCode::Abandoned, _) => say!(lang, operations.stage.abandoned),
        (StageCode::Unreadable, _) => say!(lang, operations.stage.unreadable),
        (StageCode::ClosedUnread, _) => say!(lang, operations.stage.closed_unread),
    }
}

/// How a step stands, in a word or two: the only place that chooses it.
pub fn step_state(lang: Locale, run: &StepRun, step: &Step, dry_run: bool) -> String {
    match &run.state {
        StepState::Waiting if run.attempts > 0 => say!(lang, operations.state.waiting_again, n = run.attempts.to_string()),
        StepState::Waiting => say!(lang, operations.state.waiting),
        StepState::Running => say!(lang, operations.state.running),
        StepState::Done if dry_run && step.changes_something() => say!(lang, operations.state.rehearsed),
        StepState::Done if matches!(step, Step::Fence { .. }) && !is_fenced(run) => say!(lang, operations.state.not_fenced),
        StepState::Done => say!(lang, operations.state.done),
        StepState::Failed { .. } => say!(lang, operations.state.failed),
        StepState::Skipped { .. } if gave_up_the_rest(run) => say!(lang, operations.state.given_up),
        StepState::Skipped { .. } => say!(lang, operations.state.skipped),
    }
}

/// Who has left a step out, or given up the rest of what it had to save, and why; nothing when nobody has.
pub fn left_out(lang: Locale, run: &StepRun) -> Option<String> {
    let StepState::Skipped { by, reason } = &run.state else { return None };
    let (by, reason) = (by.to_string(), reason.clone());
    Some(if gave_up_the_rest(run) {
        say!(lang, operations.state.given_up_by, by = by, reason = reason)
    } else {
        say!(lang, operations.state.skipped_by, by = by, reason = reason)
    })
}

/// Somebody there has confirmed the fence.
fn is_fenced(run: &StepRun) -> bool {
    run.every_fact().any(|fact| matches!(fact, StepEvidence::Fenced { .. }))
}

/// It has saved what could be saved, and somebody has given up the rest.
pub fn gave_up_the_rest(run: &StepRun) -> bool {
    matches!(run.state, StepState::Skipped { .. })
        && matches!(run.earlier.last().and_then(|attempt| attempt.trouble.as_ref()), Some(StepFailure::NotSaved { .. }))
}

/// The site that did not follow when an operation ended, although it was to follow.
pub fn unprotected(lang: Locale, pool: &str, site: &str, other: &str) -> String {
    say!(lang, operations.say.unprotected, pool = pool.to_owned(), site = site.to_owned(), other = other.to_owned())
}

/// An operation that cannot be read: which entry, why, and what to do.
pub fn unreadable(lang: Locale, operation: OperationId, entry: UnreadableEntry) -> String {
    let (operation, n) = (operation.to_string(), entry.number.to_string());
    match entry.cause {
        UnreadableCause::Newer { version } => {
            say!(lang, operations.unreadable.newer, operation = operation, n = n, version = version.to_string())
        }
        UnreadableCause::Damaged => say!(lang, operations.unreadable.damaged, operation = operation, n = n),
        UnreadableCause::DoesNotFit => say!(lang, operations.unreadable.does_not_fit, operation = operation, n = n),
    }
}

/// Why an operation gave up.
pub fn given_up(lang: Locale, why: &GivenUp, names: &Names) -> String {
    match why {
        GivenUp::Cancelled { by } => say!(lang, operations.say.because_cancelled, by = by.to_string()),
        GivenUp::StepFailed { step, trouble: cause } => {
            say!(lang, operations.say.because_failed, n = (step + 1).to_string(), trouble = trouble(lang, cause, names))
        }
    }
}

/// How long clients could not write, or still cannot at `now`.
pub fn outage(lang: Locale, outage: &Outage, now: Timestamp) -> String {
    let [least, most] = outage.bounds(now).map(|bound| duration(lang, bound));
    match outage.first_write_at {
        None => say!(lang, operations.num.at_least, figure = least),
        Some(_) if least == most => most,
        Some(_) if outage.bounds(now)[0] == Millis(0) => say!(lang, operations.num.at_most, figure = most),
        Some(_) => say!(lang, operations.num.between, least = least, most = most),
    }
}

/// How long of that was before anybody asked for the operation; nothing when it is not certain that it was.
pub fn outage_before(lang: Locale, report: &Report) -> Option<String> {
    let before = duration(lang, report.outage_before?);
    let uncertain = report.outage.is_none_or(|outage| outage.uncertain > Millis(0));
    let before = if uncertain { say!(lang, operations.num.at_least, figure = before) } else { before };
    Some(say!(lang, operations.meter.before, before = before, operation = report.id.to_string()))
}

/// From when on the time of people is counted.
pub fn decision_note(lang: Locale, report: &Report) -> String {
    if report.outage_before.is_some() {
        say!(lang, operations.report.decision_note_outage)
    } else {
        say!(lang, operations.report.decision_note)
    }
}

/// For which clients every figure about an outage is true.
pub fn path(lang: Locale) -> String {
    say!(lang, operations.meter.path)
}

/// What was found of what a failover lost, as a figure.
pub fn found(lang: Locale, found: &FoundLoss) -> String {
    match (&found.writes, found.rows) {
        (Some(writes), _) => lost::figure(lang, writes),
        (None, _) if found.is_nothing() => say!(lang, operations.lost.nothing),
        (None, Some(rows)) => say!(lang, operations.num.loss_found_rows, n = count(rows), bytes = bytes(found.bytes)),
        // The whole log, which is not what clients wrote.
        (None, None) => say!(lang, operations.num.loss_not_counted, bytes = bytes(found.bytes)),
    }
}

/// What stays of an operation that was undone: the effect of a step, counted from zero, that could not be taken back.
pub fn stays(lang: Locale, number: usize, run: &StepRun, stayed: &Step, names: &Names) -> String {
    let site = |side| names[side].to_string();
    let done = run.state == StepState::Done;
    match stayed {
        Step::Follow { side } if done => say!(lang, operations.stays.follow, site = site(*side)),
        Step::Reprotect { side } if done => say!(lang, operations.stays.reprotect, site = site(*side)),
        Step::Reroute { to } if done => say!(lang, operations.stays.reroute, site = site(*to)),
        Step::SwitchInSite { side } if done => say!(lang, operations.stays.switch_in_site, site = site(*side)),
        Step::SetMember { change } if done => say!(lang, operations.stays.member, member = change.member.to_string()),
        _ => say!(lang, operations.stays.perhaps, n = (number + 1).to_string(), step = step(lang, stayed, names)),
    }
}

/// What is not as it was before, although everything was taken back.
pub fn difference(lang: Locale, difference: &Difference, names: &Names) -> String {
    match difference {
        Difference::Timeline { side, before, now } => {
            say!(lang, operations.difference.timeline, site = names[*side].to_string(), before = before.to_string(), now = now.to_string())
        }
        Difference::Leader { side, before, now } => {
            say!(lang, operations.difference.leader, site = names[*side].to_string(), before = before.to_string(), now = now.to_string())
        }
        Difference::MayBeHeld { endpoint } => say!(lang, operations.difference.may_be_held, endpoint = endpoint.to_string()),
    }
}

/// Who has put a fence up.
fn fenced_by(lang: Locale, operation: Option<OperationId>) -> String {
    operation.map_or_else(|| say!(lang, operations.fence.by_confirmation), |operation| operation.to_string())
}

/// How far a fence has come: asked for, confirmed or refused, and by whom.
pub fn fence(lang: Locale, fence: &Fence, names: &Names) -> String {
    let (site, operation, asked) = (names[fence.side].to_string(), fenced_by(lang, fence.operation), figures::date_time(lang, fence.since));
    let first = match (fence.state(), fence.confirmed_at()) {
        (FenceState::Confirmed, Some(at)) => {
            let endpoints: Vec<_> = fence.answers.iter().filter(|answer| answer.holds()).map(|answer| answer.endpoint.clone()).collect();
            let (endpoints, time) = (list(lang, &endpoints), figures::date_time(lang, at));
            say!(lang, operations.fence.confirmed, site = site, endpoints = endpoints, time = time, operation = operation, asked = asked)
        }
        (FenceState::Refused, _) => say!(lang, operations.fence.refused, site = site, operation = operation, time = asked),
        (FenceState::AskedFor | FenceState::Confirmed, _) => {
            say!(lang, operations.fence.asked, site = site, operation = operation, time = asked)
        }
    };
    let said_no = fence.answers.iter().filter_map(|answer| match &answer.failure {
        Some(OrderFailure::Refused { said }) => Some(say!(
            lang,
            operations.fence.said_no,
            endpoint = answer.endpoint.to_string(),
            time = clock_time(lang, answer.at),
            said = said.clone()
        )),
        _ => None,
    });
    let silent = |answer: &&FenceAnswer| matches!(answer.failure, Some(OrderFailure::NotSent { .. } | OrderFailure::Unanswered { .. }));
    let silent: Vec<_> = fence.answers.iter().filter(silent).map(|answer| answer.endpoint.clone()).collect();
    let silent = (!silent.is_empty()).then(|| say!(lang, operations.fence.silent, endpoints = list(lang, &silent)));
    sentences(lang, &std::iter::once(first).chain(said_no).chain(silent).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
