//! Operations that are there: listed, shown, paused, answered.

use super::{About, Answer, Client, End, Failure, Out, Outcome, pools, print::told, watch, words};
use serde_json::json;
use switchback_domain::{
    ByteLag, PoolId,
    operation::{
        ControlRequest, Evidence, Intent, IntentKind, LossCode, Operation, OperationId, OperationSummary, Outcome as Ending, Report, Stage,
        StepEvidence,
    },
};
use switchback_words::{self as app_words, Locale};

pub(super) async fn all(client: &Client, out: &Out, pool: Option<&PoolId>, most: u32) -> Outcome {
    let only = pool.map(|pool| format!("&pool={pool}")).unwrap_or_default();
    let (summaries, value) = client.get::<Vec<OperationSummary>>(&format!("/operations?most={most}{only}")).await?;
    out.tell(&value);
    let rows: Vec<[String; 6]> = summaries
        .iter()
        .map(|summary| {
            let kind = summary.kind.map_or("unknown", IntentKind::as_code);
            let kind = format!("{kind}{}", if summary.dry_run { " (dry run)" } else { "" });
            let at = summary.requested_at.map_or_else(|| "unknown".to_owned(), watch::moment);
            let by = summary.requested_by.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let loss = summary.loss.as_ref().map_or(LossCode::Nothing, |loss| loss.word);
            let stands = app_words::operation::stage(Locale::en, summary.stage, summary.dry_run, loss);
            [summary.id.to_string(), summary.pool.to_string(), kind, by, at, stands]
        })
        .collect();
    out.table(["OPERATION", "POOL", "KIND", "BY", "ASKED FOR", "STANDS"], &rows);
    for (id, entry) in summaries.iter().filter_map(|summary| Some((summary.id, summary.unreadable?))) {
        out.say(words::unreadable(id, entry));
    }
    Ok(End::Done)
}

pub(super) async fn about(client: &Client, out: &Out, about: About) -> Outcome {
    match about {
        About::Watch { operation } => watch::follow(client, out, operation, None).await,
        About::Show { operation } => show(client, out, operation).await,
        About::Pause { operation } => wish(client, out, operation, ControlRequest::Pause, "pauses at the next place where it may").await,
        About::Resume { operation } => wish(client, out, operation, ControlRequest::Resume, "goes on").await,
        About::Cancel { operation } => {
            wish(client, out, operation, ControlRequest::Cancel, "ends, and what it has done is taken back").await
        }
        About::Retry { operation, reason } => answer(client, out, operation, Answer::Retry, None, (&reason, None)).await,
        About::Answer { operation, choice, question, reason, confirm_site } => {
            answer(client, out, operation, choice, question, (&reason, confirm_site)).await
        }
        About::Report { operation } => report(client, out, operation).await,
        About::Evidence { operation, name: None } => evidence_names(client, out, operation).await,
        About::Evidence { operation, name: Some(name) } => {
            client.fetch(&format!("/operations/{operation}/evidence/{}", escaped(&name)), std::io::stdout()).await?;
            Ok(End::Done)
        }
    }
}

async fn show(client: &Client, out: &Out, id: OperationId) -> Outcome {
    let (operation, value) = client.get::<Operation>(&format!("/operations/{id}")).await?;
    if out.is_json() {
        out.tell(&value);
        return Ok(watch::end_of(&operation));
    }
    let picture = pools::picture(client, &operation.plan.pool).await;
    let sites = picture.map_or_else(|_| watch::letters(), |picture| pools::sites(&picture));
    let dry = if operation.request.dry_run { " (dry run)" } else { "" };
    let at = watch::moment(operation.requested_at);
    let kind = operation.plan.intent.as_code().replace('_', " ");
    out.say(format_args!("{id}: {kind} of {}{dry}, asked for by {} at {at}", operation.plan.pool, operation.requested_by));
    out.say(format_args!("Reason: {}", operation.request.reason));
    watch::show(out, &operation, &sites);
    let saw = |fact: &StepEvidence| told(&serde_json::to_value(fact).unwrap_or_default());
    for (number, run) in operation.steps.iter().enumerate() {
        let number = number + 1;
        for attempt in &run.earlier {
            let came = match (&attempt.trouble, attempt.ended_at) {
                (Some(trouble), _) => words::trouble(trouble, &sites),
                (None, Some(_)) => "done; it had to be seen once more".to_owned(),
                (None, None) => "the console stopped during it".to_owned(),
            };
            out.say(format_args!("Step {number}, attempt {}: {came}", attempt.number));
            for fact in &attempt.facts {
                out.say(format_args!("Step {number}, attempt {} saw: {}", attempt.number, saw(fact)));
            }
        }
        for fact in &run.facts {
            out.say(format_args!("Step {number} saw: {}", saw(fact)));
        }
    }
    say_by_hand(client, out, id).await?;
    Ok(watch::end_of(&operation))
}

