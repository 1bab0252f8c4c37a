//! What is done within a site: the mirror becomes its leader, members are told what to do.

use anyhow::{Context, ensure};
use switchback_domain::operation::Intent;
use switchback_lab::side;

use crate::scene::{Scene, WHOLE_WITHIN};

/// The mirror of a site becomes its leader. The pool stays where it is, the other site follows afterwards, and nothing is lost.
pub async fn local_switchover(scene: &Scene, of_active: bool) -> anyhow::Result<String> {
    let active = scene.lab().active().await?;
    let site = if of_active { active } else { active.peer() };
    let before = scene.lab().leader(site).await.context("nobody leads")?;
    let observed = scene.observe().await;
    let (id, asked) = scene.console().begin(&Intent::LocalSwitchover { side: side(site) }, "").await?;
    scene.done(id).await?;
    let after = scene.lab().leader(site).await.context("nobody leads afterwards")?;
    ensure!(after != before, "{before} still leads");
    scene.lab().wait_settled(WHOLE_WITHIN).await.context("not everything follows afterwards")?;
    let (run, _) = observed.nothing_lost().await?;
    ensure!(scene.lab().active().await? == active, "the pool has moved");
    Ok(format!("{before} gave way to {after}, outage {:.2?}", run.outage_after(asked).unwrap_or_default()))
}

#[cfg(feature = "lab-tests-full")]
mod full {
    use std::time::Duration;

    use anyhow::{Context, ensure};
    use switchback_domain::operation::{Intent, MemberChange, MemberOrder, PlanObjection};
    use switchback_lab::{Site, side};

    use super::local_switchover;
    use crate::scene::Scene;

    /// `HAProxy` knows within a check's time what a member does; this is many of them.
    const OBEYS_WITHIN: Duration = Duration::from_secs(10);

    fn change(site: Site, number: u8, to: MemberOrder) -> MemberChange {
        MemberChange { side: side(site), member: format!("member-{site}{number}").parse().unwrap(), to }
    }

    /// Tells members what to do and waits until `HAProxy` itself says that they do.
    async fn tell(scene: &Scene, changes: Vec<MemberChange>) -> anyhow::Result<()> {
        let (id, _) = scene.console().begin(&Intent::Members { changes: changes.clone() }, "").await?;
        scene.done(id).await?;
        for one in changes {
            let state = match one.to {
                MemberOrder::Ready => "UP",
                MemberOrder::Drain => "DRAIN",
                MemberOrder::Maintenance => "MAINT",
            };
            let began = std::time::Instant::now();
            loop {
                let seen = proxied(scene, one.member.as_str()).await?;
                if seen.starts_with(state) {
                    break;
                }
                ensure!(began.elapsed() < OBEYS_WITHIN, "{} was told {:?} and is {seen}", one.member, one.to);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    async fn proxied(scene: &Scene, name: &str) -> anyhow::Result<String> {
        let status = scene.lab().status().await?;
        let mut members = status.sites.into_iter().flat_map(|site| site.members);
        Ok(members.find(|member| member.name == name).context("no such member")?.proxy)
    }

    async fn members(scene: &Scene) -> anyhow::Result<String> {
        let active = scene.lab().active().await?;
        let observed = scene.observe().await;
        for order in [MemberOrder::Drain, MemberOrder::Ready, MemberOrder::Maintenance, MemberOrder::Ready] {
            tell(scene, vec![change(active, 1, order)]).await?;
        }
        tell(scene, vec![change(active, 1, MemberOrder::Drain), change(active.peer(), 2, MemberOrder::Maintenance)]).await?;
        tell(scene, vec![change(active, 1, MemberOrder::Ready), change(active.peer(), 2, MemberOrder::Drain)]).await?;
        observed.nothing_lost().await?;
        Ok("each was obeyed".to_owned())
    }

    /// What the policy forbids is refused, and no member is told anything.
    async fn forbidden(scene: &Scene) -> anyhow::Result<String> {
        let active = scene.lab().active().await?;
        let before = scene.lab().arrangement().await?;
        let refusals = [
            (
                "the last active members are taken out",
                vec![change(active, 1, MemberOrder::Drain), change(active, 2, MemberOrder::Maintenance)],
                PlanObjection::NobodyLeft,
            ),
            (
                "a member of the other site is made active",
                vec![change(active.peer(), 1, MemberOrder::Ready)],
                PlanObjection::NotLocal { member: format!("member-{}1", active.peer()).parse()? },
            ),
            (
                "more are made active than may be",
                vec![change(active.peer(), 1, MemberOrder::Ready)],
                PlanObjection::TooManyActive { would_be: 3, most: 2 },
            ),
            (
                "there is no such member",
                vec![change(active, 9, MemberOrder::Drain)],
                PlanObjection::NoSuchMember { member: format!("member-{active}9").parse()? },
            ),
        ];
        for (what, changes, objection) in refusals {
            let planned = scene.console().plan(&Intent::Members { changes }).await?;
            ensure!(planned.plan.objections.contains(&objection), "{what}: {:?}", planned.plan.objections);
            let body = serde_json::to_string(&scene.console().request_for(&planned, "must be refused"))?;
            let answer = scene.console().send("POST", "/operations", &[], Some(body)).await?;
            ensure!((answer.status, answer.body["code"].as_str()) == (409, Some("objections")), "{what}: {answer}");
        }
        let changed = switchback_lab::differences(&before, &scene.lab().arrangement().await?);
        ensure!(changed.is_empty(), "refusals have changed {}", changed.join("; "));
        Ok("each was refused".to_owned())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn members_do_what_they_are_told_and_nothing_that_the_policy_forbids() {
        let mut scene = Scene::up_with_policy("members", 6, "members_active_max = 2").await;
        scene.case("members of both sites", members).await;
        scene.case("what the policy forbids", forbidden).await;
        scene.case("away", crate::quick::planned).await;
        scene.case("members of both sites, in the other site", members).await;
        scene.end();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_local_switchover_moves_the_leader_and_the_other_site_follows() {
        let mut scene = Scene::up("local", 6).await;
        for round in 1..=2 {
            // Each site once in each part.
            for (of_active, whose) in [(true, "active"), (false, "other")] {
                scene.case(&format!("in the {whose} site ({round})"), async |scene| local_switchover(scene, of_active).await).await;
            }
            scene.case("a switchover afterwards", crate::quick::planned).await;
        }
        scene.end();
    }
}
