//! People are on the members, so that draining takes its time; and somebody pauses, resumes or cancels meanwhile.

use std::time::Duration;

use anyhow::{Context, ensure};
use switchback_domain::Millis;
use switchback_domain::operation::{ControlRequest, GivenUp, Intent, Operation, OperationId, Outcome, Stage, Step, StepEvidence};
use switchback_lab::{Site, Target, side};

use crate::interrupted::{leader_dies, link_cut, reach};
use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, Scene, begun, measured_as_felt};

/// The policy's time for draining: people do not leave by themselves.
const DRAIN_FOR: Duration = Duration::from_secs(6);
const SOON: Duration = Duration::from_secs(20);
/// Clients that nobody has taken away from their primary wait for no longer than this.
const UNDISTURBED: Duration = Duration::from_secs(1);

/// People chat while something is done; nothing that they were told is archived is missing afterwards.
async fn with_people(scene: &Scene, what: impl AsyncFnOnce(&Scene) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let talk = scene.lab().begin_chat();
    let there = async {
        while sessions(scene, active).await? == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(SOON, there).await.context("nobody has come to the members")??;
    let outcome = what(scene).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let messages = talk.end().await?.verdict;
    let said = outcome?;
    ensure!((messages.lost, messages.duplicates) == (0, 0), "messages are gone: {}", messages.lines("messages"));
    Ok(format!("{said}; {} messages of which none is lost", messages.acknowledged))
}

async fn members(scene: &Scene, site: Site) -> anyhow::Result<Vec<switchback_lab::MemberStatus>> {
    let status = scene.lab().status().await?;
    Ok(status.sites.into_iter().find(|one| one.site == site).context("no such site")?.members)
}

async fn sessions(scene: &Scene, site: Site) -> anyhow::Result<u32> {
    Ok(members(scene, site).await?.iter().map(|member| member.sessions).sum())
}

/// How long the draining took, and how many sessions were left.
fn drained(operation: &Operation) -> anyhow::Result<(Millis, u32)> {
    let drain = operation.plan.steps.iter().position(|step| matches!(step, Step::Drain { .. })).context("nothing was drained")?;
    let run = &operation.steps[drain];
    let (began, ended) = (run.began_at.context("draining has not begun")?, run.ended_at.context("draining has not ended")?);
    let sessions = run.facts.iter().map(|fact| if let StepEvidence::Member { sessions, .. } = fact { *sessions } else { 0 }).sum();
    Ok((Millis::between(began, ended), sessions))
}

async fn is_drained(scene: &Scene, people: bool) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, asked) = scene.begin_switchover().await?;
    let operation = scene.done(id).await?;
    scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    let (took, left) = drained(&operation)?;
    let whole = u128::from(took.0) >= DRAIN_FOR.as_millis();
    ensure!((whole, left > 0) == (people, people), "draining took {took:?} and left {left} sessions");
    Ok(format!("draining took {} ms and left {left} sessions, outage {:.2?}", took.0, run.outage_after(asked).unwrap_or_default()))
}

/// Says what somebody wants while members are drained, and waits until the operation is as wanted.
async fn wish_while_draining(
    scene: &Scene,
    id: OperationId,
    wish: ControlRequest,
    wanted: impl Fn(&Operation) -> bool,
) -> anyhow::Result<Operation> {
    reach(scene, id, "drain").await?;
    let answer = scene.console().wish(id, wish).await?;
    ensure!(answer.status == 204, "{wish:?} was not taken: {answer}");
    let wanted = |operation: &Operation| wanted(operation) || operation.is_finished();
    Ok(scene.console().until(id, SOON, wanted).await?)
}

fn is_paused(operation: &Operation) -> bool {
    matches!(operation.stage, Stage::Paused { .. })
}

/// It has ended because somebody cancelled it, and everything is as before: the members take sessions again.
async fn is_cancelled(scene: &Scene, id: OperationId, from: Site) -> anyhow::Result<()> {
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let by_somebody = matches!(&operation.stage, Stage::Finished { outcome: Outcome::Undone { why: GivenUp::Cancelled { .. }, .. }, .. });
    ensure!(by_somebody, "{id} was not cancelled: {:?}", operation.stage);
    ensure!(!begun("demote")(&operation), "{id} went on to demote after it was cancelled");
    scene.ended_right(&operation, from).await?;
    let members = members(scene, from).await?;
    ensure!(members.iter().all(|member| member.proxy.starts_with("UP")), "the members are not back: {members:?}");
    Ok(())
}

/// Paused before clients have to wait, for as long as somebody likes, and then brought to its end.
async fn pauses_and_resumes(scene: &Scene) -> anyhow::Result<String> {
    let (calm, observed) = (scene.observe().await, scene.observe().await);
    let (id, from, _) = scene.begin_switchover().await?;
    let operation = wish_while_draining(scene, id, ControlRequest::Pause, is_paused).await?;
    ensure!(is_paused(&operation), "{id} did not pause: {:?}", operation.stage);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let operation = scene.console().operation(id).await?;
    ensure!(is_paused(&operation) && !begun("demote")(&operation), "{id} went on by itself: {:?}", operation.stage);
    ensure!(scene.lab().active().await? == from, "the pool has moved while the operation was paused");
    let (run, _) = calm.nothing_lost().await?;
    let waited = Duration::from_millis(run.verdict.longest_outage_ms);
    ensure!(waited < UNDISTURBED, "clients waited for {waited:?} while the operation was paused");
    let answer = scene.console().wish(id, ControlRequest::Resume).await?;
    ensure!(answer.status == 204, "it was not resumed: {answer}");
    let operation = scene.done(id).await?;
    scene.ended_right(&operation, from).await?;
    observed.nothing_lost().await?;
    let answer = scene.console().wish(id, ControlRequest::Resume).await?;
    ensure!((answer.status, answer.body["code"].as_str()) == (409, Some("ended")), "what has ended was resumed: {answer}");
    Ok(format!("paused for {} ms, then done", operation.paused_for.0))
}