async fn wish(client: &Client, out: &Out, id: OperationId, wish: ControlRequest, then: &str) -> Outcome {
    client.tell(&format!("/operations/{id}/wishes"), &json!({ "wish": wish })).await?;
    out.say(format_args!("{id} {then}."));
    out.tell(&json!({ "operation": id, "wish": wish }));
    Ok(End::Done)
}

async fn answer(
    client: &Client,
    out: &Out,
    id: OperationId,
    choice: Answer,
    question: Option<u32>,
    (reason, confirm_site): (&str, Option<String>),
) -> Outcome {
    let typed_site = match (choice, confirm_site) {
        (_, Some(site)) => site,
        (Answer::GiveUp, None) if out.can_ask() => super::print::ask("Type the name of the site that loses what is given up:")?,
        (Answer::GiveUp, None) => {
            return Err(Failure::Trouble("giving up takes the name of the site that loses it: --confirm-site SITE".to_owned()));
        }
        (_, None) => String::new(),
    };
    let choice = match choice {
        Answer::Retry => "retry",
        Answer::Skip => "skip",
        Answer::Undo => "undo",
        Answer::Attest => "attest",
        Answer::Confirm => "confirm",
        Answer::GiveUp => "give_up",
        Answer::Abandon => "abandon",
    };
    let question = match question {
        Some(question) => question,
        None => match client.get::<Operation>(&format!("/operations/{id}")).await?.0.stage {
            Stage::NeedsPerson { question, .. } => question.number,
            other => {
                let stands = words::stage(&other, &watch::letters());
                return Err(Failure::Trouble(format!("{id} asks nothing; it is {stands}")));
            }
        },
    };
    let body = json!({ "question": question, "choice": choice, "reason": reason, "typed_site": typed_site });
    client.tell(&format!("/operations/{id}/answers"), &body).await?;
    out.say(format_args!("{id}: question {question} is answered with {choice}. Follow it: switchback operation watch {id}"));
    out.tell(&json!({ "operation": id, "question": question, "choice": choice }));
    Ok(End::Done)
}

/// What was lost: what was said before beside what was found, and never the one for the other.
fn say_loss(out: &Out, report: &Report, kept: &str) {
    let loss = &report.loss;
    if report.dry_run {
        return out.say("Lost: nothing; it was only a rehearsal.");
    }
    if let Some(Ending::Undone { .. }) = report.outcome {
        return out.say("Lost: nothing; the active site did not change.");
    }
    let lost = match (&loss.rows_missing, loss.proved_none, &loss.found) {
        (Some(missing), ..) if *missing > 0 => format!("acknowledged rows missing: {missing}"),
        (_, true, _) => "nothing, and that is proved".to_owned(),
        (.., Some(found)) => {
            let place =
                found.beyond.as_ref().map(|at| format!(" in the log of {} on timeline {} behind {}", at.node, at.timeline, at.fork));
            let figure = app_words::operation::found(Locale::en, found);
            format!("{figure}{}; {} has looked", place.unwrap_or_default(), found.operation)
        }
        (Some(_), false, None) => "none of the console's own rows".to_owned(),
        (None, false, None) if matches!(report.intent, Intent::Resolve { .. }) => {
            "not known before the fenced site is re-protected".to_owned()
        }
        (None, false, None) if matches!(report.intent, Intent::Failover { .. }) => "not known before the lost site comes back".to_owned(),
        (None, false, None) => "not counted".to_owned(),
    };
    out.say(format_args!("Lost: {lost}; the target: {kept}."));
    if let Some(found) = &loss.found {
        if let Some(tables) = found.writes.as_ref().and_then(|writes| app_words::operation::lost::tables(Locale::en, writes)) {
            out.say(tables);
        }
        for what in &found.not_saved {
            out.say(format_args!("Not saved: {}", app_words::operation::lost::not_saved(Locale::en, what)));
        }
        if let Some(given) = &found.given_up {
            out.say(format_args!("Given up by {} at {}: {}", given.by, watch::moment(given.at), given.reason));
        }
    }
    let expected: Vec<String> = [loss.expected_bytes.map(words::bytes), loss.expected.map(words::time)].into_iter().flatten().collect();
    if !expected.is_empty() {
        out.say(format_args!("Said before, as an estimate: {}.", expected.join(", ")));
    }
    if let Some(gap) = loss.by_heartbeat {
        let most = loss.at_most.map(|most| format!(", at most {}", words::time(most))).unwrap_or_default();
        out.say(format_args!("By the heartbeat: about {}{most}.", words::time(gap)));
    }
}

/// What somebody has to do by hand now, if anything.
pub(super) async fn say_by_hand(client: &Client, out: &Out, id: OperationId) -> Result<(), Failure> {
    let (report, _) = client.get::<Report>(&format!("/operations/{id}/report")).await?;
    by_hand(out, &report);
    Ok(())
}

