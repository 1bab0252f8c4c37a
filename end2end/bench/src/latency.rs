//! From a change in an engine to its receipt by a viewer. What a browser then does with it is measured in the browser tests.

use crate::{
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::Spread,
    viewer::Viewer,
};
use clap::Args;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many pools, each with one viewer.
    #[arg(long, default_value_t = 10)]
    pools: usize,
    /// How many changes in each pool.
    #[arg(long, default_value_t = 30)]
    changes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { pools: 10, changes: 30 }
    }
}

/// Measures.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.pools > 0, "there is nothing to measure about no pool");
    let mut pools = Vec::new();
    for number in 0..options.pools {
        pools.push(Pool::start(format!("pool-{number:03}"), Shape::Whole).await?);
    }
    let console = Console::start(program, &pools).await?;
    let mut viewers = Vec::new();
    for pool in &pools {
        viewers.push(Viewer::watch(&console, &pool.id).await?);
    }
    console.settle(&pools[0]).await?;

    let mut changed: HashMap<(usize, u32), Instant> = HashMap::new();
    // Steps that share no factor with the interval meet it at every phase; two changes are never within one interval.
    let step = Duration::from_millis(1_700) / u32::try_from(options.pools)?;
    for _ in 0..options.changes {
        for (number, pool) in pools.iter().enumerate() {
            let at = Instant::now();
            changed.insert((number, pool.moving.change()), at);
            tokio::time::sleep(step + Duration::from_millis(3)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;

    let (mut from_engine, mut from_answer) = (Spread::default(), Spread::default());
    for (number, viewer) in viewers.iter().enumerate() {
        for (mark, received) in viewer.take()?.marks {
            if let Some(at) = changed.get(&(number, mark)) {
                from_engine.push(received.saturating_duration_since(*at));
            }
            if let Some(told) = pools[number].moving.told_at(mark) {
                from_answer.push(received.saturating_duration_since(told));
            }
        }
    }
    println!("\nlatency: {} pools of {} endpoints, one viewer each, changes at any moment", options.pools, Shape::Whole.endpoints());
    println!("  from the change in the engine to the viewer (asked once a second): {}", from_engine.in_words());
    println!("  from the engine's answer to the viewer:                            {}", from_answer.in_words());
    println!("  {} of {} changes were received; {}", from_engine.len(), changed.len(), console.complaints());
    Ok(())
}