async fn cancelled(scene: &Scene, paused_before: bool) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    if paused_before {
        let operation = wish_while_draining(scene, id, ControlRequest::Pause, is_paused).await?;
        ensure!(is_paused(&operation), "{id} did not pause: {:?}", operation.stage);
    }
    reach(scene, id, "drain").await?;
    let mirror = stopped_for_a_moment(scene, from).await?;
    wish_while_draining(scene, id, ControlRequest::Cancel, Operation::is_finished).await?;
    is_cancelled(scene, id, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    let waited = Duration::from_millis(run.verdict.longest_outage_ms);
    // Clients waited for their mirror, and the console says so without claiming that it had stopped them.
    let page = scene.console().page(&format!("/operations/{id}")).await?;
    ensure!(page.contains("Writes were not stopped; the longest pause between two writes"), "{mirror} stood still: {page}");
    let said = scene.console().operation(id).await?.outage.context("no pause was measured")?;
    measured_as_felt(&said, Some(waited))?;
    ensure!(waited < UNDISTURBED, "clients waited for {waited:?}");
    Ok(format!("everything as before, longest time without an acknowledgement {waited:?}"))
}

/// The mirror stands still for a moment, so that nothing is acknowledged meanwhile.
async fn stopped_for_a_moment(scene: &Scene, site: Site) -> anyhow::Result<switchback_lab::Node> {
    let leader = scene.lab().leader(site).await.context("nobody leads")?;
    let mirror = site.nodes().into_iter().find(|node| *node != leader).context("there is no mirror")?;
    scene.lab().freeze(Target::Node(mirror));
    tokio::time::sleep(Duration::from_millis(400)).await;
    scene.lab().thaw(Target::Node(mirror));
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(mirror)
}

/// After the point of no return nobody can cancel, and the operation goes on to its end.
async fn cancelled_too_late(scene: &Scene) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    reach(scene, id, "promote").await?;
    let answer = scene.console().wish(id, ControlRequest::Cancel).await?;
    ensure!((answer.status, answer.body["code"].as_str()) == (409, Some("past_no_return")), "it was taken: {answer}");
    let operation = scene.done(id).await?;
    scene.ended_right(&operation, from).await?;
    observed.nothing_lost().await?;
    let refused = scene.console().audit().await?.into_iter().rev().find(|(action, ..)| action == "operation_wish");
    ensure!(refused.as_ref().is_some_and(|(_, result, _)| result == "refused"), "the refusal left no trace: {refused:?}");
    Ok("refused, and done".to_owned())
}

/// A second operation is refused while one runs.
async fn one_at_a_time(scene: &Scene) -> anyhow::Result<String> {
    let (id, from, _) = scene.begin_switchover().await?;
    reach(scene, id, "drain").await?;
    let planned = scene.console().plan(&Intent::LocalSwitchover { side: side(from) }).await?;
    let body = serde_json::to_string(&scene.console().request_for(&planned, "must be refused"))?;
    let answer = scene.console().send("POST", "/operations", &[], Some(body)).await?;
    ensure!((answer.status, answer.body["code"].as_str()) == (409, Some("operation_runs")), "a second operation: {answer}");
    ensure!(answer.body["operation"] == id.to_string(), "another one runs: {answer}");
    let operation = scene.done(id).await?;
    scene.ended_right(&operation, from).await?;
    Ok("refused while the first one runs".to_owned())
}

fn policy() -> String {
    format!("drain_for_ms = {}", DRAIN_FOR.as_millis())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_drained_gently_and_whatever_dies_meanwhile_costs_nothing_that_was_acknowledged() {
    let mut scene = Scene::up_with_policy("drain", 6, &policy()).await;
    scene.case("nobody there to drain", async |scene| is_drained(scene, false).await).await;
    scene.case("people who stay", async |scene| with_people(scene, async |scene| is_drained(scene, true).await).await).await;
    for (of_active, whose) in [(true, "active"), (false, "other")] {
        let name = format!("leader of the {whose} site dies while people are drained");
        scene.case(&name, async |scene| with_people(scene, async |scene| leader_dies(scene, of_active, "drain").await).await).await;
    }
    scene
        .case("link cut while people are drained", async |scene| with_people(scene, async |scene| link_cut(scene, "drain").await).await)
        .await;
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_pauses_resumes_and_is_cancelled_before_the_point_of_no_return_and_not_after_it() {
    let mut scene = Scene::up_with_policy("steered", 6, &policy()).await;
    scene.case("paused and resumed", async |scene| with_people(scene, pauses_and_resumes).await).await;
    scene.case("cancelled", async |scene| with_people(scene, async |scene| cancelled(scene, false).await).await).await;
    scene.case("paused and cancelled", async |scene| with_people(scene, async |scene| cancelled(scene, true).await).await).await;
    scene.case("cancelled too late", cancelled_too_late).await;
    scene.case("a second operation meanwhile", async |scene| with_people(scene, one_at_a_time).await).await;
    scene.end();
}
