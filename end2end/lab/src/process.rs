//! Starting, finding and ending the lab's processes, and never anybody else's.
//!
//! A record of a process is its number and the moment it started: a number that was given to another process since then does
//! not match. Every process carries a mark in its environment as well, for the case that the lab died before it wrote the record.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command;
use crate::error::{Doing, Result};
use crate::layout::Layout;
use crate::places::{Node, Place, Service, Site};

/// The variable whose value is `<folder of the lab>|<service>` in every process that the lab starts.
pub(crate) const MARK: &str = "SWITCHBACK_LAB_SERVICE";

/// A process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Process number.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub started_ticks: u64,
}

/// What the system says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `T` and so on.
    pub state: char,
    /// The process that started it, or adopted it.
    pub parent: i32,
    /// When it started, in clock ticks since boot.
    pub started_ticks: u64,
}

/// Reads `/proc/<pid>/stat`. The name in it may contain anything, so that parsing begins after its last parenthesis.
pub(crate) fn parse_stat(text: &str) -> Option<Stat> {
    let rest = &text[text.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started_ticks: fields.get(19)?.parse().ok()?,
    })
}

pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?).filter(|stat| stat.state != 'Z')
}

impl Process {
    /// The process that has this number now.
    pub(crate) fn now(pid: i32) -> Option<Self> {
        stat(pid).map(|stat| Self { pid, started_ticks: stat.started_ticks })
    }

    /// The state of this very process, or nothing when it has ended.
    pub(crate) fn state(self) -> Option<char> {
        stat(self.pid).filter(|stat| stat.started_ticks == self.started_ticks).map(|stat| stat.state)
    }

    /// Whether this very process still runs.
    pub fn is_alive(self) -> bool {
        self.state().is_some()
    }

    pub(crate) fn signal(self, signal: Signal) {
        if self.is_alive() {
            // It may end between the look and the signal; then there is nothing left to do.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    fn to_record(self) -> String {
        format!("{} {}\n", self.pid, self.started_ticks)
    }

    fn from_record(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self { pid: words.next()?.parse().ok()?, started_ticks: words.next()?.parse().ok()? })
    }
}

/// A service to start.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Its name, for record, mark and log.
    pub name: String,
    /// The place it runs in; the router for a slow link.
    pub namespace: Option<String>,
    /// The user it runs as; the caller's own when nothing.
    pub user: Option<String>,
    pub program: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
}

impl Launch {
    /// A service of a site, as that site's user, in that site's network.
    pub fn of(layout: &Layout, service: Service, program: impl Into<String>) -> Self {
        Self {
            name: service.to_string(),
            namespace: layout.namespace(Place::from(service.site())),
            user: layout.user(service.site()),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }
}

/// The words that start a program as another user in another network. Each of them becomes the next one, so that the process
/// number stays the same all the way down to the program.
pub(crate) fn chain(launch: &Launch) -> Vec<String> {
    let mut words: Vec<String> = vec!["setsid".into()];
    if launch.namespace.is_some() || nix::unistd::geteuid().is_root() {
        // On a busy machine the services of the lab come before compilers, or a missed deadline would look like a failure.
        words.extend(["nice", "-n", "-5"].map(String::from));
    }
    if let Some(namespace) = &launch.namespace {
        words.extend(["nsenter".to_owned(), format!("--net=/run/netns/{namespace}")]);
    }
    if let Some(user) = &launch.user {
        words.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()]);
    }
    words.push(launch.program.clone());
    words.extend(launch.args.iter().cloned());
    words
}

/// Starts a service in a session of its own and records it. Starting what already runs changes nothing.
pub(crate) fn start(layout: &Layout, launch: &Launch) -> Result<Process> {
    if let Some(process) = recorded(layout, &launch.name) {
        return Ok(process);
    }
    let log_path = layout.log(&launch.name);
    let log = fs::OpenOptions::new().create(true).append(true).open(&log_path).doing(|| format!("opening {}", log_path.display()))?;
    let error_log = log.try_clone().doing(|| "sharing a log".to_owned())?;
    let words = chain(launch);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(log).stderr(error_log).current_dir("/");
    // Nothing of the caller's environment: a service must not depend on who started the lab.
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
    command.env(MARK, mark(layout, &launch.name)).envs(launch.env.iter().map(|(name, value)| (name, value)));
    let child = command.spawn().doing(|| format!("starting {}", launch.name))?;
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let process =
        Process::now(pid).ok_or_else(|| std::io::Error::other("it ended at once")).doing(|| format!("starting {}", launch.name))?;
    let record = layout.pid_file(&launch.name);
    fs::write(&record, process.to_record()).doing(|| format!("writing {}", record.display()))?;
    // The child is waited for here if it ends while the lab's own process lives, so that it does not linger as a zombie.
    std::thread::spawn(move || {
        let mut child = child;
        let _ = child.wait();
    });
    Ok(process)
}

fn mark(layout: &Layout, name: &str) -> String {
    format!("{}|{name}", layout.dir().display())
}

/// The recorded process of a service, if that very process still runs.
pub(crate) fn recorded(layout: &Layout, name: &str) -> Option<Process> {
    let text = fs::read_to_string(layout.pid_file(name)).ok()?;
    Process::from_record(&text).filter(|process| process.is_alive())
}

