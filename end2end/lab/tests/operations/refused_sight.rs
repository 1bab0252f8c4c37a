//! The console alone is kept from the active site, by something that answers in the site's place: nothing has died.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use switchback_domain::operation::Intent;
use switchback_domain::{ProtectionState, SiteRole, WitnessKind};
use switchback_lab::{Answer, Place, Site, side};

use crate::scene::{SOON, Scene, WHOLE_WITHIN};

/// From the first reset to the console's word for it.
const SAID_WITHIN: Duration = Duration::from_secs(10);
/// As long as it takes until a site of which nobody sees anything is called silent (`lost_after_ms`), and a little more.
const LONG_ENOUGH: Duration = Duration::from_secs(17);
/// No client is behind the resets: none may wait longer than on a busy machine without any.
const FELT_BY_NOBODY: u64 = 1_500;

/// Everything between the console and the active site is reset while the sites see each other and clients write. The console says that the
/// site is out of its sight and who sees it, never that it is silent, and takes no failover that does not override each sign of life and
/// attest in words; clients notice nothing, and after it everything is protected as before.
pub async fn answered_by_somebody_else(scene: &Scene) -> anyhow::Result<String> {
    let from = scene.lab().active().await?;
    let before = scene.console().operations().await?.len();
    let observed = scene.observe().await;
    scene.lab().reset(Place::Console, from.into())?;
    let outcome = while_reset(scene, from).await;
    scene.lab().heal(Place::Console, from.into())?;
    let (said, seen_by) = outcome?;
    let (run, _) = observed.nothing_lost().await?;
    let outage = run.verdict.longest_outage_ms;
    ensure!(outage < FELT_BY_NOBODY, "clients felt it: {}", run.verdict.lines("rows"));
    scene.lab().wait_settled(WHOLE_WITHIN).await?;
    scene.console().sees_active(from, SOON).await?;
    protected_again(scene).await?;
    ensure!(scene.console().operations().await?.len() == before, "an operation was begun");
    Ok(format!("out of sight after {said:.2?}, seen by {seen_by}; longest time without an acknowledgement {outage} ms"))
}

/// How long it took until the console said it, and what the strongest sign of life was.
async fn while_reset(scene: &Scene, from: Site) -> anyhow::Result<(Duration, &'static str)> {
    let began = Instant::now();
    let mut said = None;
    let mut refused = false;
    while began.elapsed() < LONG_ENOUGH {
        let site = scene.console().picture().await?.sites[side(from)].clone();
        match (site.role, site.witnesses.first()) {
            (SiteRole::OutOfSight, Some(witness)) => _ = said.get_or_insert((began.elapsed(), witness.kind.code())),
            (SiteRole::Active | SiteRole::Unknown, _) if said.is_none() && began.elapsed() < SAID_WITHIN => {}
            (role, _) => bail!("after {:.2?} the site was {role:?} with {:?}", began.elapsed(), site.witnesses),
        }
        if said.is_some() && !refused {
            let page = scene.console().page("/pools/chat-core").await?;
            let sentence = format!("Do not fail over: dc-{from} is alive (");
            ensure!(page.contains(&sentence) && page.contains("Only this console does not see its databases."), "it reads: {page}");
            failovers_are_refused(scene, from).await?;
            refused = true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Once more when a site that nobody sees would long be silent.
    failovers_are_refused(scene, from).await?;
    said.context("the console never said that the site is out of its sight")
}

/// None is taken that lacks the attestation, the override of a sign of life, or both.
async fn failovers_are_refused(scene: &Scene, from: Site) -> anyhow::Result<()> {
    let word = "we pulled its plug";
    for (attestation, overridden, code) in
        [("", false, "seen_alive"), (word, false, "seen_alive"), ("", true, "no_attestation"), ("  ", true, "no_attestation")]
    {
        let answer = failover(scene, from, attestation, overridden).await?;
        let found = (answer.status, answer.body["code"].as_str());
        ensure!(found == (422, Some(code)), "attested {attestation:?}, overridden {overridden}: instead of {code} {answer}");
        let names = &answer.body[if code == "seen_alive" { "witnesses" } else { "nodes" }];
        ensure!(names.as_array().is_some_and(|names| !names.is_empty()), "{code} does not say who: {answer}");
    }
    Ok(())
}

/// The console's answer to the request of a failover, made from a plan that was seen just now.
async fn failover(scene: &Scene, from: Site, attestation: &str, overridden: bool) -> anyhow::Result<Answer> {
    let console = scene.console();
    for _ in 0..10 {
        let planned = console.plan(&Intent::Failover { to: side(from.peer()) }).await?;
        let mut request = console.request_for(&planned, "the console hears nothing");
        attestation.clone_into(&mut request.attestation);
        if overridden {
            request.overridden = WitnessKind::ALL.to_vec();
        }
        let answer = console.send("POST", "/operations", &[], Some(serde_json::to_string(&request)?)).await?;
        // What others see may have changed between the plan and the request.
        if answer.body["code"] != "plan_changed" {
            return Ok(answer);
        }
    }
    bail!("no plan stayed the same until it was requested")
}

async fn protected_again(scene: &Scene) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let picture = scene.console().picture().await?;
        if picture.protection.state == ProtectionState::Protected {
            return Ok(());
        }
        ensure!(began.elapsed() < SOON, "{:?}: {:?}", picture.protection.state, picture.findings);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
