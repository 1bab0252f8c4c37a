//! People in a chat room while the pool moves: what they were told is archived must be in the archive, read at a member of the other site.

use super::{Bench, WHOLE_WITHIN, done, goals::ON_ITS_WAY};
use std::time::{Duration, Instant};
use switchback_domain::operation::Intent;
use switchback_lab::{Target, side};

/// The talk goes on for so long before, and after the operation: people have to find the other site.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_mins(3);

/// A planned switchover.
pub async fn switchover(bench: &mut Bench) -> anyhow::Result<()> {
    operate(bench, "switchover").await
}

/// An emergency failover, with everything of the active site killed; it returns when nobody talks any more.
pub async fn failover(bench: &mut Bench) -> anyhow::Result<()> {
    operate(bench, "failover, killed").await
}

async fn operate(bench: &mut Bench, name: &'static str) -> anyhow::Result<()> {
    let emergency = name != "switchover";
    bench.whole().await?;
    let from = bench.lab.active().await?;
    let to = side(from.peer());
    let lab = bench.lab.clone();
    let console = bench.console().await?;
    console.sees_active(from, Duration::from_secs(30)).await?;
    let talk = lab.begin_chat();
    tokio::time::sleep(BEFORE).await;
    let struck = Instant::now();
    let intent = if emergency {
        lab.kill(Target::Site(from)).await?;
        Intent::Failover { to }
    } else {
        Intent::Switchover { to }
    };
    let (id, _) = console.begin(&intent, if emergency { "its power is off, said the bench" } else { "" }).await?;
    let operation = console.rest(id, ENDS_WITHIN).await?;
    done(&operation)?;
    tokio::time::sleep(AFTER).await;
    let run = talk.end().await?;
    // A planned switchover ships everything; only what a dying site acknowledged in its last moment may have been on its way.
    let last = struck.checked_sub(ON_ITS_WAY).unwrap_or(struck);
    let on_its_way = if emergency { run.lost_at.iter().filter(|at| **at > last).count() as u64 } else { 0 };
    bench.tally.chat(name, &format!("{from}→{}", from.peer()), &run.verdict, on_its_way);
    bench.tally.journal(&operation);
    if emergency {
        lab.revive(Target::Site(from))?;
        bench.console().await?.sees_held(from, WHOLE_WITHIN).await?;
        bench.reprotect(from).await?;
    }
    Ok(())
}
