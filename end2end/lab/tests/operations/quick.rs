//! The quick ones, on one lab: what everybody relies on.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use switchback_domain::operation::{
    Choice, GivenUp, Intent, NotSaved, Operation, Outcome, Planned, Request, Stage, Step, StepEvidence, StepFailure,
};
use switchback_lab::{Target, Way, side};

use crate::refused_sight::answered_by_somebody_else;
use crate::rehearsed::rehearsals;
use crate::scene::{RESTS_WITHIN, Scene, WHOLE_WITHIN, begun, measured_as_felt};
use crate::split::split_brain_is_noticed;
use crate::within::local_switchover;

/// A site that comes back has started its Patroni and PostgreSQL and is known to be held by then.
pub const HELD_WITHIN: Duration = Duration::from_mins(1);

/// What the console said would be lost, in bytes.
pub fn expected_bytes(operation: &Operation) -> Option<u64> {
    let facts = operation.steps.iter().flat_map(|run| &run.facts);
    facts.filter_map(|fact| if let StepEvidence::ExpectedLoss { bytes: Some(bytes), .. } = fact { Some(bytes.0) } else { None }).next_back()
}

/// A planned switchover that nobody disturbs: done, nothing lost, never two writable.
pub async fn planned(scene: &Scene) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, asked) = scene.begin_switchover().await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let word = scene.ended_right(&operation, from).await?;
    ensure!(word == "done", "{id} was {word}: {:?}", operation.given_up);
    let (run, _) = observed.nothing_lost().await?;
    let outage = run.outage_after(asked).context("nobody wrote afterwards")?;
    let facts: Vec<&StepEvidence> = operation.steps.iter().flat_map(|step| &step.facts).collect();
    ensure!(
        facts.iter().any(|fact| matches!(fact, StepEvidence::ShutdownReplayed { .. })),
        "there is no proof among the evidence: {facts:?}"
    );
    let report = scene.console().report(id).await?;
    ensure!(report.loss.proved_none && report.outage.is_some(), "the report proves nothing: {:?} {:?}", report.loss, report.outage);
    let said = report.outage.context("no outage in the report")?;
    // Nobody has disturbed it, so the console has itself seen that clients waited.
    ensure!(said.uncertain < said.length(said.last_write_at), "the console has seen nothing of it: {said:?}");
    let measured = measured_as_felt(&said, Some(outage))?;
    Ok(format!("{from}→{}, {measured}, {} rows", from.peer(), run.verdict.acknowledged))
}

/// The active site is killed, the other one takes over, the lost one comes back and accepts nothing.
pub async fn killed_and_returned(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().kill(Target::Site(from)).await?;
    let (id, asked) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "we pulled its plug").await?;
    let operation = scene.done(id).await?;
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    scene.lab().revive(Target::Site(from))?;
    reprotected(scene, from).await?;
    let accepted = rogue.end().await?.verdict.acknowledged;
    ensure!(accepted == 0, "the returning site accepted {accepted} rows");
    let (run, watched) = observed.end().await?;
    ensure!(!watched.site_was_writable_after(from, returned), "the returning site was writable: {}", watched.line());
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    let first = run.first_after(asked).context("nobody wrote afterwards")?;
    let expected = expected_bytes(&operation);
    Ok(format!("first write {first:.2?} after the request, expected loss {expected:?} bytes, found {} rows", run.verdict.lost))
}

/// A site that is back is held, read-only, until it is re-protected.
pub async fn reprotected(scene: &Scene, site: switchback_lab::Site) -> anyhow::Result<()> {
    scene.console().sees_held(site, HELD_WITHIN).await.context("the returning site is not held")?;
    let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(site) }, "").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    if let Stage::NeedsPerson { question, .. } = &operation.stage {
        // The members' server deletes rows of its own now and then, and what was deleted is not there to be saved.
        let StepFailure::NotSaved { what, .. } = &question.trouble else { bail!("{id} asks about {:?}", question.trouble) };
        let of_members = |one: &NotSaved| matches!(one, NotSaved::Deleted { database, .. } if database == "prosody");
        ensure!(what.iter().all(of_members), "{id} could not save {what:?}");
        let answer = scene.console().answer_for(id, question, Choice::GiveUp, "rows of the members' server", &format!("dc-{site}")).await?;
        ensure!(answer.status < 300, "an answer was not taken: {answer}");
    }
    scene.done(id).await?;
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")
}

