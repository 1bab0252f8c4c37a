//! The console as tests and measurements use it: the real program on a lab, with a store of its own, somebody signed in, and its REST
//! interface in the domain's own words.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use switchback_domain::operation::{
    Choice, ControlRequest, Entry, Event, Intent, Operation, OperationId, OperationSummary, Planned, Question, Report, Request, Stage,
};

use crate::between::Between;
use crate::clock::pause;
use crate::console_config::{ConsoleConfig, quoted};
use crate::error::{Doing, LabError, Result};
use crate::http::chain;
use crate::lab::{Lab, make_folder, set_mode, write};
use crate::places::Site;
use crate::process::{self, Launch, Process};

/// The name of the process in the lab's records.
const NAME: &str = "console";
/// The pool's name in the console's configuration for a lab.
pub(crate) const POOL: &str = "chat-core";
const LOGIN: &str = "lab";
const PASSWORD: &str = "correct horse battery staple";
/// The console's start takes less than this on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at the journal: short against the time that a step takes.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where the console's program is, and the folder of scripts and style that it serves.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub binary: PathBuf,
    /// The folder; it may be empty where only the REST interface is used.
    pub site: PathBuf,
}

impl Program {
    /// What `SWITCHBACK_CONSOLE` names, or the debug build beside this crate.
    pub fn find() -> Result<Self> {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let binary = std::env::var_os("SWITCHBACK_CONSOLE").map_or_else(|| root.join("target/debug/switchback"), PathBuf::from);
        let binary = binary.canonicalize().map_err(|_| {
            LabError::Refused(format!("there is no console at {}: build it with `cargo build -p switchback-server`", binary.display()))
        })?;
        Ok(Self { binary, site: root.join("target/site") })
    }
}

/// A console on a lab. It ends with this value.
#[derive(Debug)]
pub struct Console {
    lab: Lab,
    program: Program,
    folder: PathBuf,
    /// Its configuration, as it was first written.
    config: String,
    store: PathBuf,
    address: String,
    client: reqwest::Client,
    token: String,
}

/// An answer of the REST interface.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub kind: String,
    /// The body: JSON, or its text when it is none.
    pub body: Value,
}

impl Console {
    /// Starts one with a new store in the lab's folder, makes its administrator and signs in. `policy` are lines of `[pool.policy]`.
    pub async fn start(lab: &Lab, program: Program, policy: &str) -> Result<Self> {
        let store = format!("sqlite:{}", lab.layout.dir().join("console/switchback.db").display());
        Self::start_with_store(lab, program, policy, &store).await
    }

