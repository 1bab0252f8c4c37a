//! Sentences of the command line about what the domain has only words for.

use super::print::{TAGS, told};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use switchback_domain::{
    ByteLag, Millis, NodeName, Objection, Pair, Protection, Side, Verdict, Witness, WitnessKind,
    operation::{
        Because, Choice, Difference, Fence, FenceAnswer, FenceState, GivenUp, Instruction, LossCode, MemberOrder, Operation, OperationId,
        OrderFailure, Outage, Outcome, PlanChange, PlanObjection, Refusal, Stage, Step, StepFailure, Task, UnreadableEntry,
    },
};
use switchback_words::{self as app_words, Locale};

/// The names of the sites.
pub(super) type Sites = Pair<String>;

/// The word that the API has for something: that of a plain enum, or that of a tagged one, wherever its word stands.
pub(super) fn word(thing: &impl Serialize) -> String {
    match serde_json::to_value(thing) {
        Ok(Value::String(word)) => word,
        Ok(Value::Object(parts)) => {
            // The word stands inside, or else outside of everything.
            let outside = parts.keys().next().filter(|_| parts.len() == 1).map(String::as_str);
            TAGS.iter().find_map(|tag| parts.get(*tag)?.as_str()).or(outside).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

/// A time as people read it.
pub(super) fn time(time: Millis) -> String {
    match time.0 {
        ms @ ..1_000 => format!("{ms} ms"),
        ms @ 1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// How long clients could not write, or still cannot at `now`.
pub(super) fn outage(outage: &Outage, now: Timestamp) -> String {
    let [least, most] = outage.bounds(now).map(time);
    match outage.first_write_at {
        None => format!("at least {least}"),
        Some(_) if least == most => most,
        Some(_) if outage.bounds(now)[0] == Millis(0) => format!("at most {most}"),
        Some(_) => format!("between {least} and {most}"),
    }
}

/// A size as people read it.
pub(super) fn bytes(size: ByteLag) -> String {
    match size.0 {
        bytes @ ..1_024 => format!("{bytes} bytes"),
        bytes @ 1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        bytes => format!("{} MiB", bytes / 1_048_576),
    }
}

/// What would be lost.
pub(super) fn loss(protection: &Protection) -> String {
    let figures: Vec<String> = [protection.loss_bytes.map(bytes), protection.loss.map(time)].into_iter().flatten().collect();
    if figures.is_empty() {
        "not known".to_owned()
    } else {
        format!("{} {}", word(&protection.bound).replace('_', " "), figures.join(", "))
    }
}

/// What becomes of what only one of two sites that both accept writes has, when that one is stopped.
pub(super) fn set_aside(site: &str) -> String {
    format!("What only {site} has written leaves the pool; it stays there until re-protect has saved what can be had of it")
}

/// Why nobody should fail over from a site that somebody else sees alive, and what is known of it.
fn seen_alive(site: &str, witnesses: &[Witness], out_of_sight: bool) -> String {
    let signs = signs(witnesses);
    let not_known = "whether clients can write is not known";
    if witnesses.iter().any(|witness| witness.kind.is_of_working_database()) {
        return if out_of_sight {
            format!("do not fail over: {site} is alive ({signs}); only this console does not see its databases")
        } else {
            format!("do not fail over: {site} is alive ({signs}), and this console sees only a part of it; {not_known}")
        };
    }
    if witnesses.iter().any(|witness| witness.kind == WitnessKind::LeaderKey) {
        return format!(
            "do not fail over yet: Patroni of {site} is alive ({signs}), but its database does not answer this console; {not_known}"
        );
    }
    format!("do not fail over yet: {site} gives a sign of life ({signs}), but nobody sees its database work; {not_known}")
}

/// What a step does.
pub(super) fn step(step: &Step, sites: &Sites) -> String {
    let of = |side: &Side| sites[*side].as_str();
    match step {
        Step::Preflight => "look at everything again under the lease".to_owned(),
        Step::Mark { side } => format!("write a marker row in {}", of(side)),
        Step::Checkpoint { side } => format!("make a checkpoint in {}, so that the one at shutdown is small", of(side)),
        Step::Drain { side, at_most } => format!("take the members' sessions away in {}, for at most {}", of(side), time(*at_most)),
        Step::Demote { side } => format!("make {} a standby; clients cannot write from here on", of(side)),
        Step::Prove { from, to } => format!("prove that {} has everything of {}", of(to), of(from)),
        Step::Assess { side } => format!("establish what is known of {}", of(side)),
        Step::Fence { side } => format!("fence {}", of(side)),
        Step::Settle { side } => format!("let {} replay what it has received", of(side)),
        Step::Promote { side } => format!("make {} lead (the point of no return)", of(side)),
        Step::Verify { side } => format!("verify that {} alone accepts writes", of(side)),
        Step::SoleWriter { side } => format!("verify that one node of {} accepts writes, and no other one of the pool", of(side)),
        Step::Reroute { to } => format!("bring sessions to the members of {}", of(to)),
        Step::Inspect { side } => format!("look whether {} has a history of its own", of(side)),
        Step::Save { side } => format!("save what only the lost timeline of {} has", of(side)),
        Step::Follow { side } => format!("tell {} to follow", of(side)),
        Step::Reprotect { side } => format!("wait until {} follows", of(side)),
        Step::SwitchInSite { side } => format!("make the mirror of {} its leader", of(side)),
        Step::SetMember { change } => {
            let order = match change.to {
                MemberOrder::Ready => "take sessions",
                MemberOrder::Drain => "take no new sessions",
                MemberOrder::Maintenance => "go out of service",
            };
            format!("tell {} of {} to {order}", change.member, of(&change.side))
        }
    }
}

/// Why a step did not succeed.
pub(super) fn trouble(trouble: &StepFailure, sites: &Sites) -> String {
    let of = |side: &Side| sites[*side].as_str();
    match trouble {
        StepFailure::SituationChanged { checks, findings } => {
            let mut why: Vec<String> = checks.iter().map(|(kind, verdict)| format!("{}: {}", word(kind), word(verdict))).collect();
            why.extend(findings.iter().map(|finding| told(&serde_json::to_value(finding).unwrap_or_default())));
            format!("the pool has changed since this was planned ({})", why.join("; "))
        }
        StepFailure::OtherEpoch => "the active site has changed since".to_owned(),
        StepFailure::PatroniTooOld { members } => {
            let members: Vec<String> = members.iter().map(|(node, version)| format!("{node} ({version})")).collect();
            format!("Patroni before 4.1 would stop the primary without a shutdown checkpoint: {}", members.join(", "))
        }
        StepFailure::NoLeader { side } => format!("nobody leads {}", of(side)),
        StepFailure::Refused { endpoint, said } => format!("{endpoint} said no: {said}"),
        StepFailure::NotFenced { side, unreached, within } => {
            let names: Vec<&str> = unreached.iter().map(switchback_domain::EndpointName::as_str).collect();
            let within = within.map(|within| format!(" within {}", time(within))).unwrap_or_default();
            let names = names.join(", ");
            format!(
                "nothing proves that {} is off: no answer{within} from {names}. Check them; if they are off, `attest` how you know",
                of(side)
            )
        }
        StepFailure::SeenAlive { side, witnesses } => {
            format!("{} is seen alive although somebody said that it is off: {}", of(side), signs(witnesses))
        }
        StepFailure::StillWrites { nodes } => {
            let names: Vec<&str> = nodes.iter().map(switchback_domain::NodeName::as_str).collect();
            format!("{} still accepts writes: stop its PostgreSQL and its Patroni, then `retry`", names.join(", "))
        }
        StepFailure::TimelinesGivenUp { side, timelines } => {
            let numbers: Vec<String> = timelines.iter().map(ToString::to_string).collect();
            format!("what {} has shipped of timeline {}, which is given up, has to leave the archive", of(side), numbers.join(", "))
        }
        StepFailure::NotSaved { side, what, .. } => {
            let each: Vec<String> = what.iter().map(|one| app_words::operation::lost::not_saved(Locale::en, one)).collect();
            format!("not everything that only {} has could be saved, and it would be lost when it follows: {}", of(side), each.join(" "))
        }
        StepFailure::SplitBrain => "both sites accept writes: stop one side first".to_owned(),
        StepFailure::RowsMissing { acknowledged, found } => format!("of {acknowledged} acknowledged rows only {found} are there"),
        StepFailure::StoreUnwritable => "the console's store cannot be written".to_owned(),
        StepFailure::Internal { incident } => format!("the console's own code failed; quote incident {incident}"),
        other => told(&serde_json::to_value(other).unwrap_or_default()),
    }
}

/// Signs of life, each with the word by which it is overridden.
pub(super) fn signs(witnesses: &[Witness]) -> String {
    let told = |witness: &Witness| format!("{}: {}", witness.kind.code().replace('_', "-"), sign(witness));
    witnesses.iter().map(told).collect::<Vec<_>>().join("; ")
}

/// A sign of life of a site that the console does not hear.
pub(super) fn sign(witness: &Witness) -> String {
    switchback_words::witness(switchback_words::Locale::en, witness)
}

/// Who has put a fence up.
fn fenced_by(operation: Option<OperationId>) -> String {
    operation.map_or_else(|| "the confirmation of a restored store".to_owned(), |operation| operation.to_string())
}

/// How far a fence has come: asked for, confirmed or refused, and by whom.
pub(super) fn fence(fence: &Fence, sites: &Sites) -> String {
    let (site, by) = (&sites[fence.side], format!("asked for at {:.0} by {}", fence.since, fenced_by(fence.operation)));
    let names = |wanted: &dyn Fn(&FenceAnswer) -> bool| {
        fence.answers.iter().filter(|answer| wanted(answer)).map(|answer| answer.endpoint.to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut said = vec![match (fence.state(), fence.confirmed_at()) {
        (FenceState::Confirmed, Some(at)) => format!("{site} is fenced: confirmed by {} at {at:.0}, {by}.", names(&FenceAnswer::holds)),
        (FenceState::Refused, _) => format!("{site} is not fenced: {by}, and refused."),
        _ => format!("The fence of {site} is not confirmed: {by}. A node that comes back may accept writes until the console reaches it."),
    }];
    for answer in &fence.answers {
        if let Some(OrderFailure::Refused { said: words }) = &answer.failure {
            said.push(format!("{} refused at {:.0}: {words}.", answer.endpoint, answer.at));
        }
    }
    let silent = names(&|answer| matches!(answer.failure, Some(OrderFailure::NotSent { .. } | OrderFailure::Unanswered { .. })));
    if !silent.is_empty() {
        said.push(format!("Not reached: {silent}."));
    }
    said.join(" ")
}

/// What is not as it was before, although everything was taken back.
pub(super) fn difference(difference: &Difference, sites: &Sites) -> String {
    match difference {
        Difference::Timeline { side, before, now } => format!("{} is on timeline {now} now; it was on {before}", sites[*side]),
        Difference::Leader { side, before, now } => format!("{now} leads {} now; it was {before}", sites[*side]),
        Difference::MayBeHeld { endpoint } => {
            format!("{endpoint} was told to keep its site read-only, and nobody knows whether it has taken that")
        }
    }
}

/// What the operation itself would need that a rehearsal does not, in one sentence; nothing when that is nothing.
pub(super) fn still_needed(needed: &[Refusal]) -> Option<String> {
    let what = |refusal: &Refusal| match refusal {
        Refusal::NotAcknowledged { checks } => format!("--acknowledge {}", checks.iter().map(word).collect::<Vec<_>>().join(" ")),
        Refusal::SeenAlive { witnesses } => {
            let mut names: Vec<String> = witnesses.iter().map(|witness| witness.kind.code().replace('_', "-")).collect();
            names.dedup();
            format!("--override-sign {} ({})", names.join(" "), signs(witnesses))
        }
        Refusal::NoAttestation { nodes } => {
            let nodes = nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
            format!("--attest with how you know that {nodes} are off")
        }
        Refusal::LossNotAccepted => "--accept-loss".to_owned(),
        other => other.to_string(),
    };
    let needed: Vec<String> = needed.iter().map(what).collect();
    (!needed.is_empty()).then(|| format!("The operation itself would also need: {}.", needed.join("; ")))
}

/// Why a plan cannot be requested, or is advised against.
pub(super) fn objection(objection: &PlanObjection, sites: &Sites) -> String {
    let of = |side: &Side| sites[*side].as_str();
    match objection {
        PlanObjection::Situation { objection } => match objection {
            Objection::SplitBrain => "both sites accept writes: stop one side first".to_owned(),
            Objection::Collision => "the sites have two histories of one timeline: one of them has to be rebuilt".to_owned(),
            Objection::ActiveSiteUnknown => "it is not known which site is active".to_owned(),
            Objection::CheckFails { check, verdict } => {
                let stands = match verdict {
                    switchback_domain::Verdict::Unknown => "cannot be told",
                    _ => "does not pass",
                };
                format!("the check {} {stands}: see `switchback check`", word(check))
            }
            Objection::PatroniTooOld { node, version } => {
                format!("Patroni {version} on {node} would stop the primary without a shutdown checkpoint; upgrade it to 4.1 or newer")
            }
            Objection::TargetSilent { side } => format!("{} does not answer", of(side)),
            Objection::NothingToPromote { side } => format!("{} has no node that could lead", of(side)),
            Objection::ActiveSiteAnswers { side } => format!("advice: {} answers; a planned switchover would lose nothing", of(side)),
            Objection::SeenAlive { side, witnesses, out_of_sight } => seen_alive(of(side), witnesses, *out_of_sight),
            Objection::OtherMayElect { side } => format!(
                "advice: wait; {} answered a moment ago and may still write or elect a leader. Plan again when it follows or has fallen silent",
                of(side)
            ),
            Objection::OtherIsFurther { side, bytes } => {
                let by = bytes.map_or_else(|| "on a later timeline".to_owned(), |bytes| format!("by {}", self::bytes(bytes)));
                format!("advice: the log of {} goes further, {by}; what only that one has would be given up", of(side))
            }
            Objection::AlreadyHome { side } => format!("the pool is in its home site {} already", of(side)),
            Objection::HomeDoesNotFollow { side } => format!("{} does not follow; re-protect it first", of(side)),
        },
        PlanObjection::OperationRuns { operation } => {
            format!("{operation} has not ended; follow it: switchback operation watch {operation}")
        }
        PlanObjection::OperationUnreadable { operation, entry } => format!("advice: {}", unreadable(*operation, *entry)),
        PlanObjection::CoolingDown { until } => format!("the last operation has only just ended; wait until {until:.0}"),
        PlanObjection::FreezeWindow { until, reason } => format!("a freeze window is open until {until:.0}: {reason}"),
        PlanObjection::NoStandbySection { side } => {
            format!("the configuration does not say how {} follows; add [pool.site.standby_cluster]", of(side))
        }
        PlanObjection::NothingToDo => "nothing to do: this is already the case".to_owned(),
        PlanObjection::OtherAdvised { advice } => {
            let (keep, other) = (of(&advice.keep), of(&advice.keep.other()));
            let because = match &advice.because {
                Because::OtherFenced { operation } => format!("{other} is fenced since {}", fenced_by(*operation)),
                Because::MadeActive { operation } => format!("{operation} made it the active site"),
                Because::ActiveBefore => "it alone accepted writes before".to_owned(),
                Because::LaterTimeline => "it is on the later timeline".to_owned(),
            };
            format!("advice: keep {keep} instead, because {because}")
        }
        PlanObjection::NoSuchMember { member } => format!("there is no member {member} in that site"),
        PlanObjection::TooManyActive { would_be, most } => format!("{would_be} members would be active; the policy allows {most}"),
        PlanObjection::NotLocal { member } => format!("{member} is not in the active site, and the policy wants active members there"),
        PlanObjection::Fenced { side } => format!("{} is fenced: re-protect it first", of(side)),
        PlanObjection::OnlyWatched => "this console only watches the pool: its configuration does not let it act on the pool".to_owned(),
        PlanObjection::NotConfirmed => "the console's store was restored from a backup, and nobody has confirmed that it is still right: \
                                        look with `switchback restored`, then `switchback confirm-restored`"
            .to_owned(),
        PlanObjection::NobodyLeft => "no member of the active site would take sessions any more".to_owned(),
    }
}

/// An operation that cannot be read, and what to do.
pub(super) fn unreadable(operation: OperationId, entry: UnreadableEntry) -> String {
    format!(
        "how far {operation} has come is not known: {entry}. Look at the engines, then begin what is needed. That closes {operation}: nothing of it is resumed or taken back. Back up the store for whoever looks into it"
    )
}

/// The site that did not follow when an operation ended, although it was to follow.
pub(super) fn unprotected(pool: &str, side: Side, sites: &Sites) -> String {
    app_words::plain(&app_words::operation::unprotected(Locale::en, pool, &sites[side], &sites[side.other()]))
}

/// How an operation ended, or where it stands, and what that leaves open.
pub(super) fn pool_state(operation: &Operation, sites: &Sites) -> String {
    match (&operation.stage, operation.summary().loss) {
        (Stage::Finished { outcome: outcome @ Outcome::Done, .. }, loss) => {
            let loss = loss.map_or(LossCode::Nothing, |loss| loss.word);
            app_words::operation::stage(Locale::en, outcome.as_code(), operation.request.dry_run, loss)
        }
        (other, _) => stage(other, sites),
    }
}

/// How an operation ended, or where it stands.
pub(super) fn stage(stage: &Stage, sites: &Sites) -> String {
    match stage {
        Stage::Running => "running".to_owned(),
        Stage::Paused { by, .. } => format!("paused by {by}"),
        Stage::Undoing { why } => format!("taking back what was done: {}", given_up(why, sites)),
        Stage::NeedsPerson { question, .. } => format!("needs a person: {}", trouble(&question.trouble, sites)),
        Stage::Finished { outcome, .. } => match outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Undone { why, stays } if stays.is_empty() => {
                format!("undone, what was done is taken back: {}", given_up(why, sites))
            }
            Outcome::Undone { why, stays } => {
                let steps: Vec<String> = stays.iter().map(|step| (step + 1).to_string()).collect();
                format!("undone, but not what these steps did: {}. {}", steps.join(", "), given_up(why, sites))
            }
            Outcome::Abandoned { by } => format!("abandoned by {by}; what is missing is for somebody to do by hand"),
            Outcome::ClosedUnread { by } => {
                format!("closed because it could not be read when {by} began another operation; how far it had come was not looked at")
            }
        },
    }
}

fn given_up(why: &GivenUp, sites: &Sites) -> String {
    match why {
        GivenUp::Cancelled { by } => format!("cancelled by {by}"),
        GivenUp::StepFailed { step, trouble: what } => format!("step {} did not succeed: {}", step + 1, trouble(what, sites)),
    }
}

/// What somebody has to do by hand; its command comes after it.
pub(super) fn instruction(instruction: &Instruction, id: OperationId) -> String {
    let on = instruction.on.as_deref().unwrap_or("the machine");
    match instruction.task {
        Task::StopPatroni => format!("on {on}: stop Patroni, and see that PostgreSQL has stopped with it"),
        Task::EmptyData if instruction.command.is_none() => {
            format!("on {on}: empty PostgreSQL's data directory; the node did not say where it is. What only this node has is gone then")
        }
        Task::EmptyData => format!("on {on}: empty PostgreSQL's data directory, and those of its tablespaces, if it has any; what only this node has is gone then"),
        Task::ForgetCluster => format!("on {on}: remove what etcd knows of the cluster, all but its configuration"),
        Task::EmptyArchive => "where the site's log is archived, if it is: remove what this site has shipped; its files have the names of files of the other history".to_owned(),
        Task::SetAside => "in the directory of the archive that they were shipped to, and in every copy of it: move away the files of the timelines \
                           that were given up. If the active site has been promoted since this was asked, leave them, end this operation \
                           and plan re-protection anew"
            .to_owned(),
        Task::CopyTables => format!(
            "on {on}: copy these tables as PostgreSQL's superuser; the node is read-only, so no right can be granted there{}",
            where_it_is(instruction)
        ),
        Task::CopyData => format!(
            "on {on}: copy the whole data directory while nothing runs in it, and its tablespaces, if it has any{}",
            where_it_is(instruction)
        ),
        Task::StartSilent => format!("make {on} answer: start it, or make it reachable; if it is gone for good, what only it had is gone with it"),
        Task::SaveAgain => format!("then: switchback operation retry {id}"),
        Task::GiveUp => format!(
            "or, when you have copied what you need or can do without it: switchback operation answer {id} give-up --confirm-site SITE --reason …"
        ),
        Task::Confirm => format!("then: switchback operation answer {id} confirm --reason …"),
        Task::Retry => format!("then, before anything is started there again: switchback operation retry {id}"),
        Task::StartFirst => format!("on {on}: start Patroni; it copies the active site's data, which takes its time, and leads the site"),
        Task::StartNext => format!("on {on}: when the first node leads the site, start Patroni"),
    }
}

/// Where the command would stand.
fn where_it_is(instruction: &Instruction) -> &'static str {
    if instruction.command.is_none() { "; the node did not say where its data is" } else { "" }
}

/// What an answer means.
pub(super) fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Retry => "begin the step again",
        Choice::Skip => "go on without the step",
        Choice::Undo => "take back what was done",
        Choice::Attest => "the site that cannot be reached is off for certain; go on",
        Choice::Confirm => "what had to be done by hand is done; go on",
        Choice::GiveUp => "give up what could not be saved; takes --confirm-site and --reason",
        Choice::Abandon => "end the operation here",
    }
}

/// What is not as it was when the plan was seen.
fn change(change: &PlanChange, sites: &Sites) -> String {
    fn of<T: std::fmt::Display>(fact: Option<&T>) -> String {
        fact.map_or_else(|| "not known".to_owned(), ToString::to_string)
    }
    let stands = |verdict: &Option<Verdict>| verdict.map_or_else(|| "passes".to_owned(), |verdict| word(&verdict));
    match change {
        PlanChange::Epoch { was, now } => format!("another operation has changed the pool: epoch {now}, was {was}"),
        PlanChange::Leader { side, was, now } => format!("leader of {}: {}, was {}", sites[*side], of(now.as_ref()), of(was.as_ref())),
        PlanChange::Timeline { side, was, now } => {
            format!("timeline of {}: {}, was {}", sites[*side], of(now.as_ref()), of(was.as_ref()))
        }
        PlanChange::Check { check, was, now } => format!("check {}: {}, was {}", word(check), stands(now), stands(was)),
        PlanChange::Protection { was, now } => format!("protection: {}, was {}", word(now), word(was)),
        PlanChange::Steps { was, now } if was == now => "the plan has other steps".to_owned(),
        PlanChange::Steps { was, now } => format!("steps of the plan: {now}, were {was}"),
    }
}

/// What to do about a refusal.
pub(super) fn hints(code: &str, body: &Value) -> Vec<String> {
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let letters = Pair { a: "the first site".to_owned(), b: "the second site".to_owned() };
    match code {
        "objections" => {
            let read = list("objections").into_iter().filter_map(|one| serde_json::from_value::<PlanObjection>(one).ok());
            read.map(|one| objection(&one, &letters)).collect()
        }
        "operation_runs" => {
            let operation = body["operation"].as_str().unwrap_or("OPERATION");
            vec![format!("follow it: switchback operation watch {operation}")]
        }
        "plan_changed" => {
            let read = list("changes").into_iter().filter_map(|one| serde_json::from_value::<PlanChange>(one).ok());
            read.map(|one| change(&one, &letters)).chain(["run the command again to see the new plan".to_owned()]).collect()
        }
        "plan_expired" => vec!["run the command again to see the new plan".to_owned()],
        "wrong_pool" => vec![format!("--confirm-pool {}", body["expected"].as_str().unwrap_or_default())],
        "wrong_site" => vec![format!("--confirm-site {}", body["expected"].as_str().unwrap_or_default())],
        "loss_not_accepted" => vec!["--accept-loss, if that is what you want".to_owned()],
        "not_acknowledged" => {
            let names: Vec<String> = list("checks").iter().filter_map(Value::as_str).map(str::to_owned).collect();
            vec![format!("--acknowledge {}", names.join(" --acknowledge "))]
        }
        "unknown_pool" => vec!["what there is: switchback pools".to_owned()],
        "unreadable_operation" => vec!["begin what is needed now: that closes the operation which cannot be read".to_owned()],
        "unknown_operation" => vec!["what there is: switchback operations".to_owned()],
        _ => Vec::new(),
    }
}