/// The pool is in its home site, or is brought there.
async fn at_home(scene: &Scene) -> anyhow::Result<String> {
    let home = switchback_lab::Site::A;
    if scene.lab().active().await? == home { Ok("it is there".to_owned()) } else { failback(scene).await }
}

/// Back to the home site.
pub async fn failback(scene: &Scene) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let home = switchback_lab::Site::A;
    let (id, asked) = scene.console().begin(&Intent::Failback { to: side(home) }, "").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    scene.ended_right(&operation, home.peer()).await?;
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("outage {:.2?}", run.outage_after(asked).unwrap_or_default()))
}

/// The functions that the proof asks are gone, so nothing could be proved: that is found while clients still write.
async fn without_what_proves(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let leader = scene.lab().leader(from).await.context("nobody leads")?;
    scene.lab().psql(leader, "switchback", &[], "DROP EXTENSION pg_walinspect;")?;
    let observed = scene.observe().await;
    let (id, _) = scene.console().begin(&Intent::Switchover { to: side(from.peer()) }, "").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await;
    // The console's right to use the functions has gone with them; the set-up script gives both again.
    scene.lab().set_up_for_console(leader)?;
    let operation = operation?;
    let Stage::Finished {
        outcome: Outcome::Undone { why: GivenUp::StepFailed { step, trouble: StepFailure::Refused { said, .. } }, .. },
        ..
    } = &operation.stage
    else {
        bail!("it ended as {:?}", operation.stage);
    };
    ensure!(matches!(operation.plan.steps[*step], Step::Checkpoint { .. }), "it gave up in step {step}");
    ensure!(said.contains("does not exist"), "it says: {said}");
    ensure!(scene.lab().leader(from).await == Some(leader), "somebody else leads");
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("refused before anybody waited: {said}; longest outage {} ms", run.verdict.longest_outage_ms))
}

async fn without_a_mirror(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let leader = scene.lab().leader(from).await.context("nobody leads")?;
    let mirror = from.nodes().into_iter().find(|node| *node != leader).context("there is no mirror")?;
    let observed = scene.observe().await;
    scene.lab().kill(Target::Node(mirror)).await?;
    // The console must have noticed, or the plan would be one for a pool that is whole.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let planned = scene.console().plan(&Intent::Switchover { to: side(from.peer()) }).await?;
    let refused = scene.console().request(&scene.console().request_for(&planned, "without a mirror")).await;
    scene.lab().revive(Target::Node(mirror))?;
    ensure!(!planned.plan.is_possible() && refused.is_err(), "a switchover without a mirror was taken: {:?}", planned.plan.objections);
    observed.nothing_lost().await?;
    Ok(format!("refused: {:?}", planned.plan.objections.first().context("no objection")?))
}

