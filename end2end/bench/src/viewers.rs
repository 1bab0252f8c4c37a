//! One pool, more and more viewers: what each doubling costs, and how long the slowest waits.

use crate::{
    SETTLE,
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::{Spread, ms, ratio, table},
    usage::Usage,
    viewer::{Viewer, crowd},
};
use clap::Args;
use std::{collections::HashMap, time::Duration};

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many viewers, each number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [250, 500, 1000, 2000])]
    viewers: Vec<usize>,
    /// How long each number is measured, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { viewers: vec![250, 500, 1000, 2000], seconds: 20 }
    }
}

/// Measures.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    let pool = Pool::start("watched".to_owned(), Shape::Whole).await?;
    pool.moving.change_with_each_answer();
    let pools = [pool];
    let pool = &pools[0];
    let console = Console::start(program, &pools).await?;
    console.settle(pool).await?;

    let window = Duration::from_secs(options.seconds);
    let alone = (console.usage()?, Usage::of_bench()?);
    tokio::time::sleep(window).await;
    let unwatched = (console.usage()?.cores_since(&alone.0), Usage::of_bench()?.cores_since(&alone.1));
    let mut rows = vec![row("0", unwatched.0, unwatched.1, console.usage()?.memory_mib, None)];

    let mut crowded: Vec<Viewer> = Vec::new();
    let mut before: Option<f64> = None;
    for &size in &options.viewers {
        crowd(&console, &pool.id, size, &mut crowded).await?;
        tokio::time::sleep(SETTLE).await;
        for viewer in &crowded {
            viewer.take()?;
        }
        let begun = (console.usage()?, Usage::of_bench()?);
        tokio::time::sleep(window).await;
        let ended = (console.usage()?, Usage::of_bench()?);
        let received = crowded.iter().map(Viewer::take).collect::<anyhow::Result<Vec<_>>>()?;

        let mut all = Spread::default();
        let mut slowest: HashMap<u32, (usize, Duration)> = HashMap::new();
        let mut bytes = 0;
        let (mut changes, mut wholes) = (0, 0);
        for one in &received {
            bytes += one.bytes;
            changes += one.changes;
            wholes += one.wholes;
            for (mark, at) in &one.marks {
                let Some(told) = pool.moving.told_at(*mark) else { continue };
                let waited = at.saturating_duration_since(told);
                all.push(waited);
                let (viewers, longest) = slowest.entry(*mark).or_default();
                *viewers += 1;
                *longest = waited.max(*longest);
            }
        }
        // The first and the last change of the window may have reached some viewers before or after it.
        let marks = (slowest.keys().min().copied(), slowest.keys().max().copied());
        slowest.retain(|mark, _| Some(*mark) != marks.0 && Some(*mark) != marks.1);
        let missed: usize = slowest.values().map(|(viewers, _)| size - viewers).sum();
        let mut slowest: Spread = slowest.into_values().map(|(_, longest)| longest).collect();

        let cores = ended.0.cores_since(&begun.0);
        let mut row = row(&size.to_string(), cores, ended.1.cores_since(&begun.1), ended.0.memory_mib, Some((cores - unwatched.0, before)));
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let per_second = |count: u64| count as f64 / (size as f64 * window.as_secs_f64());
        row.extend([
            ms(all.percentile(50)),
            ms(all.percentile(95)),
            ms(all.percentile(100)),
            ms(slowest.percentile(50)),
            format!("{:.1}", per_second(changes)),
            format!("{:.0}", per_second(bytes)),
            missed.to_string(),
            wholes.to_string(),
        ]);
        rows.push(row);
        before = Some(cores - unwatched.0);
    }
    table(
        &format!(
            "viewers: one pool of {} endpoints, its HAProxy tells something new every second; {} s for each row",
            Shape::Whole.endpoints(),
            options.seconds
        ),
        &[
            "viewers",
            "CPU",
            "for viewers",
            "as viewers grow",
            "MiB",
            "bench CPU",
            "p50",
            "p95",
            "max",
            "slowest viewer p50",
            "events/s each",
            "bytes/s each",
            "missed",
            "re-sent whole",
        ],
        &rows,
    );
    println!("  p50, p95, max: from the answer of the engine to the receipt by a viewer, over all viewers and changes");
    println!("  slowest viewer p50: how long, in the middle, the last viewer of a change waited; {}", console.complaints());
    Ok(())
}

fn row(viewers: &str, cores: f64, bench: f64, memory_mib: f64, for_viewers: Option<(f64, Option<f64>)>) -> Vec<String> {
    let (part, growth) = match for_viewers {
        Some((part, before)) => (format!("{part:.2}"), ratio(part, before)),
        None => ("–".to_owned(), "–".to_owned()),
    };
    vec![viewers.to_owned(), format!("{cores:.2}"), part, growth, format!("{memory_mib:.0}"), format!("{bench:.2}")]
}
