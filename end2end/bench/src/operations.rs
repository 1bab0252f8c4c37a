//! What an operation costs the pool's clients: a planned switchover and an emergency failover, beside bare PostgreSQL and Patroni's own
//! commands. All in one run on one lab, in both directions, by the same client: a row every 10 ms, written directly to whichever node is
//! out of recovery.

mod emergency;
mod planned;
mod tally;

use crate::figures::table;
use anyhow::Context;
use clap::Args;
use std::{path::PathBuf, time::Duration};
use switchback_lab::{Bare, Console, Lab, Options as LabOptions, Place, Program, Site};
use tally::Tally;

/// The pool may take so long to be whole again after an operation.
pub const WHOLE_WITHIN: Duration = Duration::from_mins(3);
/// After everything streams, before the next operation: caches, slots and the console's picture come to rest.
pub const REST: Duration = Duration::from_secs(2);

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How often each variant is measured; half of them in each direction.
    #[arg(long, env = "OPERATIONS_ROUNDS", default_value_t = 10)]
    rounds: usize,
    /// Which variants: bare, patronictl, console, dirty, slow, killed, cut. All when nothing is named.
    #[arg(long, env = "OPERATIONS_ONLY", value_delimiter = ',')]
    only: Vec<String>,
    /// The folder of the lab, which is made and removed.
    #[arg(long, env = "SWITCHBACK_LAB_DIR", default_value = "/tmp/switchback-lab-bench")]
    dir: PathBuf,
    /// Tells labs on the same machine apart.
    #[arg(long, env = "SWITCHBACK_LAB_INSTANCE", default_value_t = 10)]
    instance: u8,
    /// The lab's program; it runs inside the sites.
    #[arg(long, default_value = "target/release/switchback-lab")]
    lab: PathBuf,
}

impl Options {
    fn wants(&self, variant: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == variant)
    }
}

/// Takes the lab down whatever happens.
struct Down(PathBuf);

impl Drop for Down {
    fn drop(&mut self) {
        if let Err(error) = Lab::down(&self.0, true) {
            eprintln!("bench: taking the lab down: {error}");
        }
    }
}

/// Measures.
pub async fn run(program: Program, options: &Options) -> anyhow::Result<()> {
    let mut lab_options = LabOptions::new(std::path::absolute(&options.dir)?);
    lab_options.instance = options.instance;
    lab_options.program = Some(options.lab.canonicalize().with_context(|| format!("there is no lab at {}", options.lab.display()))?);
    Lab::down(&lab_options.dir, true)?;
    let _down = Down(lab_options.dir.clone());
    println!("bringing the lab up");
    let lab = Lab::up(lab_options, &|_| {}).await?;
    let mut bench = Bench { lab, console: None, bare: None, program, tally: Tally::default() };
    let outcome = bench.measure(options).await;
    if let Some(bare) = &bench.bare {
        bare.down();
    }
    bench.tally.print();
    outcome
}

/// Everything that the variants work on.
pub struct Bench {
    /// The lab.
    pub lab: Lab,
    /// The console, while a variant needs it: it does not watch while others are measured.
    pub console: Option<Console>,
    bare: Option<Bare>,
    program: Program,
    /// What was measured.
    pub tally: Tally,
}

impl Bench {
    async fn measure(&mut self, options: &Options) -> anyhow::Result<()> {
        let pairs = options.rounds.div_ceil(2).max(1);
        let wants = |variant: &str| options.wants(variant);
        if wants("bare") || wants("slow") {
            self.bare = Some(Bare::up(&self.lab).await?);
        }
        for pair in 1..=pairs {
            println!("round {pair} of {pairs}, each variant in both directions");
            for variant in ["bare", "patronictl", "console", "dirty"] {
                if wants(variant) {
                    self.both_directions(variant).await.with_context(|| format!("{variant}, round {pair}"))?;
                }
            }
        }
        if wants("slow") {
            self.lab.slow(Place::A, Place::B, 5, 0.0).await?;
            self.whole().await?;
            for pair in 1..=pairs {
                self.both_directions("slow").await.with_context(|| format!("10 ms between the sites, round {pair}"))?;
            }
            self.lab.slow(Place::A, Place::B, 0, 0.0).await?;
            self.whole().await?;
        }
        for variant in ["killed", "cut"] {
            if wants(variant) {
                for pair in 1..=pairs {
                    self.both_directions(variant).await.with_context(|| format!("{variant}, round {pair}"))?;
                }
            }
        }
        Ok(())
    }

    async fn both_directions(&mut self, variant: &str) -> anyhow::Result<()> {
        for site in Site::BOTH {
            let turned = site == Site::B;
            match variant {
                "bare" => planned::bare(self, "", turned).await?,
                "patronictl" => planned::patronictl(self).await?,
                "console" => planned::console(self, "console", false).await?,
                "dirty" => planned::console(self, "console, 50 MB dirty", true).await?,
                "slow" => {
                    planned::bare(self, ", 10 ms away", turned).await?;
                    planned::console(self, "console, 10 ms away", false).await?;
                }
                "killed" => emergency::run(self, emergency::Fault::Killed).await?,
                _ => emergency::run(self, emergency::Fault::Cut).await?,
            }
        }
        Ok(())
    }

    /// The console, started when it is needed first.
    pub async fn console(&mut self) -> anyhow::Result<&Console> {
        if self.console.is_none() {
            // The bench is quicker than anybody's cool-down.
            self.console = Some(Console::start(&self.lab, self.program.clone(), "cool_down_ms = 0").await?);
        }
        self.console.as_ref().context("there is no console")
    }

    /// Ends the console, so that it does not take part in what others are measured at.
    pub fn without_console(&mut self) {
        self.console = None;
    }

    /// The bare servers.
    fn bare(&mut self) -> anyhow::Result<&mut Bare> {
        self.bare.as_mut().context("there are no bare servers")
    }

    /// Waits until everything streams and has a mirror.
    pub async fn whole(&self) -> anyhow::Result<()> {
        self.lab.wait_settled(WHOLE_WITHIN).await?;
        tokio::time::sleep(REST).await;
        Ok(())
    }
}

/// Prints rows under a heading.
fn print(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    table(title, columns, rows);
}
