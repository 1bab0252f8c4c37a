//! The command line as a client of a running console: everything goes through its API, with the rights of whoever signed in.

mod acting;
pub mod backup;
mod client;
mod operation;
mod pools;
mod print;
mod restored;
mod session;
mod token;
mod watch;
mod words;

use acting::Acting;
use clap::{Args, Subcommand, ValueEnum};
use client::Client;
use print::Out;
use std::{path::PathBuf, process::ExitCode};
use switchback_domain::{
    CheckKind, Confirmation, MemberName, PoolId, SiteId,
    operation::{MemberOrder, OperationId},
};

/// What `--help` says at its end.
pub const EXIT_CODES: &str = "\
Exit codes of the commands that ask a running console:
  0  done
  1  wrong use, not signed in, or the console cannot be reached or failed
  2  refused: nothing has happened (`check`: a check does not pass; `plan`: something stands in the way)
  3  undone or cancelled before its point of no return
  4  the operation needs a person
  5  the operation failed or was abandoned

They sign in with what `sign-in` keeps, or with the token in SWITCHBACK_TOKEN.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done = 0,
    Trouble = 1,
    Refused = 2,
    Undone = 3,
    NeedsPerson = 4,
    Failed = 5,
}

impl From<End> for ExitCode {
    fn from(end: End) -> ExitCode {
        ExitCode::from(end as u8)
    }
}

/// Which console is asked, and how answers look.
#[derive(Debug, Args)]
#[command(next_help_heading = "Commands that ask a running console")]
pub struct Reach {
    /// Where the console is.
    #[arg(long, env = "SWITCHBACK_URL", value_name = "URL", default_value = "http://127.0.0.1:8480", global = true)]
    url: String,
    /// Certificates of the authority that the console's certificate comes from, as PEM; else the machine's own.
    #[arg(long, env = "SWITCHBACK_CA_FILE", value_name = "FILE", global = true)]
    ca_file: Option<PathBuf>,
    /// Answers as JSON: one document, or one on each line where something is followed.
    #[arg(long, global = true)]
    json: bool,
}

