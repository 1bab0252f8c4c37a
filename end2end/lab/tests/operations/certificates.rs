//! The certificate of a site's services expires under the running console, and is replaced.

use std::time::{Duration, Instant};

use anyhow::ensure;
use switchback_domain::operation::{Intent, Operation, PlanObjection};
use switchback_domain::{Finding, Objection, Picture, ProbeFailure, SiteRole};
use switchback_lab::{Site, Watch, side};

use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, SOON, Scene, WHOLE_WITHIN, begun};

/// Longer than a site may be silent before it is called so (`lost_after_ms`).
const LONG_ENOUGH: Duration = Duration::from_secs(20);

/// Endpoints of a site with which TLS cannot be agreed on.
fn without_tls(picture: &Picture, site: Site) -> usize {
    let of_site =
        |finding: &&Finding| matches!(finding, Finding::EndpointFails { side: of, cause: ProbeFailure::Tls, .. } if *of == side(site));
    picture.findings.iter().filter(of_site).count()
}

/// The cause is named at each endpoint. Nothing is called silent that is not: the databases are asked over connections that are open, and a
/// failover is refused because the site answers.
async fn expires(scene: &Scene, of_active: bool) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let site = if of_active { active } else { active.peer() };
    let watch = Watch::begin(scene.lab());
    scene.lab().renew_certificate(site, false).await?;
    let seen = while_expired(scene, site, active).await;
    scene.lab().renew_certificate(site, true).await?;
    let most = seen?;
    let began = Instant::now();
    while without_tls(&scene.console().picture().await?, site) > 0 {
        ensure!(began.elapsed() < SOON, "the new certificate does not help: {:?}", scene.console().picture().await?.findings);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let watched = watch.end()?;
    ensure!(watched.two_writable().is_none(), "two nodes accepted writes: {}", watched.line());
    scene.lab().wait_settled(WHOLE_WITHIN).await?;
    ensure!(scene.lab().active().await? == active, "the pool has moved");
    Ok(format!("named at {most} endpoints of {site}, and gone {:.0?} after the new one", began.elapsed()))
}

async fn while_expired(scene: &Scene, site: Site, active: Site) -> anyhow::Result<usize> {
    let began = Instant::now();
    let mut most = 0;
    while began.elapsed() < LONG_ENOUGH {
        let picture = scene.console().picture().await?;
        for (of, seen) in picture.sites.iter() {
            ensure!(!matches!(seen.role, SiteRole::Silent | SiteRole::OutOfSight), "{of:?} is {:?}: {:?}", seen.role, picture.findings);
        }
        ensure!(picture.active == Some(side(active)), "active is {:?}: {:?}", picture.active, picture.findings);
        most = most.max(without_tls(&picture, site));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Both Patronis and the proxy; databases and etcd are asked over connections that were open before.
    ensure!(most >= 3, "the cause was named at {most} endpoints: {:?}", scene.console().picture().await?.findings);
    let failover = scene.console().plan(&Intent::Failover { to: side(active.peer()) }).await?.plan;
    let answers = PlanObjection::Situation { objection: Objection::ActiveSiteAnswers { side: side(active) } };
    ensure!(failover.objections.contains(&answers), "nobody says that {active} answers: {:?}", failover.objections);
    Ok(most)
}

/// It expires in the site that is to take over, or in the one that is to stop, while a planned switchover is under way. It ends or asks, and
/// with a good certificate everything goes on.
async fn expires_under_way(scene: &Scene, of_active: bool, step: &'static str) -> anyhow::Result<String> {
    let observed = scene.observe().await;
    let (id, from, _) = scene.begin_switchover().await?;
    let site = if of_active { from } else { from.peer() };
    scene.console().until(id, RESTS_WITHIN, begun(step)).await?;
    scene.lab().renew_certificate(site, false).await?;
    let mut asked = 0;
    let mend = async {
        tokio::time::sleep(LONG_ENOUGH).await;
        scene.lab().renew_certificate(site, true).await
    };
    let ask = async |_: &Operation| {
        asked += 1;
        tokio::time::sleep(LONG_ENOUGH).await;
        Ok(())
    };
    let (operation, mended) = tokio::join!(scene.finish(id, ask), mend);
    mended?;
    let operation = operation?;
    let word = scene.ended_right(&operation, from).await?;
    let (run, _) = observed.nothing_lost().await?;
    Ok(format!("{word}, asked {asked} times, longest outage {} ms", run.verdict.longest_outage_ms))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_is_named_and_makes_nobody_lost() {
    let mut scene = Scene::up("certificates", 6).await;
    for (of_active, whose) in [(false, "other"), (true, "active")] {
        scene.case(&format!("of the {whose} site"), async |scene| expires(scene, of_active).await).await;
    }
    for (of_active, whose) in [(false, "other"), (true, "active")] {
        for step in ["checkpoint", "prove"] {
            let name = format!("of the {whose} site during {step}");
            scene.case(&name, async |scene| expires_under_way(scene, of_active, step).await).await;
        }
    }
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}
