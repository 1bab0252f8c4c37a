//! The site that is to take over refuses the console's orders, because somebody has changed a password there.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use switchback_domain::operation::{Choice, GivenUp, Intent, Operation, OperationId, Outcome, Question, Stage, Step, StepFailure};
use switchback_lab::{Site, Target, side};

use crate::quick::{planned, reprotected};
use crate::scene::{RESTS_WITHIN, Scene, measured_as_felt};

const NOT_OURS: &str = "changed by somebody else";

/// What the operation asks, which must be about a promotion that was refused.
async fn refused_promotion(scene: &Scene, id: OperationId) -> anyhow::Result<Question> {
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let Stage::NeedsPerson { question, .. } = &operation.stage else { bail!("{id} did not ask: {:?}", operation.stage) };
    let step = operation.current_step().and_then(|step| operation.plan.steps.get(step));
    ensure!(matches!(step, Some(Step::Promote { .. })), "{id} asks about {step:?}");
    says_why(&question.trouble)?;
    ensure!(question.options == [Choice::Retry, Choice::Undo], "{id} offers {:?}", question.options);
    Ok(question.clone())
}

/// The person must learn that it is about the credentials.
fn says_why(trouble: &StepFailure) -> anyhow::Result<()> {
    let StepFailure::Refused { endpoint, said } = trouble else { bail!("it says {trouble:?}") };
    ensure!(endpoint.as_str().starts_with("patroni-") && said.contains("401"), "{endpoint} is said to have answered {said}");
    Ok(())
}

/// A planned switchover goes back by itself: clients have waited, and can write again where they wrote before.
async fn planned_goes_back(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().change_patroni_password(from.peer(), Some(NOT_OURS)).await?;
    let outcome = async {
        let (id, _) = scene.console().begin(&Intent::Switchover { to: side(from.peer()) }, "").await?;
        scene.console().rest(id, RESTS_WITHIN).await
    };
    let outcome = outcome.await;
    scene.lab().change_patroni_password(from.peer(), None).await?;
    let operation: Operation = outcome?;
    let Stage::Finished { outcome: Outcome::Undone { why: GivenUp::StepFailed { trouble, .. }, stays }, .. } = &operation.stage else {
        bail!("it ended as {:?}", operation.stage);
    };
    says_why(trouble)?;
    ensure!(stays.is_empty(), "this stays: {stays:?}");
    scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    let said = operation.outage.context("clients waited, and nothing was measured")?;
    Ok(format!("undone by itself, {}", measured_as_felt(&said, Some(Duration::from_millis(run.verdict.longest_outage_ms)))?))
}

/// An emergency may be tried again when the password is right.
async fn failover_tried_again(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    scene.lab().change_patroni_password(from.peer(), Some(NOT_OURS)).await?;
    scene.lab().kill(Target::Site(from)).await?;
    let (id, _) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "its power is off").await?;
    let question = refused_promotion(scene, id).await;
    scene.lab().change_patroni_password(from.peer(), None).await?;
    let answer = scene.console().answer(id, &question?, Choice::Retry, "").await?;
    ensure!(answer.status < 300, "the answer was not taken: {answer}");
    scene.done(id).await?;
    ensure!(scene.lab().active().await? == from.peer(), "nobody took over");
    scene.lab().revive(Target::Site(from))?;
    reprotected(scene, from).await?;
    Ok("asked, tried again, done".to_owned())
}

/// Or it is put back, and the site that is back goes on: whatever the console has told it not to do is taken back with it.
async fn failover_put_back(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().change_patroni_password(from.peer(), Some(NOT_OURS)).await?;
    scene.lab().kill(Target::Site(from)).await?;
    let (id, _) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "its power is off").await?;
    let question = refused_promotion(scene, id).await;
    scene.lab().change_patroni_password(from.peer(), None).await?;
    scene.lab().revive(Target::Site(from))?;
    let answer = scene.console().answer(id, &question?, Choice::Undo, "").await?;
    ensure!(answer.status < 300, "the answer was not taken: {answer}");
    let operation = scene.finish(id, async |_| Ok(())).await?;
    let word = scene.ended_right(&operation, from).await?;
    ensure!(word == "undone", "{id} was {word}");
    observed.nothing_lost().await?;
    Ok("asked, put back, the old site serves again".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_refuses_the_consoles_orders_leaves_a_way_back() {
    let mut scene = Scene::up("refused-orders", 6).await;
    for from in [Site::A, Site::B] {
        scene.case(&format!("planned, from {from}"), planned_goes_back).await;
        scene.case(&format!("emergency, put back, from {from}"), failover_put_back).await;
        scene.case(&format!("emergency, tried again, from {from}"), failover_tried_again).await;
    }
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}
