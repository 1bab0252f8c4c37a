//! More and more pools of 8 endpoints each: what an endpoint costs, and whether that stays the same.

use crate::{
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::{ratio, table},
    usage::Usage,
};
use clap::Args;
use std::time::{Duration, Instant};

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many pools, each number with a console of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [25, 50, 100, 200])]
    pools: Vec<usize>,
    /// How long each number is measured, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { pools: vec![25, 50, 100, 200], seconds: 20 }
    }
}

/// Measures.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    let (mut rows, mut complaints) = (Vec::new(), Vec::new());
    let mut before = None;
    anyhow::ensure!(!options.pools.contains(&0), "there is nothing to measure about no pool");
    for &size in &options.pools {
        let mut pools = Vec::new();
        for number in 0..size {
            pools.push(Pool::start(format!("pool-{number:03}"), Shape::Small).await?);
        }
        let console = Console::start(program, &pools).await?;
        console.settle(&pools[0]).await?;
        let looks = || pools.iter().map(|pool| pool.moving.looks()).sum::<u64>();
        let begun = (console.usage()?, Usage::of_bench()?, looks(), Instant::now());
        tokio::time::sleep(Duration::from_secs(options.seconds)).await;
        let ended = (console.usage()?, Usage::of_bench()?, looks());
        let cores = ended.0.cores_since(&begun.0);
        let endpoints = size * Shape::Small.endpoints();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (each_us, looks_per_s) = (cores * 1e6 / endpoints as f64, (ended.2 - begun.2) as f64 / begun.3.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let asked = looks_per_s / endpoints as f64;
        rows.push(vec![
            size.to_string(),
            endpoints.to_string(),
            format!("{cores:.2}"),
            ratio(cores, before),
            format!("{each_us:.0} µs"),
            format!("{looks_per_s:.0}"),
            format!("{:.0} %", asked * 100.0),
            format!("{:.0}", ended.0.memory_mib),
            format!("{:.2}", ended.1.cores_since(&begun.1)),
        ]);
        complaints.push(format!("  with {size} pools: {}", console.complaints()));
        before = Some(cores);
    }
    table(
        &format!("pools: {} endpoints each, all moving, nobody watching; {} s for each row", Shape::Small.endpoints(), options.seconds),
        &["pools", "endpoints", "CPU", "as pools grow", "CPU per endpoint and second", "looks/s", "of one a second", "MiB", "bench CPU"],
        &rows,
    );
    println!("{}", complaints.join("\n"));
    Ok(())
}
