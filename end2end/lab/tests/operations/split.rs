//! Two sites that accept writes, by somebody else's doing.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use switchback_domain::{Finding, Objection};
use switchback_lab::{Place, Watch};

use crate::scene::Scene;

/// From the moment at which the second node accepts writes to the finding on the console.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);
/// The guard of a node that is promoted asks the other site for a second before it lets it happen.
const HAPPENS_WITHIN: Duration = Duration::from_secs(30);

/// Somebody makes the standby site lead by hand, while the link between the sites is cut so that its guard cannot ask. The console says so
/// within three seconds, and refuses everything that would move the pool. Both sites go on writing.
pub async fn split_brain_is_noticed(scene: &Scene) -> anyhow::Result<String> {
    let lab = scene.lab();
    let active = lab.active().await?;
    let other = active.peer();
    let watch = Watch::begin(lab);
    lab.cut(Place::A, Place::B)?;
    let ordered = Instant::now();
    lab.lead(other).await?;
    let noticed = loop {
        let picture = scene.console().picture().await?;
        if picture.findings.iter().any(|finding| matches!(finding, Finding::SplitBrain { .. })) {
            let shut = |objections: &[Objection]| objections.contains(&Objection::SplitBrain);
            ensure!(shut(&picture.actions.switchover) && shut(&picture.actions.failback), "the doors are open: {:?}", picture.actions);
            break Instant::now();
        }
        ensure!(ordered.elapsed() < HAPPENS_WITHIN, "no split brain was noticed: {:?}", picture.findings);
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let watched = watch.end()?;
    let (since, _) = watched.writable_after(other, ordered).context("the other site never accepted writes")?;
    let took = noticed.saturating_duration_since(since);
    ensure!(took <= NOTICED_WITHIN, "a split brain was noticed {took:.2?} after it began; {}", watched.line());
    Ok(format!("noticed {took:.2?} after it began"))
}

#[cfg(feature = "lab-tests-full")]
mod full {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use anyhow::{Context, ensure};
    use switchback_domain::operation::{Choice, Intent, Operation, Stage, StepEvidence, Task};
    use switchback_lab::{Place, Site, Watch, Way, side};

    use super::split_brain_is_noticed;
    use crate::quick::HELD_WITHIN;
    use crate::scene::{RESTS_WITHIN, Scene, WHOLE_WITHIN};

    /// And then it is resolved: one site goes on, the other one is fenced, held when the link is there again, and follows after it was
    /// re-protected. Nothing of what the one has acknowledged is lost, and what the other one has acknowledged is saved. What that one has
    /// shipped to the archive is moved away by hand, as the console says.
    async fn split_brain(scene: &Scene) -> anyhow::Result<String> {
        let lab = scene.lab();
        let active = lab.active().await?;
        let other = active.peer();
        let watch = Watch::begin(lab);
        // Its client stays at the site that keeps the pool.
        let load = lab.begin_load(Way::Direct(active.nodes().to_vec()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let said = split_brain_is_noticed(scene).await?;
        let given_up = lab.begin_load(Way::Direct(other.nodes().to_vec()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let resolve = Intent::Resolve { keep: side(active) };
        let rehearsal = scene.console().rehearse(&resolve).await?;
        scene.done(rehearsal).await?;
        ensure!([active, other].iter().all(|site| lab.leader_unseen(*site).is_some()), "a rehearsal has stopped one side");
        let asked = Instant::now();
        let (id, _) = scene.console().begin(&resolve, "").await?;
        scene.done(id).await?;
        let took = asked.elapsed();
        ensure!(lab.leader_unseen(other).is_none(), "{other} still accepts writes after {id}");
        let resolved = Instant::now();
        lab.heal(Place::A, Place::B)?;
        scene.console().sees_held(other, HELD_WITHIN).await.context("the fenced site is not held")?;
        let (id, _) = scene.console().begin(&Intent::Reprotect { side: side(other) }, "").await?;
        let asks = scene.console().rest(id, RESTS_WITHIN).await?;
        set_aside(scene, &asks, active).await?;
        let done = scene.done(id).await?;
        lab.wait_settled(WHOLE_WITHIN).await.context("the fenced site does not follow")?;
        let (run, lost, watched) = (load.end().await?, given_up.end().await?, watch.end()?);
        let saved = done.steps.iter().flat_map(|run| &run.facts).find_map(|fact| match fact {
            StepEvidence::Saved { rows, .. } => Some(*rows),
            _ => None,
        });
        let saved = saved.context("nothing of the site that was given up is saved")?;
        ensure!(lost.verdict.lost > 0, "nobody wrote in the site that was given up: {}", lost.verdict.lines("rows"));
        ensure!(saved >= lost.verdict.lost, "of {} rows of the site that was given up only {saved} are saved", lost.verdict.lost);
        ensure!(run.verdict.lost == 0, "the site that went on has lost rows: {}", run.verdict.lines("rows"));
        ensure!(!watched.site_was_writable_after(other, resolved), "{other} accepted writes again: {}", watched.line());
        ensure!(lab.active().await? == active, "the pool has moved");
        Ok(format!("{said}, resolved within {took:.2?}, {} rows given up, {saved} saved", lost.verdict.lost))
    }

    /// Does what the operation asks for, by the very command that it shows, in the archive of the site that has gone on.
    async fn set_aside(scene: &Scene, operation: &Operation, active: Site) -> anyhow::Result<()> {
        let Stage::NeedsPerson { question, .. } = &operation.stage else {
            anyhow::bail!("{} did not ask for the archive: {:?}", operation.id, operation.stage)
        };
        let told = scene.console().report(operation.id).await?.instructions;
        ensure!(told.iter().map(|one| one.task).eq([Task::SetAside, Task::Confirm]), "{question:?}: {told:?}");
        let command = told[0].command.as_deref().context("no command")?;
        let archive = scene.lab().layout.share_dir(active);
        let ran = Command::new("sh").args(["-ec", command]).current_dir(&archive).status()?;
        ensure!(ran.success(), "{command} failed in {}: {ran}", archive.display());
        let answer = scene.console().answer(operation.id, question, Choice::Confirm, "moved to given-up").await?;
        ensure!(answer.status < 300, "an answer was not taken: {answer}");
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_split_brain_caused_by_others_is_noticed_within_three_seconds_and_resolved() {
        let mut scene = Scene::up("split", 6).await;
        for round in 1..=2 {
            scene.case(&format!("the other site is made to lead ({round})"), split_brain).await;
            scene.case("a switchover afterwards", crate::quick::planned).await;
        }
        scene.end();
    }
}
