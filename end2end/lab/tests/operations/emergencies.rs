//! A site is lost in every way there is, and comes back in every way there is.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use switchback_domain::operation::{Choice, Intent, Outcome, Stage, Trouble};
use switchback_lab::{Site, Target, Way, side};

use crate::quick::{expected_bytes, failback, killed_and_returned};
use crate::scene::{RESTS_WITHIN, Scene, WHOLE_WITHIN};

/// A returning site that is cut off or frozen is writable in its own eyes until somebody reaches it; then it must end soon.
const SHUT_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Frozen,
    Cut,
}

async fn fail_over(scene: &Scene, from: Site) -> anyhow::Result<(String, Instant)> {
    let (id, asked) = scene.console().begin(&Intent::Failover { to: side(from.peer()) }, "its power is off").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let done = matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. });
    ensure!(done, "{id} did not get done: {:?}", operation.stage);
    Ok((format!("expected loss {:?} bytes", expected_bytes(&operation)), asked))
}

/// The site lives on where nobody sees it, and is found again.
async fn lost_alive(scene: &Scene, fault: Fault) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    let lost = Instant::now();
    match fault {
        Fault::Frozen => scene.lab().freeze(Target::Site(from)),
        Fault::Cut => scene.cut_off(from)?,
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (said, asked) = fail_over(scene, from).await?;
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    match fault {
        Fault::Frozen => scene.lab().thaw(Target::Site(from)),
        Fault::Cut => scene.join_again(from)?,
    }
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")?;
    let accepted = rogue.end().await?.verdict.acknowledged;
    let (run, watched) = observed.end().await?;
    let shut = returned + SHUT_WITHIN;
    ensure!(!watched.site_was_writable_after(from, shut), "the returning site went on: {}", watched.line());
    if let Some(overlap) = watched.two_writable_except(lost, shut) {
        anyhow::bail!("{overlap}; {}", watched.line());
    }
    let first = run.first_after(asked).context("nobody wrote afterwards")?;
    Ok(format!("first write {first:.0?} after the request, {said}, found {} rows; its return accepted {accepted} rows", run.verdict.lost))
}

/// The console is down when the site comes back: only the standing guards are there.
async fn returns_unfenced(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    scene.lab().kill(Target::Site(from)).await?;
    let (said, _) = fail_over(scene, from).await?;
    scene.console().sigkill();
    let rogue = scene.lab().begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    scene.lab().revive(Target::Site(from))?;
    // Without any guard it has promoted itself within 3 seconds.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let accepted = rogue.end().await?.verdict.acknowledged;
    ensure!(accepted == 0, "the returning site accepted {accepted} rows");
    scene.console().start_again().await?;
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the returning site does not follow")?;
    let (run, watched) = observed.end().await?;
    ensure!(!watched.site_was_writable_after(from, returned), "the returning site was writable: {}", watched.line());
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    Ok(format!("{said}, found {} rows; whole {:.0?} after its return", run.verdict.lost, returned.elapsed()))
}

/// The lost site has promoted itself where nobody could keep it from it: its history and the active one's have parted at the same timeline.
async fn collision(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let observed = scene.observe().await;
    let lost = Instant::now();
    scene.lab().kill(Target::Site(from)).await?;
    fail_over(scene, from).await?;
    scene.cut_off(from)?;
    scene.lab().revive(Target::Site(from))?;
    let own = async {
        loop {
            if let Some(leader) = scene.lab().leader_unseen(from) {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let own = tokio::time::timeout(Duration::from_mins(1), own).await.context("the lost site did not promote itself")?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let returned = Instant::now();
    scene.join_again(from)?;
    // Without being asked, nobody has made it follow: its data directory is evidence.
    let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(from) }, "").await?;
    let operation = scene.console().rest(id, RESTS_WITHIN).await?;
    let Stage::NeedsPerson { question, .. } = &operation.stage else { anyhow::bail!("{id} did not ask: {:?}", operation.stage) };
    ensure!(matches!(question.trouble, Trouble::Collision { .. }), "{id} asks about something else: {:?}", question.trouble);
    scene.lab().rebuild(from).await?;
    let answer = scene.console().answer(id, question, Choice::Retry, "rebuilt").await?;
    ensure!(answer.status < 300, "the answer was not taken: {answer}");
    let operation = scene.finish(id, async |_| Ok(())).await?;
    ensure!(matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. }), "{id} ended as {:?}", operation.stage);
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("the rebuilt site does not follow")?;
    let (run, watched) = observed.end().await?;
    if let Some(overlap) = watched.two_writable_except(lost, returned + SHUT_WITHIN) {
        anyhow::bail!("{overlap}; {}", watched.line());
    }
    ensure!(scene.lab().active().await? == from.peer(), "the pool has moved");
    Ok(format!("{own} had promoted itself, was recognised and rebuilt; {} rows were lost with the site", run.verdict.lost))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_site_is_replaced_and_accepts_nothing_when_it_returns() {
    let mut scene = Scene::up("emergencies", 6).await;
    for round in 1..=2 {
        scene.case(&format!("killed, returns fenced ({round})"), killed_and_returned).await;
        scene.case(&format!("killed, returns to guards only ({round})"), returns_unfenced).await;
    }
    scene.case("killed, returns fenced", killed_and_returned).await;
    scene.case("failback", failback).await;
    for fault in [Fault::Frozen, Fault::Cut] {
        scene.case(&format!("{fault:?}"), async |scene| lost_alive(scene, fault).await).await;
        scene.case(&format!("failback after {fault:?}"), failback).await;
    }
    scene.case("killed, returns after having promoted itself", collision).await;
    scene.case("failback after that", failback).await;
    scene.end();
}

/// Ten returns with the console up, and ten with the standing guards only.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_of_twenty_returns_accept_nothing() {
    let mut scene = Scene::up("returns", 6).await;
    for round in 1..=10 {
        scene.case(&format!("return {round} of 10, fenced"), killed_and_returned).await;
        scene.case(&format!("return {round} of 10, guards only"), returns_unfenced).await;
    }
    scene.end();
}
