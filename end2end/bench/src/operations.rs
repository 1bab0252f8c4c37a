//! What an operation costs the pool's clients: a planned switchover and an emergency failover, beside bare PostgreSQL and Patroni's own
//! commands. All in one run on one lab, in both directions, by the same client: a row every 10 ms, written directly to whichever node is
//! out of recovery. In the end every goal is kept or missed, and one that is missed is an error.

mod chat;
mod emergency;
mod goals;
mod planned;
mod tally;

use anyhow::{Context, bail, ensure};
use clap::Args;
use emergency::Fault;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use switchback_domain::operation::{Intent, Operation, Outcome, Stage};
use switchback_lab::{Bare, Console, Lab, Options as LabOptions, Place, Program, Site, side};
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
    /// Which variants: bare, patronictl, console, dirty, slow, killed, cut, guards, unshipped, chat. All when nothing is named.
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
    /// A variant that is misspelt would measure nothing and miss no goal.
    fn check(&self) -> anyhow::Result<()> {
        let known = || PLANNED.into_iter().chain(["slow"]).chain(EMERGENCIES).chain(["chat"]);
        if let Some(unknown) = self.only.iter().find(|one| !known().any(|known| known == one.as_str())) {
            bail!("there is no variant {unknown}, but {}", known().collect::<Vec<_>>().join(", "));
        }
        Ok(())
    }

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
    options.check()?;
    let mut lab_options = LabOptions::new(std::path::absolute(&options.dir)?);
    lab_options.instance = options.instance;
    lab_options.program = Some(options.lab.canonicalize().with_context(|| format!("there is no lab at {}", options.lab.display()))?);
    Lab::down(&lab_options.dir, true)?;
    let _down = Down(lab_options.dir.clone());
    println!("bringing the lab up");
    let lab = Lab::up(lab_options, &|_| {}).await?;
    let mut bench = Bench { lab, console: None, bare: None, program, tally: Tally::default(), began: Instant::now() };
    let outcome = bench.measure(options).await;
    if let Some(bare) = &bench.bare {
        bare.down();
    }
    let (missed, goals) = bench.tally.print();
    println!("\n{} of {goals} goals kept, after {}", goals - missed, bench.minutes());
    outcome?;
    ensure!(missed == 0, "{missed} of {goals} goals were missed");
    Ok(())
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
    began: Instant,
}

/// The variants in their order. What is compared is measured in turns, so that a machine that grows slower is slow for all.
const PLANNED: [&str; 4] = ["bare", "patronictl", "console", "dirty"];
const EMERGENCIES: [&str; 4] = ["killed", "cut", "guards", "unshipped"];

impl Bench {
    async fn measure(&mut self, options: &Options) -> anyhow::Result<()> {
        let pairs = options.rounds.div_ceil(2).max(1);
        let wants = |variant: &str| options.wants(variant);
        if wants("bare") || wants("slow") {
            self.bare = Some(Bare::up(&self.lab).await?);
        }
        for pair in 1..=pairs {
            for variant in PLANNED.into_iter().filter(|variant| wants(variant)) {
                self.both_directions(variant, pair, pairs).await?;
            }
        }
        if wants("slow") {
            self.lab.slow(Place::A, Place::B, 5, 0.0).await?;
            self.whole().await?;
            for pair in 1..=pairs {
                self.both_directions("slow", pair, pairs).await?;
            }
            self.lab.slow(Place::A, Place::B, 0, 0.0).await?;
            self.whole().await?;
        }
        for variant in EMERGENCIES.into_iter().filter(|variant| wants(variant)) {
            // What had not been shipped is a question of yes or no and not of a median.
            let pairs = if variant == "unshipped" { 1 } else { pairs };
            for pair in 1..=pairs {
                self.both_directions(variant, pair, pairs).await?;
            }
        }
        if wants("chat") {
            let pairs = pairs.div_ceil(2);
            for pair in 1..=pairs {
                self.both_directions("chat", pair, pairs).await?;
            }
        }
        Ok(())
    }

    /// How long it has measured.
    fn minutes(&self) -> String {
        let seconds = self.began.elapsed().as_secs();
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }

    async fn both_directions(&mut self, variant: &str, pair: usize, pairs: usize) -> anyhow::Result<()> {
        println!("[{}] {variant}, round {pair} of {pairs}", self.minutes());
        for site in Site::BOTH {
            self.once(variant, site == Site::B).await.with_context(|| format!("{variant}, round {pair}"))?;
        }
        if variant == "chat" {
            for _ in Site::BOTH {
                chat::failover(self).await.with_context(|| format!("{variant}, round {pair}"))?;
            }
        }
        Ok(())
    }

    async fn once(&mut self, variant: &str, turned: bool) -> anyhow::Result<()> {
        match variant {
            "bare" => planned::bare(self, "", turned).await,
            "patronictl" => planned::patronictl(self).await,
            "console" => planned::console(self, "console", false).await,
            "dirty" => planned::console(self, "console, 50 MB dirty", true).await,
            "slow" => {
                planned::bare(self, ", 10 ms away", turned).await?;
                planned::console(self, "console, 10 ms away", false).await
            }
            "killed" => emergency::run(self, Fault::Killed).await,
            "cut" => emergency::run(self, Fault::Cut).await,
            "guards" => emergency::run(self, Fault::Guards).await,
            "unshipped" => emergency::run(self, Fault::Unshipped).await,
            _ => chat::switchover(self).await,
        }
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

    /// Makes a site that was lost a standby again for the console too: it proves that the site follows, and takes the fence down.
    pub async fn reprotect(&mut self, site: Site) -> anyhow::Result<()> {
        let console = self.console().await?;
        let (id, _) = console.begin(&Intent::Reprotect { side: side(site) }, "").await?;
        done(&console.rest(id, WHOLE_WITHIN).await?)
    }

    /// Waits until everything streams and has a mirror.
    pub async fn whole(&self) -> anyhow::Result<()> {
        self.lab.wait_settled(WHOLE_WITHIN).await?;
        tokio::time::sleep(REST).await;
        Ok(())
    }
}

/// An operation that was not done measures nothing.
pub fn done(operation: &Operation) -> anyhow::Result<()> {
    let done = matches!(operation.stage, Stage::Finished { outcome: Outcome::Done, .. });
    ensure!(done, "{} did not get done: {:?}", operation.id, operation.stage);
    Ok(())
}
