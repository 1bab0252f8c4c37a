//! Switchback: a console for the disaster recovery of stretched pools.

// The types of pages are as deep as the pages are nested.
#![recursion_limit = "512"]

use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use switchback_server::{http::Site, log, run};

#[derive(Parser)]
#[command(version, about = "A console for the disaster recovery of stretched pools")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Runs the console.
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// How lines of the log look.
        #[arg(long, env = "SWITCHBACK_LOG_FORMAT", value_enum, default_value_t)]
        log_format: log::Format,
        /// What is logged, such as `info` or `switchback_engine=debug`.
        #[arg(long, env = "SWITCHBACK_LOG")]
        log: Option<String>,
        /// The folder with scripts, style and fonts; found by itself where it is installed.
        #[arg(long, env = "LEPTOS_SITE_ROOT")]
        site: Option<PathBuf>,
    },
    /// Says what is wrong with a configuration, where, and what to do; or what the console would watch.
    CheckConfig {
        /// The configuration.
        file: PathBuf,
    },
    /// Prints a fresh one-time link for making the first administrator, while nobody has an account.
    SetUpLink {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long = "config", env = "SWITCHBACK_CONFIG", value_name = "FILE", default_value = "switchback.toml")]
    file: PathBuf,
}

fn main() -> ExitCode {
    match run(Command::parse().what) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("switchback: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> anyhow::Result<ExitCode> {
    if let What::CheckConfig { file } = what {
        return Ok(run::check_config(&file));
    }
    // Every connection with TLS needs to know once who does the arithmetic; the only way to fail is to be told twice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = match what {
        What::Serve { config, log_format, log, site } => {
            log::start(log_format, log.as_deref())?;
            runtime.block_on(run::serve(&config.file, Site::find(site)))
        }
        What::SetUpLink { config } => {
            log::start(log::Format::Text, Some("warn"))?;
            runtime.block_on(run::set_up_link(&config.file))
        }
        What::CheckConfig { .. } => unreachable!("answered above"),
    };
    // Whatever still blocks a thread must not keep the process.
    runtime.shutdown_background();
    code
}
