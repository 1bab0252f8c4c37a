//! Switchback: a console for the disaster recovery of stretched pools.

// The types of pages are as deep as the pages are nested.
#![recursion_limit = "512"]

use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use switchback_server::{
    cli::{self, Ask, Reach},
    http::Site,
    log, run,
};

#[derive(Parser)]
#[command(version, about = "A console for the disaster recovery of stretched pools", after_help = cli::EXIT_CODES)]
struct Command {
    #[command(flatten)]
    reach: Reach,
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
    /// Makes the tables of a store in PostgreSQL or brings them up to date, as their owner; the console's own user need not own them.
    MigrateStore {
        /// A file with the owner's address, such as `postgres://OWNER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "FILE")]
        url_file: PathBuf,
        /// The console's user.
        #[arg(long, value_name = "USER", default_value = "switchback")]
        console: String,
    },
    /// Puts the guards of the audit history back: triggers of the store that are missing, switched off or changed. The console may run.
    RepairGuards {
        /// Why, for the audit history.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// A file with the address of the tables' owner, such as `postgres://OWNER:PASSWORD@HOST/DATABASE`, where the console's user does not own
        /// them.
        #[arg(long, value_name = "FILE")]
        url_file: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Copies the console's store into a new file that only you can read, and looks through it. The console may run.
    Backup {
        /// The new file. It is never overwritten.
        #[arg(value_name = "FILE")]
        to: PathBuf,
        /// Why, for the audit history.
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Puts a backup in the place of the console's store, which is kept beside it. The console must not run.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        from: Option<PathBuf>,
        /// Why, for the audit history.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The store was put back by other means, such as `pg_restore` or a snapshot of the machine: only note that it was restored.
        #[arg(long, conflicts_with = "from")]
        loaded: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    #[command(flatten)]
    Ask(Ask),
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long = "config", env = "SWITCHBACK_CONFIG", value_name = "FILE", default_value = "switchback.toml")]
    file: PathBuf,
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(told) => {
            // Nothing can be said about an output that is gone. Wrong use is 1, because 2 says that a console refused.
            let _ = told.print();
            return ExitCode::from(u8::from(told.use_stderr()));
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("switchback: {}", switchback_domain::text::visible(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(Command { what, reach }: Command) -> anyhow::Result<ExitCode> {
    if let What::CheckConfig { file } = what {
        return Ok(run::check_config(&file));
    }
    // Every connection with TLS needs to know once who does the arithmetic; the only way to fail is to be told twice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let What::Ask(ask) = what {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let code = runtime.block_on(cli::run(ask, reach));
        runtime.shutdown_background();
        return Ok(code);
    }
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
        What::MigrateStore { url_file, console } => {
            log::start(log::Format::Text, Some("warn"))?;
            runtime.block_on(cli::backup::migrate_store(&url_file, &console))
        }
        What::RepairGuards { reason, url_file, config } => {
            log::start(log::Format::Text, Some("warn"))?;
            runtime.block_on(cli::backup::repair_guards(&config.file, url_file.as_deref(), &reason))
        }
        What::Backup { to, reason, config } => {
            log::start(log::Format::Text, Some("warn"))?;
            runtime.block_on(cli::backup::back_up(&config.file, &to, &reason))
        }
        What::Restore { from, reason, loaded, config } => {
            log::start(log::Format::Text, Some("warn"))?;
            runtime.block_on(cli::backup::restore(&config.file, from.as_deref(), loaded, &reason))
        }
        What::CheckConfig { .. } | What::Ask(_) => unreachable!("answered above"),
    };
    // Whatever still blocks a thread must not keep the process.
    runtime.shutdown_background();
    code
}