    /// The same with a store of the caller's: `sqlite:` and a file, which is made anew.
    pub async fn start_with_store(lab: &Lab, program: Program, policy: &str, store: &str) -> Result<Self> {
        let folder = lab.layout.dir().join("console");
        if let Some(old) = process::recorded(&lab.layout, NAME) {
            process::kill_all(&[old]);
        }
        let _ = fs::remove_file(lab.layout.log(NAME));
        make_folder(&folder)?;
        let file = PathBuf::from(store.trim_start_matches("sqlite:"));
        let _ = fs::remove_file(file.with_file_name("set-up-link"));
        for suffix in ["", "-shm", "-wal"] {
            let _ = fs::remove_file(format!("{}{suffix}", file.display()));
        }
        // A port that was free a moment ago; should somebody take it meanwhile, the console says so.
        let listen =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).doing(|| "finding a port".to_owned())?;
        let wanted = ConsoleConfig { listen: listen.to_string(), store: Some(store.to_owned()), policy: policy.to_owned() };
        let path = folder.join("switchback.toml");
        let config = lab.console_config(&wanted);
        write(&path, &config)?;
        set_mode(&path, 0o600)?;
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| LabError::Http { what: "an HTTP client".to_owned(), why: chain(&error) })?;
        let mut console =
            Self { lab: lab.clone(), program, folder, config, store: file, address: listen.to_string(), client, token: String::new() };
        console.launch()?;
        console.set_up().await?;
        console.sign_in().await?;
        Ok(console)
    }

    fn launch(&self) -> Result<Process> {
        let launch = Launch {
            name: NAME.to_owned(),
            namespace: None,
            user: None,
            program: self.program.binary.display().to_string(),
            args: Vec::new(),
            env: Vec::new(),
        };
        let config = self.folder.join("switchback.toml").display().to_string();
        let site = self.program.site.display().to_string();
        let launch = launch.args(["serve", "--config", &config, "--site", &site]).env("SWITCHBACK_LOG", "info");
        process::start(&self.lab.layout, &launch)
    }

    /// Starts it again with somebody between it and every Patroni; with nobody when nothing.
    pub async fn ask_through(&self, between: Option<&Between>) -> Result<()> {
        let config = self.folder.join("switchback.toml");
        let mut text = self.config.clone();
        for (own, other) in between.iter().flat_map(|between| between.addresses()) {
            text = text.replace(&quoted(&own), &quoted(&other));
        }
        self.sigkill();
        write(&config, &text)?;
        set_mode(&config, 0o600)?;
        self.start_again().await
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.lab.layout.log(NAME)).unwrap_or_default()
    }

    /// The end of its log, for a message about something that did not work.
    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn process(&self) -> Option<Process> {
        process::recorded(&self.lab.layout, NAME)
    }

    async fn set_up(&self) -> Result<()> {
        let secret = std::cell::RefCell::new(String::new());
        self.lab
            .wait("the console writes its set-up link", START_WITHIN, async || {
                let link = fs::read_to_string(self.store.with_file_name("set-up-link")).unwrap_or_default();
                match link.split_once("/set-up/").and_then(|(_, secret)| secret.strip_suffix('\n')) {
                    Some(found) => {
                        found.clone_into(&mut secret.borrow_mut());
                        Ok(())
                    }
                    None => Err(self.last_words()),
                }
            })
            .await?;
        let form = format!("secret={}&login={LOGIN}&name=Lab&password={}", secret.borrow(), PASSWORD.replace(' ', "+"));
        let url = format!("http://{}/set-up", self.address);
        self.lab
            .wait("the console takes its administrator", START_WITHIN, async || {
                let request = self.client.post(&url).header("origin", format!("http://{}", self.address));
                let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.clone());
                let response = request.send().await.map_err(|error| chain(&error))?;
                if response.status().as_u16() == 303 { Ok(()) } else { Err(format!("status {}", response.status())) }
            })
            .await
    }

    async fn sign_in(&mut self) -> Result<()> {
        let answer = self.send("POST", "/session", &[], Some(json!({ "login": LOGIN, "password": PASSWORD }).to_string())).await?;
        match answer.body["token"].as_str() {
            Some(token) if answer.status < 300 => {
                token.clone_into(&mut self.token);
                Ok(())
            }
            _ => Err(LabError::Http { what: "signing in at the console".to_owned(), why: answer.to_string() }),
        }
    }

    /// Asks the REST interface (`path` begins behind `/api/v1`) with headers and a body as they are, and returns whatever it says.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Result<Answer> {
        let what = format!("{method} /api/v1{path}");
        let problem = |error: reqwest::Error| LabError::Http { what: what.clone(), why: chain(&error) };
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| LabError::Refused(error.to_string()))?;
        let mut request = self.client.request(method, format!("http://{}/api/v1{path}", self.address));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.map_err(problem)?;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let text = response.text().await.map_err(problem)?;
        Ok(Answer { status, kind, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// What a person reads on a page, in English: its text, with one space between words.
    pub async fn page(&self, path: &str) -> Result<String> {
        let problem = |error: reqwest::Error| LabError::Http { what: format!("GET {path}"), why: chain(&error) };
        let own = format!("http://{}", self.address);
        let form = format!("login={LOGIN}&password={}", PASSWORD.replace(' ', "+"));
        let request = self.client.post(format!("{own}/sign-in")).header("origin", &own).body(form);
        let signed_in = request.header("content-type", "application/x-www-form-urlencoded").send().await.map_err(problem)?;
        let cookies = signed_in.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookies: Vec<&str> = cookies.collect();
        let request = self.client.get(format!("{own}{path}")).header("cookie", cookies.join("; ")).header("accept-language", "en");
        let page = request.send().await.map_err(problem)?;
        let (status, html) = (page.status(), page.text().await.map_err(problem)?);
        if status == reqwest::StatusCode::OK {
            Ok(text_of(&html))
        } else {
            Err(LabError::Http { what: format!("GET {path}"), why: format!("status {status}") })
        }
    }

    /// Asks for something that must work.
    async fn must<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<Value>) -> Result<T> {
        let answer = self.send(method, path, &[], body.map(|body| body.to_string())).await?;
        if answer.status >= 300 {
            return Err(LabError::Http { what: format!("{method} /api/v1{path}"), why: answer.to_string() });
        }
        serde_json::from_value(answer.body).doing(|| format!("the answer to {method} /api/v1{path}"))
    }

    /// The pool as the console sees it.
    pub async fn picture(&self) -> Result<switchback_domain::Picture> {
        self.must("GET", &format!("/pools/{POOL}"), None).await
    }

    /// The plan for what somebody wants.
    pub async fn plan(&self, intent: &Intent) -> Result<Planned> {
        self.must("POST", &format!("/pools/{POOL}/plans"), Some(value(intent)?)).await
    }

    /// Makes the request that somebody would make who has seen the plan, typed the names, and accepts everything.
    pub fn request_for(&self, planned: &Planned, reason: &str) -> Request {
        let side = planned.plan.intent.side();
        let typed_site = side.map(|side| if side == switchback_domain::Side::A { "dc-a" } else { "dc-b" });
        Request {
            pool: planned.plan.pool.clone(),
            intent: planned.plan.intent.clone(),
            plan: planned.hash.clone(),
            planned_at: planned.plan.made_at,
            reason: reason.to_owned(),
            ticket: "LAB-1".to_owned(),
            typed_pool: POOL.to_owned(),
            typed_site: typed_site.unwrap_or_default().to_owned(),
            accepts_loss: true,
            acknowledged: planned.plan.not_passed.iter().map(|(kind, _)| *kind).collect(),
            attestation: String::new(),
            overridden: Vec::new(),
            dry_run: false,
        }
    }

    /// Requests an operation.
    pub async fn request(&self, request: &Request) -> Result<OperationId> {
        let answer: Value = self.must("POST", "/operations", Some(value(request)?)).await?;
        serde_json::from_value(answer["id"].clone()).doing(|| "the number of an operation".to_owned())
    }

    /// Plans and requests, as soon as the plan is possible: the console needs some seconds to see that the pool is whole again.
    /// Returns the number and when the request was sent.
    pub async fn begin(&self, intent: &Intent, attestation: &str) -> Result<(OperationId, Instant)> {
        self.begin_as(intent, |request| attestation.clone_into(&mut request.attestation)).await
    }

    /// Rehearses: the same, and nothing is changed by it.
    pub async fn rehearse(&self, intent: &Intent) -> Result<OperationId> {
        let rehearsal = |request: &mut Request| {
            request.dry_run = true;
            "only a rehearsal".clone_into(&mut request.attestation);
        };
        self.begin_as(intent, rehearsal).await.map(|(id, _)| id)
    }

    async fn begin_as(&self, intent: &Intent, change: impl Fn(&mut Request)) -> Result<(OperationId, Instant)> {
        let began = Instant::now();
        loop {
            let planned = self.plan(intent).await?;
            let outcome = if planned.plan.is_possible() {
                let mut request = self.request_for(&planned, "measured in the lab");
                change(&mut request);
                let asked = Instant::now();
                self.request(&request).await.map(|id| (id, asked))
            } else {
                Err(LabError::Refused(format!("the plan has objections: {:?}", planned.plan.objections)))
            };
            match outcome {
                Err(error) if began.elapsed() > Duration::from_mins(1) => return Err(error),
                Err(_) => pause(Duration::from_millis(200)).await,
                Ok(begun) => return Ok(begun),
            }
        }
    }

    /// An operation as it stands.
    pub async fn operation(&self, id: OperationId) -> Result<Operation> {
        self.must("GET", &format!("/operations/{id}"), None).await
    }

    /// The operations, newest first.
    pub async fn operations(&self) -> Result<Vec<OperationSummary>> {
        self.must("GET", &format!("/operations?pool={POOL}&most=50"), None).await
    }

    /// The report of an operation.
    pub async fn report(&self, id: OperationId) -> Result<Report> {
        self.must("GET", &format!("/operations/{id}/report"), None).await
    }

    /// Pauses, resumes or cancels.
    pub async fn wish(&self, id: OperationId, wish: ControlRequest) -> Result<Answer> {
        self.send("POST", &format!("/operations/{id}/wishes"), &[], Some(json!({ "wish": wish }).to_string())).await
    }

    /// Answers a question.
    pub async fn answer(&self, id: OperationId, question: &Question, choice: Choice, reason: &str) -> Result<Answer> {
        self.answer_for(id, question, choice, reason, "").await
    }

    /// Answers a question, with the name of the site that loses what is given up.
    pub async fn answer_for(&self, id: OperationId, question: &Question, choice: Choice, reason: &str, site: &str) -> Result<Answer> {
        let body = json!({ "question": question.number, "choice": choice, "reason": reason, "typed_site": site });
        self.send("POST", &format!("/operations/{id}/answers"), &[], Some(body.to_string())).await
    }

    /// Waits until an operation has ended or asks somebody. A console that does not answer meanwhile is waited for too.
    pub async fn rest(&self, id: OperationId, within: Duration) -> Result<Operation> {
        let mut found = None;
        self.lab
            .wait(&format!("{id} ends or asks"), within, async || {
                let operation = self.operation(id).await.map_err(|error| error.to_string())?;
                let stage = format!("{:?} at step {:?}", operation.stage, operation.current_step());
                if matches!(operation.stage, Stage::Finished { .. } | Stage::NeedsPerson { .. }) {
                    found = Some(operation);
                    return Ok(());
                }
                Err(stage)
            })
            .await?;
        found.ok_or_else(|| LabError::Refused("nothing was found".to_owned()))
    }

    /// Looks at an operation again and again, every 2 ms, until it is as wanted.
    pub async fn until(&self, id: OperationId, within: Duration, wanted: impl Fn(&Operation) -> bool) -> Result<Operation> {
        let began = Instant::now();
        loop {
            let operation = self.operation(id).await?;
            if wanted(&operation) {
                return Ok(operation);
            }
            if began.elapsed() > within || operation.is_finished() {
                let seen = format!("; it is {:?} at step {:?}", operation.stage, operation.current_step());
                return Err(LabError::Timeout { what: format!("a certain state of {id}"), after: began.elapsed(), seen });
            }
            pause(LOOK_EVERY).await;
        }
    }

    /// Ends it without a chance to write anything more.
    pub fn sigkill(&self) {
        if let Some(process) = self.process() {
            process::kill_all(&[process]);
        }
        process::forget(&self.lab.layout, NAME);
    }

    /// Lets no operation write more into its journal than the entry of this number, counted from zero: what comes after it fails as on a
    /// disk that is full, so that this entry is the last one whenever the console is killed. Until [`Console::release_journal`].
    pub async fn hold_journal(&self, last: u32) -> Result<()> {
        let held = format!(
            "CREATE TRIGGER held_by_the_lab BEFORE INSERT ON journal WHEN NEW.number > {last} \
             BEGIN SELECT RAISE(ABORT, 'the lab lets nothing more be written'); END"
        );
        self.change_store(&held).await
    }

    /// Lets operations write on.
    pub async fn release_journal(&self) -> Result<()> {
        self.change_store("DROP TRIGGER IF EXISTS held_by_the_lab").await
    }

    async fn change_store(&self, statement: &str) -> Result<()> {
        let store = SqliteConnectOptions::new().filename(self.store()).busy_timeout(START_WITHIN).disable_statement_logging();
        let mut connection = sqlx::SqliteConnection::connect_with(&store).await.doing(|| "opening the console's store".to_owned())?;
        let changed = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
        changed.map(drop).doing(|| statement.to_owned())
    }

    async fn read_store(&self) -> Result<sqlx::SqliteConnection> {
        let store = SqliteConnectOptions::new().filename(self.store()).read_only(true).disable_statement_logging();
        sqlx::SqliteConnection::connect_with(&store).await.doing(|| "opening the console's store".to_owned())
    }

    /// Waits until the entry of this number is in the operation's journal, looking every millisecond. Whether it is: an operation may end
    /// before that.
    pub async fn until_written(&self, id: OperationId, number: u32, within: Duration) -> Result<bool> {
        let mut connection = self.read_store().await?;
        let question = "SELECT (SELECT max(number) FROM journal WHERE operation = $1), (SELECT ended FROM operations WHERE id = $1)";
        let began = Instant::now();
        loop {
            let found: (Option<i64>, Option<bool>) = sqlx::query_as(question)
                .bind(i64::try_from(id.0).unwrap_or(i64::MAX))
                .fetch_one(&mut connection)
                .await
                .doing(|| "reading the journal".to_owned())?;
            if found.0.is_some_and(|last| last >= i64::from(number)) {
                return Ok(true);
            }
            if found.1 == Some(true) {
                return Ok(false);
            }
            if began.elapsed() > within {
                let (what, seen) = (format!("entry {number} of {id}"), format!("; the last one is {:?}", found.0));
                return Err(LabError::Timeout { what, after: within, seen });
            }
            pause(Duration::from_millis(1)).await;
        }
    }

    /// The journal of an operation as it lies in the store, whether the console runs or not.
    pub async fn journal(&self, id: OperationId) -> Result<Vec<Event>> {
        let mut connection = self.read_store().await?;
        let entries: Vec<(String,)> = sqlx::query_as("SELECT entry FROM journal WHERE operation = $1 ORDER BY number")
            .bind(i64::try_from(id.0).unwrap_or(i64::MAX))
            .fetch_all(&mut connection)
            .await
            .doing(|| "reading the journal".to_owned())?;
        let event = |(entry,): (String,)| serde_json::from_str::<Entry>(&entry).map(|entry| entry.event);
        entries.into_iter().map(event).collect::<std::result::Result<_, _>>().doing(|| format!("the journal of {id}"))
    }

    /// What the audit history says, oldest first: action, result and detail of each entry.
    pub async fn audit(&self) -> Result<Vec<(String, String, String)>> {
        let mut connection = self.read_store().await?;
        let question = "SELECT action, result, detail FROM audit ORDER BY id";
        sqlx::query_as(question).fetch_all(&mut connection).await.doing(|| "reading the audit history".to_owned())
    }

    /// Starts it again on the same store, and waits until it answers. Whoever was signed in still is.
    pub async fn start_again(&self) -> Result<()> {
        self.launch()?;
        let what = "the console answers again";
        self.lab
            .wait(what, START_WITHIN, async || {
                let answer = self.send("GET", "/pools", &[], None).await.map_err(|error| error.to_string())?;
                if answer.status == 200 { Ok(()) } else { Err(answer.to_string()) }
            })
            .await
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.process().is_some()
    }

    /// The file of its store.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Waits until the console sees a site that was lost as held: back, led by somebody, read-only, following nobody.
    pub async fn sees_held(&self, site: Site, within: Duration) -> Result<()> {
        let side = side(site);
        let held = switchback_domain::Finding::HeldSite { side };
        self.lab
            .wait(&format!("the console sees that {site} is held"), within, async || {
                let picture = self.picture().await.map_err(|error| error.to_string())?;
                let led = picture.sites[side].leader.is_some();
                if led && picture.findings.contains(&held) { Ok(()) } else { Err(format!("led: {led}; {:?}", picture.findings)) }
            })
            .await
    }

    /// Waits until the console sees that a site is active and that nothing is in the way of an operation.
    pub async fn sees_active(&self, site: Site, within: Duration) -> Result<()> {
        let side = side(site);
        self.lab
            .wait(&format!("the console sees that {site} is active"), within, async || {
                let picture = self.picture().await.map_err(|error| error.to_string())?;
                if picture.active == Some(side) { Ok(()) } else { Err(format!("{:?}: {:?}", picture.active, picture.findings)) }
            })
            .await
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.sigkill();
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}: {}", self.status, self.body)
    }
}

/// The text of a page without its tags, scripts and comments.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let end = ["script", "style"].into_iter().find(|name| tag.starts_with(name)).map(|name| format!("</{name}>"));
        let behind = match &end {
            Some(end) => tag.split_once(end.as_str()),
            None => tag.split_once('>'),
        };
        rest = behind.map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, letter);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The console's word for a site.
pub fn side(site: Site) -> switchback_domain::Side {
    match site {
        Site::A => switchback_domain::Side::A,
        Site::B => switchback_domain::Side::B,
    }
}

fn value(of: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(of).doing(|| "the body of a request".to_owned())
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn a_person_reads_neither_tags_nor_scripts() {
        let html = "<p class=\"a\">Writes<!----> were <b>not</b> stopped &amp; done.</p>\n<script>let a = '<p>x</p>';</script><p>End</p>";
        assert_eq!(text_of(html), "Writes were not stopped & done. End");
    }
}
