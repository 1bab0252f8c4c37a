//! Rehearsals: the same code and no effect.

use anyhow::ensure;
use switchback_domain::MemberName;
use switchback_domain::operation::{Intent, MemberChange, MemberOrder, StepEvidence};
use switchback_lab::{Site, differences, side};

use crate::scene::Scene;

/// Rehearses every operation that could begin as the pool stands, and compares everything that an operation may change before and after.
pub async fn rehearsals(scene: &Scene) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let (here, there) = (side(active), side(active.peer()));
    let member: MemberName = format!("member-{active}1").parse()?;
    let mut intents = vec![
        Intent::Switchover { to: there },
        Intent::Failover { to: there },
        Intent::Reprotect { side: there },
        Intent::LocalSwitchover { side: here },
        Intent::LocalSwitchover { side: there },
        Intent::Members { changes: vec![MemberChange { side: here, member, to: MemberOrder::Maintenance }] },
    ];
    if active != Site::A {
        intents.push(Intent::Failback { to: side(Site::A) });
    }
    let observed = scene.observe().await;
    for intent in &intents {
        let word = intent.as_code();
        let (engines, pool_state) = (scene.lab().arrangement().await?, scene.console().picture().await?.pool_state);
        let id = scene.console().rehearse(intent).await?;
        let operation = scene.done(id).await?;
        for (step, run) in operation.plan.steps.iter().zip(&operation.steps) {
            let rehearsed = run.facts.contains(&StepEvidence::Rehearsed);
            ensure!(rehearsed || !step.changes_something(), "{} of {word} was no rehearsal: {:?}", step.as_code(), run.facts);
        }
        let changed = differences(&engines, &scene.lab().arrangement().await?);
        ensure!(changed.is_empty(), "a rehearsal of {word} has changed {}", changed.join("; "));
        let now = scene.console().picture().await?.pool_state;
        ensure!((now.epoch, &now.fences) == (pool_state.epoch, &pool_state.fences), "a rehearsal of {word} is in the record: {now:?}");
    }
    let (run, _) = observed.nothing_lost().await?;
    let outage = run.verdict.longest_outage_ms;
    ensure!(outage < 1_000, "clients felt a rehearsal: {}", run.verdict.lines("rows"));
    Ok(format!("{} rehearsals changed nothing, longest time without an acknowledgement {outage} ms", intents.len()))
}

#[cfg(feature = "lab-tests-full")]
#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_of_any_operation_changes_nothing_wherever_the_pool_is() {
    let mut scene = Scene::up("rehearsals", 6).await;
    scene.case("at home", rehearsals).await;
    scene.case("away", crate::quick::planned).await;
    scene.case("in the other site, where failback can be rehearsed too", rehearsals).await;
    scene.end();
}
