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
    use std::time::{Duration, Instant};

    use anyhow::ensure;
    use switchback_domain::operation::Intent;
    use switchback_lab::{Place, Watch, Way, side};

    use super::split_brain_is_noticed;
    use crate::quick::reprotected;
    use crate::scene::Scene;

    /// And then it is resolved: one site goes on, the other one is fenced, held when the link is there again, and follows after it was
    /// re-protected. Nothing of what the one has acknowledged is lost.
    async fn split_brain(scene: &Scene) -> anyhow::Result<String> {
        let lab = scene.lab();
        let active = lab.active().await?;
        let other = active.peer();
        let watch = Watch::begin(lab);
        // Its client stays at the site that keeps the pool.
        let load = lab.begin_load(Way::Direct(active.nodes().to_vec()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let said = split_brain_is_noticed(scene).await?;
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
        reprotected(scene, other).await?;
        let (run, watched) = (load.end().await?, watch.end()?);
        ensure!(run.verdict.lost == 0, "the site that went on has lost rows: {}", run.verdict.lines("rows"));
        ensure!(!watched.site_was_writable_after(other, resolved), "{other} accepted writes again: {}", watched.line());
        ensure!(lab.active().await? == active, "the pool has moved");
        Ok(format!("{said}, resolved within {took:.2?}"))
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
