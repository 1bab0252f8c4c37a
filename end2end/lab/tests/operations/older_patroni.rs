//! A pool whose Patroni is older than 4.1: it is watched, and a planned move is refused by the names of its members.

use anyhow::{Context, ensure};
use switchback_domain::operation::{Intent, PlanObjection};
use switchback_domain::{CheckKind, Objection, Side, Verdict};
use switchback_lab::Site;

use crate::scene::{SOON, Scene, WHOLE_WITHIN};

/// What `./setup full` installs.
const VERSION: &str = "4.0.7";

/// Waits until the console has heard of everything, so that only what stays in the way is in the way.
async fn everything_known(scene: &Scene) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    loop {
        let checks = scene.console().picture().await?.checks;
        let open: Vec<_> =
            checks.iter().filter(|check| check.kind != CheckKind::DemotesCleanly && check.verdict != Verdict::Pass).collect();
        if open.iter().all(|check| check.verdict == Verdict::Warn) {
            return Ok(());
        }
        ensure!(began.elapsed() < SOON, "after {SOON:?} these do not pass: {open:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn refused_by_name(scene: &Scene) -> anyhow::Result<String> {
    everything_known(scene).await?;
    let picture = scene.console().picture().await?;
    let check = picture.checks.iter().find(|check| check.kind == CheckKind::DemotesCleanly).context("the check is there")?;
    ensure!(check.verdict == Verdict::Fail, "{check:?}");
    let plan = scene.console().plan(&Intent::Switchover { to: Side::B }).await?.plan;
    for node in Site::A.nodes() {
        let named = Objection::PatroniTooOld { node: node.to_string().parse()?, version: VERSION.to_owned() };
        ensure!(plan.objections.contains(&PlanObjection::Situation { objection: named }), "{:?}", plan.objections);
    }
    ensure!(plan.objections.len() == Site::A.nodes().len(), "nothing else is in the way: {:?}", plan.objections);
    let begun = scene.console().begin(&Intent::Switchover { to: Side::B }, "").await;
    ensure!(begun.is_err(), "it was begun all the same");
    ensure!(scene.lab().active().await? == Site::A, "the pool has moved");
    let failover = scene.console().plan(&Intent::Failover { to: Side::B }).await?.plan;
    ensure!(failover.is_possible(), "an emergency does without a shutdown checkpoint: {:?}", failover.objections);
    Ok(format!("{} objections", plan.objections.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_move_of_a_pool_with_an_older_patroni_is_refused_by_name() {
    let scene = Scene::up_with_patroni("older-patroni", 19, VERSION).await;
    let whole = async {
        scene.lab().wait_settled(WHOLE_WITHIN).await?;
        scene.console().sees_active(Site::A, SOON).await?;
        refused_by_name(&scene).await
    };
    println!("{}", whole.await.unwrap());
}
