//! The console under measurement: the real program, in a folder of its own, with somebody signed in.

use crate::{SETTLE, client::Connection, engines::Pool, usage::Usage};
use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

/// The console's start, store and all, takes less than this.
const START_WITHIN: Duration = Duration::from_secs(30);

/// With a store that an older version has filled.
const START_AGAIN_WITHIN: Duration = Duration::from_mins(3);

/// It says itself that it goes within 5 seconds.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// Where the program is, and what it serves.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub console: PathBuf,
    /// Its folder of scripts and style.
    pub site: PathBuf,
}

/// A console that runs until this is dropped.
pub struct Console {
    process: Child,
    folder: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    cookie: String,
}

impl Console {
    /// Starts it with these pools and signs somebody in.
    pub async fn start(program: &Program, pools: &[Pool]) -> anyhow::Result<Console> {
        Console::begin(program, pools, None).await
    }

    /// The same with so many open files at most.
    pub async fn start_with_files(program: &Program, pools: &[Pool], files: u32) -> anyhow::Result<Console> {
        Console::begin(program, pools, Some(files)).await
    }

    async fn begin(program: &Program, pools: &[Pool], files: Option<u32>) -> anyhow::Result<Console> {
        let executable = program.console.canonicalize().with_context(|| {
            format!("there is no console at {}; build it with `cargo leptos build --release`", program.console.display())
        })?;
        let folder = tempfile::Builder::new().prefix("switchback-bench-").tempdir()?;
        // A port that was free a moment ago; should somebody take it meanwhile, the console says so.
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut configuration =
            format!("[server]\nlisten = \"{free}\"\npublic_url = \"http://{free}\"\n[store]\nurl = \"sqlite:switchback.db\"\n");
        configuration.extend(pools.iter().map(Pool::configuration));
        fs::write(folder.path().join("switchback.toml"), configuration)?;
        let password = folder.path().join("password");
        fs::write(&password, "not asked for")?;
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600))?;
        let process = serve(program, &executable, folder.path(), files)?;
        let mut console = Console { process, folder, address: free, cookie: String::new() };
        let secret = console.set_up_secret().await?;
        console.cookie = console.sign_in(&secret).await?;
        Ok(console)
    }

    /// Ends it, lets something happen to its store meanwhile, and starts it again. Gives how long it took until it was ready.
    pub async fn start_again(
        &mut self,
        program: &Program,
        meanwhile: impl AsyncFnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Duration> {
        kill(Pid::from_raw(i32::try_from(self.process.id())?), Signal::SIGTERM)?;
        let began = Instant::now();
        while self.process.try_wait()?.is_none() {
            if began.elapsed() > LEAVE_WITHIN {
                bail!("the console does not end");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        meanwhile(&self.folder.path().join("switchback.db")).await?;
        let began = Instant::now();
        self.process = serve(program, &program.console.canonicalize()?, self.folder.path(), None)?;
        loop {
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection.ask("GET", "/health/ready", &[], "").await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(began.elapsed());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the console ended at once ({status}):\n{}", self.output());
            }
            if began.elapsed() > START_AGAIN_WITHIN {
                bail!("the console does not become ready:\n{}", self.output());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What it said so far, for people who look for a cause.
    fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }

    async fn set_up_secret(&mut self) -> anyhow::Result<String> {
        let began = Instant::now();
        loop {
            let link = fs::read_to_string(self.folder.path().join("set-up-link")).unwrap_or_default();
            if let Some(secret) = link.split_once("/set-up/").and_then(|(_, secret)| secret.strip_suffix('\n')) {
                return Ok(secret.to_owned());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the console ended at once ({status}):\n{}", self.output());
            }
            if began.elapsed() > START_WITHIN {
                bail!("the console writes no set-up link:\n{}", self.output());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn sign_in(&self, secret: &str) -> anyhow::Result<String> {
        let began = Instant::now();
        let mut connection = loop {
            match Connection::open(self.address).await {
                Ok(connection) => break connection,
                Err(error) if began.elapsed() > START_WITHIN => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let form = format!("secret={secret}&login=bench&name=Bench&password=correct+horse+battery+staple");
        let headers = [format!("origin: http://{}", self.address), "content-type: application/x-www-form-urlencoded".to_owned()];
        let answer = connection.ask("POST", "/set-up", &headers, &form).await?;
        let cookies = answer.header("set-cookie").unwrap_or_default();
        let cookie = cookies.lines().find(|cookie| cookie.contains("switchback=")).and_then(|cookie| cookie.split(';').next());
        match cookie {
            Some(cookie) if answer.status == 303 => Ok(cookie.to_owned()),
            _ => bail!("setting up answers {} {:?}:\n{}", answer.status, answer.header("location"), self.output()),
        }
    }

    /// The headers of a question by whoever is signed in.
    pub fn headers(&self) -> Vec<String> {
        vec![format!("cookie: {}", self.cookie)]
    }

    /// Waits until it runs evenly, and makes sure that it understands what it observes: the figures of a console that does
    /// not are worth nothing.
    pub async fn settle(&self, pool: &Pool) -> anyhow::Result<()> {
        tokio::time::sleep(SETTLE).await;
        let connection = Connection::open(self.address).await?;
        let (mut stream, mut whole) = connection.listen(&format!("/live/pools/{}", pool.id), &self.headers()).await?;
        let read = async {
            while !whole.windows(2).any(|end| end == b"\n\n") && stream.read_buf(&mut whole).await? > 0 {}
            anyhow::Ok(())
        };
        tokio::time::timeout(SETTLE, read).await.context("the console sends no event")??;
        let text = String::from_utf8_lossy(&whole);
        let fresh = text.matches(r#""knowledge":{"fresh""#).count();
        if fresh < pool.endpoints() || [r#""knowledge":{"stale""#, r#""knowledge":{"missing""#].iter().any(|bad| text.contains(bad)) {
            bail!("the console does not understand the recorded engines; {}\n{text}", self.complaints());
        }
        Ok(())
    }

    /// What it uses.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.process.id())
    }

    /// How many lines of its log tell of something wrong, and the first of them: what went wrong explains odd figures.
    pub fn complaints(&self) -> String {
        let output = self.output();
        let mut wrong = output.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        match wrong.next() {
            None => "no complaints in the console's log".to_owned(),
            Some(first) => format!("{} complaints in the console's log, the first: {first}", 1 + wrong.count()),
        }
    }
}

fn serve(program: &Program, executable: &Path, folder: &Path, files: Option<u32>) -> anyhow::Result<Child> {
    let output = fs::File::options().create(true).append(true).open(folder.join("output"))?;
    let limited = files.map(|files| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(executable);
        command
    });
    let process = limited
        .unwrap_or_else(|| Command::new(executable))
        .arg("serve")
        .arg("--config")
        .arg(folder.join("switchback.toml"))
        .arg("--site")
        .arg(&program.site)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    Ok(process)
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let began = Instant::now();
        while let Ok(None) = self.process.try_wait() {
            if began.elapsed() > LEAVE_WITHIN {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
