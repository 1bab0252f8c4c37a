//! A planned switchover whose engines, network or store fail in the middle.

use std::time::Duration;

use anyhow::{Context, ensure};
use switchback_domain::operation::{Operation, OperationId};
use switchback_lab::{Node, Place, Service, Site, Target};

use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, Scene, begun};

/// Longer than Patroni's `ttl` in the lab: a dead leader has been replaced by then.
const DEAD_FOR: Duration = Duration::from_secs(28);
const CUT_FOR: Duration = Duration::from_secs(20);

/// Waits until a step has begun; an operation that has given up before that is fine.
pub async fn reach(scene: &Scene, id: OperationId, step: &'static str) -> anyhow::Result<()> {
    match scene.console().until(id, RESTS_WITHIN, begun(step)).await {
        Ok(_) => Ok(()),
        Err(error) => {
            ensure!(scene.console().operation(id).await?.is_finished(), "{error}");
            Ok(())
        }
    }
}

/// The leader of a site dies when a step begins, and comes back later.
pub async fn leader_dies(scene: &Scene, of_active: bool, step: &'static str) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let victim = scene.lab().leader(if of_active { active } else { active.peer() }).await.context("nobody leads")?;
    node_dies(scene, victim, step).await
}

/// The mirror of the active site dies when a step begins, and comes back later.
async fn mirror_dies(scene: &Scene, step: &'static str) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let leader = scene.lab().leader(active).await.context("nobody leads")?;
    let mirror = active.nodes().into_iter().find(|node| *node != leader).context("there is no mirror")?;
    node_dies(scene, mirror, step).await
}

async fn node_dies(scene: &Scene, victim: Node, step: &'static str) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    reach(scene, id, step).await?;
    scene.lab().kill(Target::Node(victim)).await?;
    let back = async {
        tokio::time::sleep(DEAD_FOR).await;
        scene.lab().revive(Target::Node(victim))
    };
    let (operation, revived) = tokio::join!(scene.finish(id, async |_| Ok(())), back);
    revived?;
    let operation = operation?;
    let word = scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("{victim} died; {word}, longest outage {} ms", run.verdict.longest_outage_ms))
}

/// The link between the sites goes silent when a step begins.
pub async fn link_cut(scene: &Scene, step: &'static str) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    reach(scene, id, step).await?;
    scene.lab().cut(Place::A, Place::B)?;
    let before = scene.console().operation(id).await?;
    let back = async {
        tokio::time::sleep(CUT_FOR).await;
        scene.lab().heal(Place::A, Place::B)
    };
    let (operation, healed) = tokio::join!(scene.finish(id, async |_| Ok(())), back);
    healed?;
    let operation = operation?;
    let word = scene.ended_right(&operation, from).await?;
    if before.is_past_no_return() {
        ensure!(word == "done", "past the point of no return it was {word}");
    } else if !begun("demote")(&before) {
        // Nothing of the shutdown can have crossed the link, so that there is no proof.
        ensure!(word == "undone", "without a link it was {word}");
    }
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("{word}, longest outage {} ms", run.verdict.longest_outage_ms))
}

/// A service is gone from before the request until the operation rests.
async fn without(scene: &Scene, service: Service) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    scene.lab().kill(Target::Service(service)).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let from = scene.lab().active().await?;
    let intent = switchback_domain::operation::Intent::Switchover { to: switchback_lab::side(from.peer()) };
    let planned = scene.console().plan(&intent).await?;
    let mend = async |_: &Operation| Ok(scene.lab().revive(Target::Service(service))?);
    let word = if planned.plan.is_possible() {
        let id = scene.console().request(&scene.console().request_for(&planned, "without a service")).await?;
        let operation = scene.finish(id, mend).await?;
        scene.lab().revive(Target::Service(service))?;
        scene.ended_right(&operation, from).await?
    } else {
        scene.lab().revive(Target::Service(service))?;
        "refused beforehand"
    };
    observed.nothing_lost().await?;
    Ok(word.to_owned())
}

/// A service dies when a step begins, and is there again when somebody is asked, or afterwards.
async fn service_dies(scene: &Scene, service: Service, step: &'static str) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    reach(scene, id, step).await?;
    scene.lab().kill(Target::Service(service)).await?;
    let back = async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        scene.lab().revive(Target::Service(service))
    };
    let (operation, revived) = tokio::join!(scene.finish(id, async |_| Ok(())), back);
    revived?;
    let operation = operation?;
    let word = scene.ended_right(&operation, from).await?;
    observed.nothing_lost().await?;
    Ok(word.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_dies_during_any_step_costs_nothing_that_was_acknowledged() {
    let mut scene = Scene::up("leaders", 6).await;
    for step in scene.steps_of_a_switchover().await {
        for (of_active, whose) in [(true, "active"), (false, "other")] {
            let name = format!("leader of the {whose} site dies during {step}");
            scene.case(&name, async |scene| leader_dies(scene, of_active, step).await).await;
        }
    }
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_lost_during_any_step_costs_nothing_that_was_acknowledged() {
    let mut scene = Scene::up("mirror", 6).await;
    for step in scene.steps_of_a_switchover().await {
        scene.case(&format!("mirror lost during {step}"), async |scene| mirror_dies(scene, step).await).await;
    }
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_during_any_step_undoes_before_the_point_of_no_return_and_finishes_after_it() {
    let mut scene = Scene::up("link", 6).await;
    for step in scene.steps_of_a_switchover().await {
        scene.case(&format!("link cut during {step}"), async |scene| link_cut(scene, step).await).await;
    }
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_or_an_etcd_that_is_gone_costs_nothing_that_was_acknowledged() {
    let mut scene = Scene::up("services", 6).await;
    for site in Site::BOTH {
        for service in [Service::Haproxy(site), Service::Etcd(site)] {
            scene.case(&format!("without {service}"), async |scene| without(scene, service).await).await;
            for step in ["demote", "promote", "reroute"] {
                scene.case(&format!("{service} dies during {step}"), async |scene| service_dies(scene, service, step).await).await;
            }
        }
    }
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}
