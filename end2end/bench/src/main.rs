//! `make bench`: what the console costs and how quick it is, as figures and ratios. Nothing here passes or fails but the goals of
//! `operations` and `lists`.
//!
//! The console is the real program. What it observes are answers that were recorded from real engines, served by this
//! process on loopback addresses, because two hundred real pools do not fit onto one machine. Console and bench share the
//! machine's cores, so the bench says what it used itself.
#![expect(clippy::disallowed_methods, reason = "measuring takes the machine's time and waits on purpose")]

mod client;
mod console;
mod engines;
mod figures;
mod latency;
mod lists;
mod operations;
mod page;
mod pools;
mod slowloris;
mod usage;
mod viewer;
mod viewers;

use anyhow::Context;
use clap::{Parser, Subcommand};
use console::Program;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::{path::PathBuf, process::ExitCode};

/// How long the console may settle before it is measured: every endpoint asked a few times, connections made.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(5);

/// Measures the console: cost and speed, as figures and ratios.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// The console's program; build it with the release profile first.
    #[arg(long, global = true, default_value = "target/release/switchback")]
    console: PathBuf,
    /// The folder with scripts and style that `cargo leptos build --release` makes.
    #[arg(long, global = true, default_value = "target/site")]
    site: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Everything below, one after the other.
    All,
    /// One pool, more and more viewers: CPU, memory, delivery.
    Viewers(viewers::Options),
    /// More and more pools of 8 endpoints: CPU per endpoint.
    Pools(pools::Options),
    /// From a change in an engine to its receipt by a viewer.
    Latency(latency::Options),
    /// First response of the pool page, and what a browser downloads.
    Page(page::Options),
    /// The list of operations, and the start of the console, with many operations in the store.
    Lists(lists::Options),
    /// What everybody else notices of thousands of half requests.
    Slowloris(slowloris::Options),
    /// What a switchover and a failover cost the clients, on a lab; not part of `all`.
    Operations(operations::Options),
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> anyhow::Result<()> {
    let Arguments { what, console, site } = Arguments::parse();
    let console = Program { console, site };
    allow_many_connections()?;
    println!("{} cores, shared by the console and this bench; times are wall-clock, CPU is 1.00 for one busy core", cores());
    match what.unwrap_or(What::All) {
        What::Viewers(options) => viewers::run(&console, &options).await,
        What::Pools(options) => pools::run(&console, &options).await,
        What::Latency(options) => latency::run(&console, &options).await,
        What::Page(options) => page::run(&console, &options).await,
        What::Lists(options) => lists::run(&console, &options).await,
        What::Slowloris(options) => slowloris::run(&console, &options).await,
        What::Operations(options) => {
            let binary = console.console.canonicalize().unwrap_or(console.console);
            operations::run(switchback_lab::Program { binary, site: console.site }, &options).await
        }
        What::All => {
            page::run(&console, &page::Options::default()).await?;
            lists::run(&console, &lists::Options::default()).await?;
            latency::run(&console, &latency::Options::default()).await?;
            viewers::run(&console, &viewers::Options::default()).await?;
            slowloris::run(&console, &slowloris::Options::default()).await?;
            pools::run(&console, &pools::Options::default()).await
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Each viewer is a file descriptor here and another one in the console, which inherits the limit.
fn allow_many_connections() -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("how many connections are allowed is not known")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("the limit of connections cannot be raised")
}
