//! The quick ones, on one lab: what everybody relies on.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use switchback_domain::operation::{Fact, Intent, Operation, Outcome, Stage, StepState};
use switchback_lab::{Stop, Target, Way, side};

use crate::scene::{RESTS_WITHIN, Scene, WHOLE_WITHIN};

/// What the console said would be lost, in bytes.
pub fn expected_bytes(operation: &Operation) -> Option<u64> {
    let facts = operation.steps.iter().flat_map(|run| &run.facts);
    facts.filter_map(|fact| if let Fact::ExpectedLoss { bytes: Some(bytes), .. } = fact { Some(bytes.0) } else { None }).next_back()
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
    let facts: Vec<&Fact> = operation.steps.iter().flat_map(|step| &step.facts).collect();
    ensure!(facts.iter().any(|fact| matches!(fact, Fact::ShutdownReplayed { .. })), "there is no proof among the evidence: {facts:?}");
    let report = scene.console().report(id).await?;
    ensure!(report.loss.proved_none && report.outage.is_some(), "the report proves nothing: {:?} {:?}", report.loss, report.outage);
    Ok(format!("{from}→{}, outage {outage:.0?}, {} rows", from.peer(), run.verdict.acknowledged))
}

/// The active site is killed, the other one takes over, the lost one comes back and accepts nothing.
pub async fn killed_and_returned(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().kill(Target::Site(from)).await?;
    let (id, asked) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "we pulled its plug").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let done = matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. });
    ensure!(done, "{id} did not get done: {:?}", operation.stage);
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    scene.lab().revive(Target::Site(from))?;
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")?;
    let accepted = rogue.end().await?.verdict.acknowledged;
    ensure!(accepted == 0, "the returning site accepted {accepted} rows");
    let (run, watched) = observed.end().await?;
    ensure!(!watched.site_was_writable_after(from, returned), "the returning site was writable: {}", watched.line());
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    let first = run.first_after(asked).context("nobody wrote afterwards")?;
    let expected = expected_bytes(&operation);
    Ok(format!("first write {first:.0?} after the request, expected loss {expected:?} bytes, found {} rows", run.verdict.lost))
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
    Ok(format!("outage {:.0?}", run.outage_after(asked).unwrap_or_default()))
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

async fn refused(scene: &Scene) -> anyhow::Result<String> {
    let console = scene.console();
    let from = scene.lab().active().await?;
    let intent = Intent::Switchover { to: side(from.peer()) };
    let before = console.audit().await?.len();
    let good = console.request_for(&console.plan(&intent).await?, "must be refused");
    let mut bad = Vec::new();
    for (name, status) in [("typed_pool", 422), ("typed_site", 422), ("plan", 409), ("planned_at", 409), ("reason", 422), ("pool", 404)] {
        let mut body = serde_json::to_value(&good)?;
        body[name] = match name {
            "planned_at" => (good.planned_at - jiff::SignedDuration::from_mins(10)).to_string().into(),
            "reason" => " ".into(),
            _ => "wrong".into(),
        };
        bad.push((name, status, body.to_string()));
    }
    bad.push(("malformed", 400, "{\"pool\": \"chat-core\",".to_owned()));
    let mut said = Vec::new();
    for (name, status, body) in &bad {
        let answer = console.send("POST", "/operations", &[], Some(body.clone())).await?;
        ensure!(answer.status / 100 == 4, "a wrong {name} got {answer}");
        ensure!(answer.kind.starts_with("application/problem+json"), "a wrong {name} is told as {}", answer.kind);
        // Which of the 4xx it is says less than the words; both are shown.
        said.push(format!("{name} {}{}", answer.status, if answer.status == *status { "" } else { "*" }));
    }
    // The first use of the key is refused and remembered by nobody; so a rehearsal uses it, and another body must not.
    let mut rehearsal = console.request_for(&console.plan(&intent).await?, "a rehearsal");
    rehearsal.dry_run = true;
    let key = [("idempotency-key", "the same key")];
    let first = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    ensure!(first.status == 201, "a rehearsal was not taken: {first}");
    let again = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    ensure!(again.status == 201 && again.body == first.body, "the same request again got {again}");
    "another body".clone_into(&mut rehearsal.reason);
    let other = console.send("POST", "/operations", &key, Some(serde_json::to_string(&rehearsal)?)).await?;
    ensure!(other.status / 100 == 4, "a replayed key with another body got {other}");
    let id = serde_json::from_value(first.body["id"].clone())?;
    let operation = console.rest(id, RESTS_WITHIN).await?;
    ensure!(scene.lab().active().await? == from, "a rehearsal has moved the pool");
    ensure!(matches!(operation.stage, Stage::Finished { .. }), "a rehearsal asks: {:?}", operation.stage);
    let audit = console.audit().await?.split_off(before);
    let traces = audit.iter().filter(|(_, result, _)| result == "refused").count();
    ensure!(traces > bad.len(), "{} refusals left {traces} traces: {audit:?}", bad.len() + 1);
    Ok(said.join(", "))
}

/// Kills the console when the journal says that the active site is being demoted.
async fn console_dies_in_the_outage(scene: &Scene) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    let demote = |operation: &Operation| {
        operation.plan.steps.iter().zip(&operation.steps).any(|(step, run)| step.word() == "demote" && run.state != StepState::Waiting)
    };
    scene.console().until(id, RESTS_WITHIN, demote).await?;
    scene.console().sigkill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    scene.console().start_again().await?;
    let operation = scene.finish(id, async |_| Ok(())).await?;
    let word = scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("{word}, longest outage {} ms", run.verdict.longest_outage_ms))
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_keep_their_promises_in_the_usual_cases() {
    let mut scene = Scene::up("operations", 7).await;
    scene
        .case("planned a→b, with people chatting", async |scene| {
            let stop = Stop::default();
            let until = stop.clone();
            let (messages, outcome) = tokio::join!(scene.lab().load_chat(None, until), async {
                let outcome = planned(scene).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                stop.stop();
                outcome
            });
            let (messages, said) = (messages?, outcome?);
            ensure!((messages.lost, messages.duplicates) == (0, 0), "messages are gone: {}", messages.lines("messages"));
            ensure!(messages.acknowledged > 20, "hardly anybody talked: {}", messages.lines("messages"));
            Ok(format!("{said}, {} messages of which none is lost", messages.acknowledged))
        })
        .await;
    scene.case("planned b→a", planned).await;
    scene.case("wrong input", refused).await;
    scene.case("without a mirror", without_a_mirror).await;
    scene.case("console killed during the outage", console_dies_in_the_outage).await;
    // A console that dies in the outage may finish the move or take it back; the emergency begins at home either way, or there would
    // be nothing to fail back from.
    scene.case("at home", at_home).await;
    scene.case("emergency, everything of the active site killed", killed_and_returned).await;
    scene.case("failback", failback).await;
    scene.end();
}
