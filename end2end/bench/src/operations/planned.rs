//! Planned switchovers: bare PostgreSQL, Patroni's own commands, and the console.

use super::{Bench, REST, done};
use anyhow::Context;
use std::time::{Duration, Instant};
use switchback_domain::operation::{Intent, Operation};
use switchback_lab::{Commands, Watch, Way, side};

/// An operation that was asked for has ended by then, or something is wrong.
const ENDS_WITHIN: Duration = Duration::from_mins(4);
/// The client writes for so long before, and for so long after it can write again.
const CALM: Duration = Duration::from_millis(1500);

/// Two bare servers, in both manners. Each call ends where it began; `turned` lets each manner begin at the other site.
pub async fn bare(bench: &mut Bench, how: &str, turned: bool) -> anyhow::Result<()> {
    bench.without_console();
    let mut manners = [(Commands::PgCtl, "bare, pg_ctl"), (Commands::Signals, "bare, signals")];
    if turned {
        manners.reverse();
    }
    for (commands, name) in manners {
        let bare = bench.bare()?;
        let direction = format!("{}→{}", bare.active(), bare.active().peer());
        let switched = bare.switch(commands).await?;
        let outage = switched.run.outage_after(switched.asked).context("the client never wrote again")?;
        bench.tally.planned(&format!("{name}{how}"), &direction, outage, &switched.run.verdict, None);
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

/// `patronictl demote-cluster`, `patronictl promote-cluster`.
pub async fn patronictl(bench: &mut Bench) -> anyhow::Result<()> {
    bench.without_console();
    bench.whole().await?;
    let from = bench.lab.active().await?;
    let watch = Watch::begin(&bench.lab);
    let load = bench.lab.begin_load(Way::direct());
    tokio::time::sleep(CALM).await;
    let asked = Instant::now();
    bench.lab.switch_with_patronictl(from.peer()).await?;
    bench.lab.wait_settled(super::WHOLE_WITHIN).await?;
    let run = load.end().await?;
    let overlap = watch.end()?.two_writable();
    let outage = run.outage_after(asked).context("the client never wrote again")?;
    bench.tally.planned("patronictl", &format!("{from}→{}", from.peer()), outage, &run.verdict, overlap);
    Ok(())
}

/// The console.
pub async fn console(bench: &mut Bench, name: &str, dirty: bool) -> anyhow::Result<()> {
    bench.whole().await?;
    let from = bench.lab.active().await?;
    let lab = bench.lab.clone();
    let console = bench.console().await?;
    console.sees_active(from, Duration::from_secs(30)).await?;
    let watch = Watch::begin(&lab);
    let load = lab.begin_load(Way::direct());
    tokio::time::sleep(CALM).await;
    if dirty {
        lab.dirty(50).await?;
    }
    let (id, asked) = console.begin(&Intent::Switchover { to: side(from.peer()) }, "").await?;
    let operation = console.rest(id, ENDS_WITHIN).await?;
    tokio::time::sleep(CALM).await;
    let run = load.end().await?;
    let overlap = watch.end()?.two_writable();
    done(&operation)?;
    let outage = run.outage_after(asked).context("the client never wrote again")?;
    bench.tally.planned(name, &format!("{from}→{}", from.peer()), outage, &run.verdict, overlap);
    bench.tally.journal(&operation);
    bench.tally.meter(outage, measured(&operation));
    Ok(())
}

/// The outage as the console itself has measured it.
fn measured(operation: &Operation) -> Option<Duration> {
    let outage = operation.outage?;
    Some(Duration::from_millis(outage.length(outage.first_write_at?).0))
}
