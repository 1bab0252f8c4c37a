//! The lab as a command.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use switchback_lab::{ConsoleConfig, Lab, LabError, Node, Options, Place, Site, Stop, Target, Way, archive, slow};

/// Two sites of real Patroni, PostgreSQL, etcd, HAProxy and chat servers on this machine.
#[derive(Parser)]
#[command(name = "switchback-lab", version)]
struct Arguments {
    /// The folder that holds everything of the lab.
    #[arg(long, global = true, env = "SWITCHBACK_LAB_DIR", default_value = "/tmp/switchback-lab")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a lab; returns when everything streams.
    Up {
        /// Stay, and take everything down on Ctrl-C.
        #[arg(long)]
        foreground: bool,
        /// Encrypt nothing; otherwise Patroni's REST API, PostgreSQL, etcd and HAProxy's runtime API speak TLS, with an authority of the lab's own.
        #[arg(long)]
        no_tls: bool,
        /// Tells several labs on one machine apart (0 to 24); each needs a folder of its own.
        #[arg(long, env = "SWITCHBACK_LAB_INSTANCE", default_value_t = 0)]
        instance: u8,
        /// Run this version of Patroni instead of the usual one; ./setup full installs 4.0.7.
        #[arg(long)]
        patroni: Option<String>,
        /// Use loopback addresses instead of networks, even as root.
        #[arg(long)]
        loopback: bool,
    },
    /// End everything the lab started and remove its networks and data.
    Down {
        /// Remove logs, passwords, the console's store and the lab's users too.
        #[arg(long)]
        purge: bool,
    },
    /// Show what the lab looks like now.
    Status {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// End a site (a), node (a1) or service (etcd-a, share-a, haproxy-a, member-a1, patroni-a1, postgres-a1) at once.
    Kill { target: Target },
    /// Start again what was killed.
    Revive { target: Target },
    /// Stop a site, node or service in its tracks; connections stay open.
    Freeze { target: Target },
    /// Let go on what was frozen.
    Thaw { target: Target },
    /// Silently drop every packet between two of the places a, b, console, clients (only a lab that root has started).
    Cut { x: Place, y: Place },
    /// Answer every TCP packet between two of these places with a reset, as if each refused the other (only a lab that root has started).
    Reset { x: Place, y: Place },
    /// End a cut or resets.
    Heal { x: Place, y: Place },
    /// Keep every packet between two places for a while, and lose some; 0 and 0 ends it (only a lab that root has started).
    Slow {
        x: Place,
        y: Place,
        /// How long in each direction, in milliseconds.
        #[arg(long, default_value_t = 0)]
        delay_ms: u64,
        /// How many packets of a hundred are lost.
        #[arg(long, default_value_t = 0.0)]
        loss: f64,
    },
    /// Drop replication between the sites and nothing else: WAL files still travel (only a lab that root has started).
    StallReplication,
    /// End a stall.
    ResumeReplication,
    /// Let a standby node receive but not replay.
    PauseReplay { node: Node },
    /// Let it replay again.
    ResumeReplay { node: Node },
    /// Wipe a site's database cluster and bring it back as standby of the other site.
    Rebuild { site: String },
    /// Print the console's configuration for this lab.
    ConsoleConfig {
        /// Where the console shall listen.
        #[arg(long, default_value = "127.0.0.1:8480")]
        listen: String,
        /// The URL of the console's store; a file in the lab's folder without.
        #[arg(long)]
        store: Option<String>,
    },
    /// Write numbered rows (or talk in a chat room) through the pool's endpoints, and judge in the end what was lost.
    Load {
        /// How long; until Ctrl-C without.
        #[arg(long)]
        seconds: Option<u64>,
        /// Talk in a chat room through the members instead of writing rows.
        #[arg(long)]
        chat: bool,
        /// Write directly at the nodes, whichever is out of recovery, instead of through the sites' write endpoints.
        #[arg(long, conflicts_with = "chat")]
        direct: bool,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Store the raw answer of every endpoint in a folder.
    #[command(hide = true)]
    Record { folder: PathBuf },
    #[command(hide = true)]
    ShipWal {
        #[arg(long)]
        to: SocketAddr,
        file: PathBuf,
        name: String,
    },
    #[command(hide = true)]
    ReceiveWal {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        share: PathBuf,
    },
    #[command(hide = true)]
    SlowLink {
        #[arg(long)]
        device: String,
        #[arg(long)]
        delay_ms: u64,
        #[arg(long)]
        loss_percent: f64,
    },
    #[command(hide = true)]
    CleanWal {
        #[arg(long)]
        share: PathBuf,
        #[arg(long)]
        keep: usize,
        oldest_needed: String,
    },
}

fn main() -> ExitCode {
    let Err(error) = start(Arguments::parse()) else { return ExitCode::SUCCESS };
    // The lab's own errors already name their cause; those of the command line say it in their chain.
    match error.downcast_ref::<LabError>() {
        Some(error) => eprintln!("switchback-lab: {error}"),
        None => eprintln!("switchback-lab: {error:#}"),
    }
    ExitCode::FAILURE
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    // These run often or for ever, inside the sites, and need no runtime.
    match &arguments.command {
        Command::ShipWal { to, file, name } => return Ok(archive::ship(file, name, *to)?),
        Command::ReceiveWal { listen, share } => return Ok(archive::receive(*listen, share)?),
        Command::CleanWal { share, keep, oldest_needed } => return Ok(archive::clean(share, oldest_needed, *keep)?),
        Command::SlowLink { device, delay_ms, loss_percent } => return Ok(slow::run_slow_link(device, *delay_ms, *loss_percent)?),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("making a runtime")?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let dir = std::path::absolute(&arguments.dir).context("the lab's folder")?;
    let lab = || Lab::open(&dir);
    match arguments.command {
        Command::Up { foreground, no_tls, instance, patroni, loopback } => {
            let mut options = Options::new(&dir);
            options.tls = !no_tls;
            options.instance = instance;
            options.patroni = patroni;
            options.loopback |= loopback;
            up(options, foreground).await?;
        }
        Command::Down { purge } => Lab::down(&dir, purge)?,
        Command::Status { json } => {
            let status = lab()?.status().await?;
            if json { println!("{}", serde_json::to_string_pretty(&status)?) } else { print!("{}", status.table()) }
        }
        Command::Kill { target } => lab()?.kill(target).await?,
        Command::Revive { target } => lab()?.revive(target)?,
        Command::Freeze { target } => lab()?.freeze(target),
        Command::Thaw { target } => lab()?.thaw(target),
        Command::Cut { x, y } => lab()?.cut(x, y)?,
        Command::Reset { x, y } => lab()?.reset(x, y)?,
        Command::Heal { x, y } => lab()?.heal(x, y)?,
        Command::Slow { x, y, delay_ms, loss } => lab()?.slow(x, y, delay_ms, loss).await?,
        Command::StallReplication => lab()?.stall_replication()?,
        Command::ResumeReplication => lab()?.resume_replication()?,
        Command::PauseReplay { node } => lab()?.pause_replay(node)?,
        Command::ResumeReplay { node } => lab()?.resume_replay(node)?,
        Command::Rebuild { site } => {
            let site = Site::BOTH.into_iter().find(|one| one.letter() == site).context("the sites are a and b")?;
            lab()?.rebuild(site).await?;
        }
        Command::ConsoleConfig { listen, store } => {
            print!("{}", lab()?.console_config(&ConsoleConfig { listen, store, policy: String::new() }));
        }
        Command::Load { seconds, chat, direct, json } => {
            let way = if direct { Way::direct() } else { Way::Proxies };
            load(&lab()?, seconds, (!chat).then_some(way), json).await?;
        }
        Command::Record { folder } => println!("{} answers recorded", lab()?.record(&folder).await?.len()),
        Command::ShipWal { .. } | Command::ReceiveWal { .. } | Command::CleanWal { .. } | Command::SlowLink { .. } => {}
    }
    Ok(())
}

/// `way` is how the rows get to the primary; nothing: talk in a chat room.
async fn load(lab: &Lab, seconds: Option<u64>, way: Option<Way>, json: bool) -> anyhow::Result<()> {
    let stop = Stop::default();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.stop();
        }
    });
    let what = if way.is_some() { "rows" } else { "messages" };
    let verdict = match way {
        Some(way) => lab.load_by(way, seconds, stop).await?.verdict,
        None => lab.load_chat(seconds, stop).await?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&verdict)?);
    } else {
        print!("{}", verdict.lines(what));
    }
    Ok(())
}

async fn up(options: Options, foreground: bool) -> anyhow::Result<()> {
    let dir = options.dir.clone();
    let say = |line: &str| println!("{line}");
    if !foreground {
        Lab::up(options, &say).await?;
        return Ok(());
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("listening for SIGTERM")?;
    let outcome = tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
        outcome = stay(options, &say) => outcome,
    };
    println!("taking the lab down");
    Lab::down(&dir, false)?;
    outcome
}

/// Starts the lab and never returns when that worked.
async fn stay(options: Options, say: &(dyn Fn(&str) + Sync)) -> anyhow::Result<()> {
    Lab::up(options, say).await?;
    std::future::pending().await
}
