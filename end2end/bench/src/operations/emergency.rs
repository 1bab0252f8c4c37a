//! Emergency failovers: everything of the active site killed, or silently cut off; and how it returns.

use super::{Bench, WHOLE_WITHIN};
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};
use switchback_domain::operation::{Fact, Intent, Operation, Outcome, Stage};
use switchback_lab::{Place, Service, Site, Target, Watch, Way, side};

/// What happens to the active site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every process of it ends.
    Killed,
    /// Every packet from and to it is dropped; it lives on by itself.
    Cut,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Fault::Killed => "failover, killed",
            Fault::Cut => "failover, cut off",
        }
    }
}

/// Between the fault and the request: nobody decides at once, and the console has to see it.
const SEEN_AFTER: Duration = Duration::from_secs(4);
const ENDS_WITHIN: Duration = Duration::from_mins(2);

/// One failover, and the return of the lost site.
pub async fn run(bench: &mut Bench, fault: Fault) -> anyhow::Result<()> {
    bench.whole().await?;
    let from = bench.lab.active().await?;
    let to = from.peer();
    let lab = bench.lab.clone();
    let console = bench.console().await?;
    console.sees_active(from, Duration::from_secs(30)).await?;
    let watch = Watch::begin(&lab);
    let load = lab.begin_load(Way::direct());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let others = [Place::from(to), Place::Console, Place::Clients];
    match fault {
        Fault::Killed => lab.kill(Target::Site(from)).await?,
        Fault::Cut => {
            for other in others {
                lab.cut(from.into(), other)?;
            }
        }
    }
    tokio::time::sleep(SEEN_AFTER).await;
    let (id, asked) = console.begin(&Intent::Failover { to: side(to) }, "its power is off, said the bench").await?;
    let operation = console.rest(id, ENDS_WITHIN).await?;
    let done = matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. });
    ensure!(done, "{id} did not get done: {:?}", operation.stage);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = load.end().await?;
    let first = run.first_after(asked).context("the client never wrote again")?;
    // The return: a client that writes to whatever of the lost site lets it.
    let rogue = lab.begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    match fault {
        Fault::Killed => lab.revive(Target::Site(from))?,
        Fault::Cut => {
            for other in others {
                lab.heal(from.into(), other)?;
            }
        }
    }
    let whole = lab.wait_settled(WHOLE_WITHIN).await;
    let rogue = rogue.end().await?;
    let watched = watch.end()?;
    whole.with_context(|| format!("{from} does not follow after {}", fault.word()))?;
    bench.tally.emergency(
        fault.word(),
        &format!("{from}→{to}"),
        first,
        &run.verdict,
        &expected(&operation),
        (rogue.verdict.acknowledged, watched.site_was_writable_after(from, returned), returned.elapsed()),
    );
    bench.tally.journal(&operation);
    // Members that a failover has sent away stay so; the next one begins as the lab did.
    let _ = lab.revive(Target::Service(Service::Haproxy(Site::A)));
    Ok(())
}

/// What the console said beforehand would be lost.
fn expected(operation: &Operation) -> String {
    let facts = operation.steps.iter().flat_map(|run| &run.facts);
    let mut said = facts.filter_map(|fact| match fact {
        Fact::ExpectedLoss { bytes, time, age } => Some((bytes.as_ref(), time.as_ref(), age.as_ref())),
        _ => None,
    });
    said.next_back().map_or_else(
        || "nothing said".to_owned(),
        |(bytes, time, age)| {
            let bytes = bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} B", bytes.0));
            let ms = |of: Option<&switchback_domain::Millis>| of.map_or_else(|| "?".to_owned(), |of| format!("{} ms", of.0));
            format!("{bytes}, {} ({} old)", ms(time), ms(age))
        },
    )
}
