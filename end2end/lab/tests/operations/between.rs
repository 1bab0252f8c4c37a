//! Somebody between the console and the site that is to take over lets the order to lead through, and says something else: it answers in
//! Patroni's place, loses answers, holds orders back. Whatever is said, never do both sites write, and what was acknowledged stays.

use std::time::Duration;

use anyhow::{Context, ensure};
use switchback_domain::operation::{Choice, Stage, StepEvidence};
use switchback_lab::{Between, Lie, Said, Service, Site, Target};

use crate::quick::planned;
use crate::scene::{RESTS_WITHIN, Scene, measured_as_felt};

/// What Patroni says when a change of its own, or of somebody else, came between.
const CONFLICT: Said = Said::Line(409, "Config changed during patch operation");
/// What it says to whoever has not the right password.
const UNAUTHORIZED: Said = Said::Line(401, "no auth header received");
const UNAVAILABLE: Said = Said::Line(503, "no server is available to handle this request");
/// Longer than everything that is tried without asking somebody.
const LATE: Duration = Duration::from_secs(15);
/// Longer than an order may take.
const ETCD_FROZEN_FOR: Duration = Duration::from_secs(8);

/// A planned switchover with somebody between, who lies until somebody is asked for the second time.
async fn switched(scene: &Scene, lie: impl FnOnce(Site) -> Lie) -> anyhow::Result<String> {
    let between = Between::begin(scene.lab()).await?;
    scene.console().ask_through(Some(&between)).await?;
    let outcome = lied_to(scene, &between, lie).await;
    scene.console().ask_through(None).await?;
    outcome
}

async fn lied_to(scene: &Scene, between: &Between, lie: impl FnOnce(Site) -> Lie) -> anyhow::Result<String> {
    let to = scene.lab().active().await?.peer();
    scene.console().sees_active(to.peer(), RESTS_WITHIN).await?;
    let observed = scene.observe().await;
    let lie = lie(to);
    let late = lie.late;
    between.lie(to, lie);
    let (id, from, _) = scene.begin_switchover().await?;
    let mut asked = Vec::new();
    let operation = scene
        .finish(id, async |operation| {
            let Stage::NeedsPerson { question, .. } = &operation.stage else { anyhow::bail!("nobody is asked") };
            // The order may have been taken. Nobody may be offered to make the old site writable beside it.
            ensure!(question.options.contains(&Choice::Retry), "{id} offers only {:?}", question.options);
            ensure!(!question.options.contains(&Choice::Undo), "{id} offers to put back: {question:?}");
            if !asked.is_empty() {
                between.be_honest();
                tokio::time::sleep(late).await;
            }
            asked.push(format!("{:?}", question.trouble));
            Ok(())
        })
        .await?;
    let orders: Vec<_> = between.orders().into_iter().filter(|order| order.node.site == to).collect();
    let first = orders.first().context("no order came by")?;
    // Where its etcd was silent for a while, Patroni finds its own change and takes it for somebody else's.
    ensure!(first.passed && matches!(first.status, Some(200 | 409)), "Patroni did not take the order: {orders:?}");
    let word = scene.ended_right(&operation, from).await?;
    ensure!(word == "done", "the order was taken, and {id} was {word}: {:?}", operation.given_up);
    let (run, _) = observed.nothing_lost().await?;
    let lied: Vec<&StepEvidence> = operation
        .steps
        .iter()
        .flat_map(switchback_domain::operation::StepRun::every_fact)
        .filter(|fact| matches!(fact, StepEvidence::OrderFailed { .. } | StepEvidence::NoOrderTaken))
        .collect();
    ensure!(!lied.contains(&&StepEvidence::NoOrderTaken), "{id} says that no order was taken: {lied:?}");
    let said = format!("{} orders, asked {} times", orders.len(), asked.len());
    let outage = operation.outage.context("nothing was measured")?;
    let measured = measured_as_felt(&outage, Some(Duration::from_millis(run.verdict.longest_outage_ms)))?;
    Ok(format!("{from}→{to} {word}, {said}, {measured}, evidence {lied:?}"))
}

/// The site's etcd stops when the order is there, so that Patroni neither stores it nor says so before it goes on.
async fn etcd_frozen(scene: &Scene) -> anyhow::Result<String> {
    let lab = scene.lab().clone();
    switched(scene, |to| {
        let freeze = move || {
            let etcd = Target::Service(Service::Etcd(to));
            lab.freeze(etcd);
            std::thread::spawn(move || {
                std::thread::sleep(ETCD_FROZEN_FOR);
                lab.thaw(etcd);
            });
        };
        Lie { before: Some(Box::new(freeze)), ..Lie::new(Said::Own, UNAUTHORIZED) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_between_says_of_an_order_that_was_taken_never_do_both_sites_write() {
    let mut scene = Scene::up("between", 6).await;
    for (name, first, then) in [
        ("a conflict, then a refusal", CONFLICT, UNAUTHORIZED),
        ("a conflict, then a page", CONFLICT, Said::Page(403)),
        ("a conflict, then unavailable", CONFLICT, UNAVAILABLE),
        ("a conflict, then cut", CONFLICT, Said::Cut),
        ("the answer is lost, then a refusal", Said::Cut, UNAUTHORIZED),
        ("no answer at all, then a refusal", Said::Silence, UNAUTHORIZED),
        ("a page, then a refusal", Said::Page(502), UNAUTHORIZED),
    ] {
        scene.case(name, async |scene| switched(scene, |_| Lie::new(first, then)).await).await;
    }
    for (name, first, then) in [
        ("a conflict, then a refusal, and the order comes late", CONFLICT, UNAUTHORIZED),
        ("a cut, then a refusal, and the order comes late", Said::Cut, UNAUTHORIZED),
    ] {
        scene.case(name, async |scene| switched(scene, |_| Lie { late: LATE, ..Lie::new(first, then) }).await).await;
    }
    scene.case("the etcd of the site is frozen when it is told", etcd_frozen).await;
    scene.case("and then one that nobody disturbs", planned).await;
    scene.end();
}
