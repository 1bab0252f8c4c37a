//! Emergency failovers: everything of the active site killed, or silently cut off; and how it returns.

use super::{Bench, done, goals::ON_ITS_WAY, tally::Emergency};
use anyhow::Context;
use std::time::{Duration, Instant};
use switchback_domain::operation::{Intent, Operation, Report, StepEvidence};
use switchback_lab::{Lab, Place, Run, Site, Target, Watch, Way, side};

/// What happens to the active site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every process of it ends.
    Killed,
    /// The link to the other site is cut a while before every process of it ends: what was written in between is nowhere else.
    Unshipped,
    /// Every packet from and to it is dropped; it lives on by itself.
    Cut,
    /// Every process of it ends, and when it comes back the console is down: only the standing guards are there.
    Guards,
}

impl Fault {
    fn as_code(self) -> &'static str {
        match self {
            Fault::Killed => "killed",
            Fault::Unshipped => "killed after a cut",
            Fault::Cut => "cut off",
            Fault::Guards => "killed, guards only",
        }
    }

    /// Begins it. Returns between which moments the last row was shipped.
    async fn strike(self, lab: &Lab, from: Site) -> anyhow::Result<(Instant, Instant)> {
        let before = Instant::now();
        match self {
            Fault::Killed | Fault::Guards => lab.kill(Target::Site(from)).await?,
            Fault::Unshipped => {
                lab.cut(from.into(), from.peer().into())?;
                let shipped = (before, Instant::now());
                tokio::time::sleep(UNSHIPPED_FOR).await;
                lab.kill(Target::Site(from)).await?;
                return Ok(shipped);
            }
            Fault::Cut => {
                for other in elsewhere(from) {
                    lab.cut(from.into(), other)?;
                }
            }
        }
        Ok((before, Instant::now()))
    }

    /// Lets the site come back.
    fn end(self, lab: &Lab, from: Site) -> anyhow::Result<()> {
        match self {
            Fault::Killed | Fault::Guards => lab.revive(Target::Site(from))?,
            Fault::Unshipped => {
                lab.heal(from.into(), from.peer().into())?;
                lab.revive(Target::Site(from))?;
            }
            Fault::Cut => {
                for other in elsewhere(from) {
                    lab.heal(from.into(), other)?;
                }
            }
        }
        Ok(())
    }
}

fn elsewhere(site: Site) -> [Place; 3] {
    [site.peer().into(), Place::Console, Place::Clients]
}

/// Between the cut of the link and the death of the site.
const UNSHIPPED_FOR: Duration = Duration::from_millis(1500);
/// Between the fault and the request: nobody decides at once, and the console has to see it.
const SEEN_AFTER: Duration = Duration::from_secs(4);
/// The returning site is known to be held by then.
const HELD_WITHIN: Duration = Duration::from_mins(1);
const ENDS_WITHIN: Duration = Duration::from_mins(2);
/// How long only the guards are there. Without any a site promotes itself within three seconds.
const GUARDED_FOR: Duration = Duration::from_secs(20);

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
    let shipped = fault.strike(&lab, from).await?;
    tokio::time::sleep(SEEN_AFTER).await;
    let (id, asked) = console.begin(&Intent::Failover { to: side(to) }, "its power is off, said the bench").await?;
    let operation = console.rest(id, ENDS_WITHIN).await?;
    done(&operation)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = load.end().await?;
    let first = run.first_after(asked).context("the client never wrote again")?;
    if fault == Fault::Guards {
        console.sigkill();
    }
    // The return: a client that writes to whatever of the lost site lets it.
    let rogue = lab.begin_load(Way::Direct(from.nodes().to_vec()));
    let returned = Instant::now();
    fault.end(&lab, from)?;
    let rogue = if fault == Fault::Guards {
        tokio::time::sleep(GUARDED_FOR).await;
        let rogue = rogue.end().await?;
        console.start_again().await?;
        console.sees_held(from, HELD_WITHIN).await?;
        rogue
    } else {
        console.sees_held(from, HELD_WITHIN).await?;
        rogue.end().await?
    };
    // It is back, and held as it was until it is re-protected.
    let watched = watch.end()?;
    bench.reprotect(from).await.with_context(|| format!("{from} does not follow after {}", fault.as_code()))?;
    let whole_after = returned.elapsed();
    let report = bench.console().await?.report(id).await?;
    let one = Emergency {
        direction: format!("{from}→{to}"),
        first,
        expected: expected(&operation),
        found: found(&report),
        lost: run.verdict.lost,
        unshipped: unshipped(&run, fault, shipped, asked),
        accepted: rogue.verdict.acknowledged,
        shut_after: watched.writable_after(from, returned).map(|(_, last)| last.saturating_duration_since(returned)),
        whole_after,
    };
    bench.tally.emergency(fault.as_code(), one);
    bench.tally.journal(&operation);
    Ok(())
}

/// How many rows had not been shipped: at least, and at most. Whatever the old site acknowledged after the last row was shipped; and of
/// what it acknowledged at that moment nobody can say. Of a site that is cut off only those rows count that clients were told of.
fn unshipped(run: &Run, fault: Fault, shipped: (Instant, Instant), asked: Instant) -> (u64, u64) {
    let by_the_old_site = |after: Instant| (run.acknowledged_after(after) - run.acknowledged_after(asked)) as u64;
    let most = by_the_old_site(shipped.0.checked_sub(ON_ITS_WAY).unwrap_or(shipped.0));
    let least = if fault == Fault::Unshipped { by_the_old_site(shipped.1 + ON_ITS_WAY) } else { 0 };
    (least, most)
}

/// What the console said beforehand would be lost.
fn expected(operation: &Operation) -> String {
    let facts = operation.steps.iter().flat_map(|run| &run.facts);
    let mut said = facts.filter_map(|fact| match fact {
        StepEvidence::ExpectedLoss { bytes, time, age } => Some((bytes.as_ref(), time.as_ref(), age.as_ref())),
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

/// What the console found to be lost when the site was back.
fn found(report: &Report) -> String {
    match report.loss.found.as_ref().map(|found| (found.bytes.0, found.rows)) {
        None => "nobody looked".to_owned(),
        Some((bytes, None)) => format!("{bytes} B"),
        Some((bytes, Some(rows))) => format!("{bytes} B, {rows} rows"),
    }
}