/// What can be asked of a running console.
#[derive(Debug, Subcommand)]
pub enum Ask {
    /// Signs in and keeps the session in a file that only you can read.
    SignIn {
        /// The sign-in name.
        login: String,
        /// A file with the password; else it is asked for without echo.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Signs out and forgets the session.
    SignOut,
    /// All pools on a line each, the one in the worst state first.
    Pools,
    /// A pool at this instant.
    Show {
        /// Which pool.
        pool: PoolId,
    },
    /// Whether a pool is ready for a planned operation.
    Check {
        /// Which pool.
        pool: PoolId,
    },
    /// What would be done. Nothing happens.
    Plan {
        /// Which pool.
        pool: PoolId,
        /// What for.
        kind: Kind,
        /// The site that becomes active, that goes on, or that is worked on.
        #[arg(long, visible_aliases = ["site", "keep"], value_name = "SITE")]
        to: Option<SiteId>,
        /// For `members`: a member and what it shall do (`ready`, `drain`, `maintenance`), as often as needed.
        #[arg(value_names = ["MEMBER", "ORDER"], num_args = 2..)]
        changes: Vec<String>,
    },
    /// Makes the other site active without losing anything.
    Switchover {
        /// Which pool.
        pool: PoolId,
        /// The site that becomes active.
        #[arg(long, value_name = "SITE")]
        to: SiteId,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Makes the other site active although the active one may be gone. Something may be lost.
    Failover {
        /// Which pool.
        pool: PoolId,
        /// The site that becomes active.
        #[arg(long, value_name = "SITE")]
        to: SiteId,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Brings the pool back to its home site; re-protects that first if needed.
    Failback {
        /// Which pool.
        pool: PoolId,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Ends a split brain: one site goes on, the other one is fenced. What only that one has written leaves the pool.
    Resolve {
        /// Which pool.
        pool: PoolId,
        /// The site that goes on.
        #[arg(long, value_name = "SITE")]
        keep: SiteId,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Makes a site a standby of the active one.
    Reprotect {
        /// Which pool.
        pool: PoolId,
        /// The site that shall follow; else the one that is not active.
        #[arg(long, value_name = "SITE")]
        site: Option<SiteId>,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Makes the mirror of a site its leader.
    LocalSwitchover {
        /// Which pool.
        pool: PoolId,
        /// Which site.
        #[arg(long, value_name = "SITE")]
        site: SiteId,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// Tells members what to do: `members chat-core dc-a member-1 drain member-2 ready`.
    Members {
        /// Which pool.
        pool: PoolId,
        /// Which site.
        site: SiteId,
        /// A member and what it shall do (`ready`, `drain`, `maintenance`), as often as needed.
        #[arg(required = true, num_args = 2.., value_names = ["MEMBER", "ORDER"])]
        changes: Vec<String>,
        /// Why, and what is taken upon oneself.
        #[command(flatten)]
        acting: Acting,
    },
    /// What a restored store says about a pool, beside what its engines say now. Ends with 2 while it is not confirmed.
    Restored {
        /// Which pool.
        pool: PoolId,
    },
    /// Confirms that what a restored store says about a pool is still so: from then on the console acts on it again.
    ConfirmRestored {
        /// Which pool.
        pool: PoolId,
        /// How you know.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// A site whose stored fence is not so any more, as often as needed: it is lifted with the confirmation.
        #[arg(long, value_name = "SITE")]
        lift: Vec<SiteId>,
        /// A site that must not come back as active although the store does not say so, as often as needed: it is fenced with the confirmation.
        #[arg(long, value_name = "SITE")]
        fence: Vec<SiteId>,
        /// The engines do not say which site is active, and you know from elsewhere that the store is right.
        #[arg(long)]
        unseen: bool,
    },
    /// Operations, newest first.
    Operations {
        /// Only of this pool.
        pool: Option<PoolId>,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        most: u32,
    },
    /// One operation.
    #[command(subcommand)]
    Operation(About),
}

/// What can be done with an operation.
#[derive(Debug, Subcommand)]
pub enum About {
    /// Follows it until it ends or needs a person.
    Watch {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// How far it has come and what it saw.
    Show {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// Lets it stop at the next place where it may.
    Pause {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// Lets it go on.
    Resume {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// Ends it without the point of no return and takes back what was done.
    Cancel {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// Answers its question: begin the step again.
    Retry {
        /// Which, such as op-0042.
        operation: OperationId,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Answers its question.
    Answer {
        /// Which, such as op-0042.
        operation: OperationId,
        /// What; the question says what it offers.
        choice: Answer,
        /// The number of the question; else the one that is open.
        #[arg(long)]
        question: Option<u32>,
        /// Why. Skipping, attesting, confirming, giving up and abandoning need one.
        #[arg(long, default_value = "")]
        reason: String,
        /// The name of the site that loses what is given up, instead of typing it when asked.
        #[arg(long, value_name = "SITE")]
        confirm_site: Option<String>,
    },
    /// What it achieved.
    Report {
        /// Which, such as op-0042.
        operation: OperationId,
    },
    /// What it keeps for people, such as the rows that only a lost timeline had.
    Evidence {
        /// Which, such as op-0042.
        operation: OperationId,
        /// Of these, the one to write to standard output; else they are listed. Reading it is noted in the audit history.
        name: Option<String>,
    },
}

/// What may be answered to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Begin the step again. It looks for its effect first.
    Retry,
    /// Go on without the step.
    Skip,
    /// Take back what was done.
    Undo,
    /// The site that cannot be reached is known to be off: go on.
    Attest,
    /// What had to be done by hand is done: go on.
    Confirm,
    /// Give up what could not be saved of a site that is about to be rewound: go on.
    #[value(alias = "give_up")]
    GiveUp,
    /// End the operation here.
    Abandon,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Make the other site active without losing anything.
    Switchover,
    /// Make the other site active although the active one may be gone.
    Failover,
    /// Bring the pool back to its home site.
    Failback,
    /// Both sites accept writes: let one go on and fence the other one.
    Resolve,
    /// Make a site a standby of the active one.
    Reprotect,
    /// Make the mirror of a site its leader.
    #[value(alias = "local_switchover")]
    LocalSwitchover,
    /// Tell members what to do.
    Members,
}

/// Why a command did not get its answer.
#[derive(Debug)]
enum Failure {
    /// It is for whoever typed the command to put right.
    Trouble(String),
    /// The session has ended; somebody has to sign in.
    SessionEnded(String),
    /// The network or the console is away.
    Unreachable(String),
    /// The console said no.
    Refused(client::Answer),
}

type Outcome = Result<End, Failure>;

/// Asks a running console and prints what it says.
pub async fn run(ask: Ask, reach: Reach) -> ExitCode {
    let out = Out::new(reach.json);
    let outcome = match Client::new(&reach) {
        Ok(client) => answer(ask, &client, &out).await,
        Err(failure) => Err(failure),
    };
    outcome.unwrap_or_else(|failure| out.failure(&failure)).into()
}

async fn answer(ask: Ask, client: &Client, out: &Out) -> Outcome {
    use acting::Wanted;
    match ask {
        Ask::SignIn { login, password_file } => session::sign_in(client, out, &login, password_file.as_deref()).await,
        Ask::SignOut => session::sign_out(client, out).await,
        Ask::Pools => pools::all(client, out).await,
        Ask::Show { pool } => pools::show(client, out, &pool).await,
        Ask::Check { pool } => pools::check(client, out, &pool).await,
        Ask::Plan { pool, kind, to, changes } => acting::plan(client, out, &pool, &Wanted::planned(kind, to, orders(&changes)?)?).await,
        Ask::Switchover { pool, to, acting } => acting::act(client, out, &pool, &Wanted::Switchover(to), acting).await,
        Ask::Failover { pool, to, acting } => acting::act(client, out, &pool, &Wanted::Failover(to), acting).await,
        Ask::Failback { pool, acting } => acting::act(client, out, &pool, &Wanted::Failback(None), acting).await,
        Ask::Resolve { pool, keep, acting } => acting::act(client, out, &pool, &Wanted::Resolve(keep), acting).await,
        Ask::Reprotect { pool, site, acting } => acting::act(client, out, &pool, &Wanted::Reprotect(site), acting).await,
        Ask::LocalSwitchover { pool, site, acting } => acting::act(client, out, &pool, &Wanted::LocalSwitchover(site), acting).await,
        Ask::Members { pool, site, changes, acting } => {
            acting::act(client, out, &pool, &Wanted::Members(site, orders(&changes)?), acting).await
        }
        Ask::Restored { pool } => restored::show(client, out, &pool).await,
        Ask::ConfirmRestored { pool, reason, lift, fence, unseen } => {
            restored::confirm(client, out, &pool, &Confirmation { reason, lift, fence, unseen }).await
        }
        Ask::Operations { pool, most } => operation::all(client, out, pool.as_ref(), most).await,
        Ask::Operation(about) => operation::about(client, out, about).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a command waits before it asks again")]
async fn pause(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}

/// Pairs of a member and what it shall do.
fn orders(words: &[String]) -> Result<Vec<(MemberName, MemberOrder)>, Failure> {
    let usage =
        |why: String| Failure::Trouble(format!("{why}; name members and what they shall do in turn: MEMBER ready|drain|maintenance"));
    let pair = |pair: &[String]| {
        let [member, order] = pair else { return Err(usage(format!("what shall {:?} do?", pair.concat()))) };
        let member = member.parse().map_err(|error| usage(format!("{error}")))?;
        let order = serde_json::from_value(order.as_str().into()).map_err(|_| usage(format!("nobody can be told {order:?}")))?;
        Ok((member, order))
    };
    words.chunks(2).map(pair).collect()
}

/// Reads the name of a check, such as `archive_ships`.
fn check_kind(text: &str) -> Result<CheckKind, String> {
    let known = || CheckKind::ALL.map(|kind| words::word(&kind)).join(", ");
    serde_json::from_value(text.replace('-', "_").into()).map_err(|_| format!("the checks are {}", known()))
}