fn by_hand(out: &Out, report: &Report) {
    if report.instructions.is_empty() {
        return;
    }
    out.say("To be done by hand, one after the other:");
    for (number, instruction) in report.instructions.iter().enumerate() {
        out.say(format_args!("  {:>2}. {}", number + 1, words::instruction(instruction, report.id)));
        if let Some(command) = &instruction.command {
            out.say(format_args!("        {command}"));
        }
    }
}

async fn evidence_names(client: &Client, out: &Out, id: OperationId) -> Outcome {
    let (kept, value) = client.get::<Vec<Evidence>>(&format!("/operations/{id}/evidence")).await?;
    out.tell(&value);
    if kept.is_empty() {
        out.say(format_args!("{id} keeps nothing beside its journal."));
    }
    let rows: Vec<[String; 4]> = kept
        .into_iter()
        .map(|evidence| [evidence.name, words::bytes(ByteLag(evidence.bytes)), watch::moment(evidence.kept_at), evidence.sha256])
        .collect();
    if !rows.is_empty() {
        out.table(["NAME", "SIZE", "KEPT AT", "SHA-256"], &rows);
    }
    Ok(End::Done)
}

/// A name as a part of an address, whatever is in it.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn report(client: &Client, out: &Out, id: OperationId) -> Outcome {
    let (report, value) = client.get::<Report>(&format!("/operations/{id}/report")).await?;
    out.tell(&value);
    let sites = switchback_domain::Pair::of(|side| report.sites[side].to_string());
    let (pool, title) = &report.pool;
    let dry = if report.dry_run { " (dry run)" } else { "" };
    out.say(format_args!("{id}: {} of {pool} ({title}){dry}", report.intent.as_code().replace('_', " ")));
    out.say(format_args!("Asked for by {} at {}: {}", report.requested_by, watch::moment(report.requested_at), report.reason));
    if !report.ticket.is_empty() {
        out.say(format_args!("Ticket: {}", report.ticket));
    }
    if let Some(attested) = &report.attested {
        out.say(format_args!("Attested by {}: {}", attested.by, attested.how));
    }
    if !report.overridden.is_empty() {
        let signs: Vec<&str> = report.overridden.iter().map(|kind| kind.code()).collect();
        out.say(format_args!("Signs of life that were overridden: {}", signs.join(", ")));
    }
    let ended = report.ended_at.map_or_else(|| "has not ended".to_owned(), |at| format!("ended at {}", watch::moment(at)));
    let stage = |outcome: &Ending| app_words::operation::stage(Locale::en, outcome.as_code(), report.dry_run, report.loss.word);
    out.say(format_args!("It {ended}: {}.", report.outcome.as_ref().map_or_else(|| "open".to_owned(), stage)));
    if let Some(side) = report.left_unprotected {
        out.say(words::unprotected(pool.as_str(), side, &sites));
    }
    out.say_some(words::still_needed(&report.still_needed));
    let execution = report.execution.map_or_else(|| "open".to_owned(), words::time);
    let since = if report.outage_before.is_some() { " since writes stopped" } else { "" };
    out.say(format_args!("People took {}{since}, the console {execution}.", words::time(report.decision)));
    let kept = |kept: Option<bool>| kept.map_or("not known", |kept| if kept { "kept" } else { "missed" });
    if let Some(outage) = &report.outage {
        let length = words::outage(outage, report.ended_at.unwrap_or(outage.last_write_at));
        let (target, verdict) = (words::time(report.targets.recovery_time), kept(report.targets.recovery_time_kept));
        out.say(format_args!("Clients at the nodes could not write for {length}; the target is {target}: {verdict}."));
        out.say_some(app_words::operation::outage_before(Locale::en, &report));
        out.say(app_words::operation::path(Locale::en));
    }
    for difference in &report.differences {
        out.say(format_args!("Not as it was before: {}.", words::difference(difference, &sites)));
    }
    for fence in &report.fences {
        out.say(words::fence(fence, &sites));
    }
    say_loss(out, &report, kept(report.targets.recovery_point_kept));
    for (number, step) in report.steps.iter().enumerate() {
        let took = step.took.map(|took| format!(" in {}", words::time(took))).unwrap_or_default();
        let state = app_words::operation::step_state(Locale::en, &step.run, &step.step, report.dry_run);
        out.say(format_args!("  {:>2}. {} - {state}{took}", number + 1, words::step(&step.step, &sites)));
        out.say_some(app_words::operation::left_out(Locale::en, &step.run));
    }
    for name in &report.evidence {
        out.say(format_args!("Kept: {name}. Read it: switchback operation evidence {id} {name}"));
    }
    by_hand(out, &report);
    Ok(End::Done)
}