/// Input that must be refused: each with its own status and its own word, as problem+json, and with its own trace in the audit history.
/// `stale` is a plan that was made before the active site changed.
async fn refused(scene: &Scene, stale: &Planned) -> anyhow::Result<String> {
    let console = scene.console();
    let from = scene.lab().active().await?;
    let intent = Intent::Switchover { to: side(from.peer()) };
    let good = console.request_for(&console.plan(&intent).await?, "must be refused");
    let with = |name: &str, value: serde_json::Value| {
        let mut body = serde_json::to_value(&good)?;
        body[name] = value;
        Ok::<_, anyhow::Error>(body.to_string())
    };
    let long_ago = (good.planned_at - jiff::SignedDuration::from_mins(10)).to_string();
    let of_another_epoch = Request { plan: stale.hash.clone(), planned_at: stale.plan.made_at, ..good.clone() };
    let bad = [
        (422, "wrong_pool", with("typed_pool", "chat-cor".into())?),
        (422, "wrong_site", with("typed_site", "dc-c".into())?),
        (422, "no_reason", with("reason", " ".into())?),
        (409, "plan_changed", with("plan", "0".repeat(64).into())?),
        (409, "plan_changed", serde_json::to_string(&of_another_epoch)?),
        (410, "plan_expired", with("planned_at", long_ago.into())?),
        (404, "unknown_pool", with("pool", "elsewhere".into())?),
        (400, "unknown_field", with("by_force", true.into())?),
        (400, "malformed", "{\"pool\": \"chat-core\",".to_owned()),
    ];
    let before = console.audit().await?.len();
    for (status, code, body) in &bad {
        let answer = console.send("POST", "/operations", &[], Some(body.clone())).await?;
        ensure!((answer.status, answer.body["code"].as_str()) == (*status, Some(*code)), "instead of {status} {code}: {answer}");
        ensure!(answer.kind.starts_with("application/problem+json"), "{code} is told as {}", answer.kind);
    }
    // A rehearsal, which moves nothing, uses a key; another body must not get its answer.
    let mut rehearsal = console.request_for(&console.plan(&intent).await?, "a rehearsal");
    rehearsal.dry_run = true;
    let key = [("idempotency-key", "the same key")];
    let first = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    ensure!(first.status == 201, "a rehearsal was not taken: {first}");
    let again = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    ensure!(again.status == 201 && again.body == first.body, "the same request again got {again}");
    "another body".clone_into(&mut rehearsal.reason);
    let other = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    let reused = "idempotency_key_reused";
    ensure!((other.status, other.body["code"].as_str()) == (422, Some(reused)), "a replayed key with another body got {other}");
    scene.done(serde_json::from_value(first.body["id"].clone())?).await?;
    ensure!(scene.lab().active().await? == from, "a rehearsal has moved the pool");

    let wanted: Vec<&str> = bad.iter().map(|(_, code, _)| *code).chain([reused]).collect();
    let audit = console.audit().await?.split_off(before);
    let told = audit.iter().filter(|(_, result, _)| result == "refused").map(|(_, _, detail)| {
        let detail: serde_json::Value = serde_json::from_str(detail)?;
        Ok(detail["reason"].as_str().unwrap_or_default().split(':').next().unwrap_or_default().to_owned())
    });
    let told: Vec<String> = told.collect::<anyhow::Result<_>>()?;
    ensure!(told == wanted, "the audit history has {told:?} instead of {wanted:?}");
    Ok(format!("{} refusals, each with its trace", wanted.len()))
}

/// Kills the console when the journal says that the active site is being demoted.
async fn console_dies_in_the_outage(scene: &Scene) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    scene.console().until(id, RESTS_WITHIN, begun("demote")).await?;
    scene.console().sigkill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    scene.console().start_again().await?;
    let operation = scene.finish(id, async |_| Ok(())).await?;
    let word = scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("{word}, longest outage {} ms", run.verdict.longest_outage_ms))
}

/// A planned switchover while people chat: they lose nothing either.
async fn planned_with_people(scene: &Scene) -> anyhow::Result<String> {
    let talk = scene.lab().begin_chat();
    let outcome = planned(scene).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (messages, said) = (talk.end().await?.verdict, outcome?);
    ensure!((messages.lost, messages.duplicates) == (0, 0), "messages are gone: {}", messages.lines("messages"));
    ensure!(messages.acknowledged > 20, "hardly anybody talked: {}", messages.lines("messages"));
    Ok(format!("{said}, {} messages of which none is lost", messages.acknowledged))
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_keep_their_promises_in_the_usual_cases() {
    let mut scene = Scene::up("operations", 7).await;
    let stale = scene.console().plan(&Intent::Switchover { to: switchback_domain::Side::B }).await.unwrap();
    scene.case("planned a→b, with people chatting", planned_with_people).await;
    scene.case("planned b→a", planned).await;
    scene.case("wrong input", async |scene| refused(scene, &stale).await).await;
    scene.case("rehearsals of every operation", rehearsals).await;
    scene.case("local switchover to the mirror", async |scene| local_switchover(scene, true).await).await;
    scene.case("without what proves", without_what_proves).await;
    scene.case("without a mirror", without_a_mirror).await;
    scene.case("everything between the console and the active site is reset", answered_by_somebody_else).await;
    scene.case("console killed during the outage", console_dies_in_the_outage).await;
    // A console that dies in the outage may finish the move or take it back; the emergency begins at home either way, or there would
    // be nothing to fail back from.
    scene.case("at home", at_home).await;
    scene.case("emergency, everything of the active site killed", killed_and_returned).await;
    scene.case("failback", failback).await;
    // The last one: nobody takes it back.
    scene.case("split brain caused by others", split_brain_is_noticed).await;
    scene.end();
}
