//! Two sites that accept writes, by somebody else's doing.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use switchback_domain::{Finding, Objection};
#[cfg(feature = "lab-tests-full")]
use switchback_lab::Way;
use switchback_lab::{Place, Watch};

use crate::scene::Scene;
#[cfg(feature = "lab-tests-full")]
use crate::scene::WHOLE_WITHIN;

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

/// And then the same person takes it back.
#[cfg(feature = "lab-tests-full")]
async fn split_brain(scene: &Scene) -> anyhow::Result<String> {
    let lab = scene.lab();
    let active = lab.active().await?;
    let other = active.peer();
    // Its client stays at the site that keeps the pool.
    let load = lab.begin_load(Way::Direct(active.nodes().to_vec()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let said = split_brain_is_noticed(scene).await?;
    lab.follow(other).await?;
    // Only what runs as a standby ships nothing any more: files of a history that is given up would stay in the share of the site that goes
    // on, and keep it from following the next time.
    let began = Instant::now();
    loop {
        let nodes = lab.status().await?.sites.into_iter().flat_map(|site| site.nodes).filter(|node| node.name.starts_with(other.letter()));
        let nodes: Vec<_> = nodes.collect();
        if nodes.iter().all(|node| node.state == "running" && node.role != "primary") {
            break;
        }
        ensure!(began.elapsed() < HAPPENS_WITHIN, "{other} does not stop to lead: {nodes:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lab.heal(Place::A, Place::B)?;
    lab.wait_settled(WHOLE_WITHIN).await.context("not everything follows afterwards")?;
    let run = load.end().await?;
    ensure!(run.verdict.lost == 0, "the site that went on has lost rows: {}", run.verdict.lines("rows"));
    Ok(said)
}

#[cfg(feature = "lab-tests-full")]
#[tokio::test(flavor = "multi_thread")]
async fn a_split_brain_caused_by_others_is_noticed_within_three_seconds_in_either_direction() {
    let mut scene = Scene::up("split", 6).await;
    for round in 1..=3 {
        scene.case(&format!("the other site is made to lead ({round})"), split_brain).await;
        scene.case("a switchover afterwards", crate::quick::planned).await;
    }
    scene.end();
}