/// Forgets a service that has ended.
pub(crate) fn forget(layout: &Layout, name: &str) {
    let _ = fs::remove_file(layout.pid_file(name));
}

/// The processes that make up a service now, parents first.
pub(crate) fn of_service(layout: &Layout, service: Service) -> Vec<Process> {
    let first = match service {
        Service::Postgres(node) => postmaster(layout, node),
        _ => recorded(layout, &service.to_string()),
    };
    // Patroni's PostgreSQL is a service of its own; HAProxy's and PostgreSQL's workers belong to them.
    let Some(first) = first else { return Vec::new() };
    if matches!(service, Service::Patroni(_)) { vec![first] } else { family(first) }
}

/// A process and everything below it.
fn family(first: Process) -> Vec<Process> {
    let parents: BTreeMap<i32, i32> = all_pids().into_iter().filter_map(|pid| stat(pid).map(|stat| (pid, stat.parent))).collect();
    let mut found = vec![first];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next].pid;
        found.extend(parents.iter().filter(|(_, of)| **of == parent).filter_map(|(pid, _)| Process::now(*pid)));
        next += 1;
    }
    found
}

fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The node's postmaster, if the process in `postmaster.pid` really is one on that folder.
pub(crate) fn postmaster(layout: &Layout, node: Node) -> Option<Process> {
    let data = layout.data_dir(node);
    let pid: i32 = fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()?;
    let process = Process::now(pid)?;
    // Its current folder is its data folder: true for every postmaster, and for nothing else with that number.
    (fs::read_link(format!("/proc/{pid}/cwd")).ok()? == data).then_some(process)
}

/// All processes that carry this lab's mark, whether recorded or not.
pub(crate) fn marked(layout: &Layout) -> Vec<Process> {
    let wanted = format!("{MARK}={}|", layout.dir().display());
    all_pids()
        .into_iter()
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(wanted.as_bytes()))
        })
        .filter_map(Process::now)
        .collect()
}

/// Everything of this lab that runs: by record, by mark, and by PostgreSQL's own records.
pub(crate) fn everything(layout: &Layout) -> Vec<Process> {
    let mut found: Vec<Process> = Service::all().into_iter().flat_map(|service| of_service(layout, service)).collect();
    found.extend(marked(layout));
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    found.retain(|process| process.pid != own);
    found.sort_by_key(|process| process.pid);
    found.dedup();
    found
}

/// Ends processes at once and waits until they are gone.
pub(crate) fn kill_all(processes: &[Process]) {
    for process in processes {
        process.signal(Signal::SIGKILL);
    }
    wait_gone(processes, Duration::from_secs(5));
}

/// Waits until the processes have ended; false when some did not in time.
pub(crate) fn wait_gone(processes: &[Process], within: Duration) -> bool {
    let began = Instant::now();
    loop {
        if processes.iter().all(|process| !process.is_alive()) {
            return true;
        }
        if began.elapsed() > within {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Makes the site's user unless it exists. `PostgreSQL`'s `initdb` wants a name for the number it runs under.
pub(crate) fn ensure_user(layout: &Layout, site: Site) -> Result<()> {
    let Some(user) = layout.user(site) else { return Ok(()) };
    if nix::unistd::User::from_name(&user).doing(|| format!("looking for the user {user}"))?.is_some() {
        return Ok(());
    }
    command::run(
        "useradd",
        &["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", &user],
    )
    .map(drop)
}

/// Gives a file or folder, and all in it, to the site's user.
pub(crate) fn give_to(layout: &Layout, site: Site, path: &Path) -> Result<()> {
    let Some(user) = layout.user(site) else { return Ok(()) };
    command::run("chown", &["-R", &format!("{user}:{user}"), &path.display().to_string()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (a ) b (c) T 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 98765 0 0";
        assert_eq!(parse_stat(text), Some(Stat { state: 'T', parent: 7, started_ticks: 98765 }));
        assert_eq!(parse_stat("42 no parenthesis"), None);
    }

    #[test]
    fn a_reused_process_number_is_not_taken_for_the_recorded_process() {
        let own = i32::try_from(std::process::id()).expect("process numbers are small");
        let now = Process::now(own).expect("this test runs");
        assert!(now.is_alive());
        let earlier = Process { started_ticks: now.started_ticks - 1, ..now };
        assert!(!earlier.is_alive());
        // Would end this test if it were sent.
        earlier.signal(Signal::SIGKILL);
    }

    #[test]
    fn a_record_survives_being_written_and_read() {
        let process = Process { pid: 4711, started_ticks: 123_456_789 };
        assert_eq!(Process::from_record(&process.to_record()), Some(process));
        assert_eq!(Process::from_record("half"), None);
    }

    #[test]
    fn the_chain_enters_the_network_before_it_gives_up_the_rights_to() {
        let launch = Launch {
            name: "etcd-a".into(),
            namespace: Some("swlab-a".into()),
            user: Some("swlab-a".into()),
            program: "etcd".into(),
            args: vec!["--x".into()],
            env: vec![],
        };
        let words = chain(&launch).join(" ");
        assert_eq!(
            words,
            "setsid nice -n -5 nsenter --net=/run/netns/swlab-a setpriv --reuid=swlab-a --regid=swlab-a --clear-groups etcd --x"
        );
    }
}
