//! Connections that do nothing, or too much: whoever else comes is answered, and the console keeps reaching its engines.

use crate::support::{ORIGIN, PASSWORD, World};
use axum::{Router, routing::get};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::{
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use switchback_server::{
    http::{Limits, serve},
    network::TrustedProxies,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[expect(clippy::disallowed_methods, reason = "the tests wait for real connections")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// Sends these bytes and reads until the console closes the connection or has nothing more to say for two seconds.
async fn ask(from: Ipv4Addr, to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(from, to).await.unwrap();
    // What is refused may be closed before it is read to its end.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get_page(from: Ipv4Addr, to: SocketAddr, path: &str) -> String {
    ask(from, to, format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

/// Requests that begin and never go on. Those that were not taken are counted out.
async fn half_requests(count: usize, from: Ipv4Addr, to: SocketAddr) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let Ok(mut stream) = connect(from, to).await else { continue };
        if stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ").await.is_ok() {
            all.push(stream);
        }
    }
    all
}

async fn served(router: Router, limits: Limits) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, router, limits, TrustedProxies::none(), stop.clone()));
    (address, stop)
}

fn limits(in_all: usize, per_address: usize) -> Limits {
    Limits { in_all, per_address, ..Limits::for_files(1_024, 0) }
}

#[tokio::test]
async fn half_requests_of_one_address_hold_up_nobody_and_are_hung_up_on() {
    let world = World::new().await;
    world.signed_in().await;
    let (address, _stop) = served(world.router.clone(), Limits { head_within: Duration::from_secs(3), ..limits(40, 10) }).await;
    let half = half_requests(200, ELSEWHERE, address).await;
    assert!(half.len() > 100, "the test could not even begin: {}", half.len());
    let began = Instant::now();
    assert!(get_page(HERE, address, "/health/ready").await.ends_with("ready\n"));
    let form = format!("login=mira&password={}", PASSWORD.replace(' ', "+"));
    let sign_in = format!(
        "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:8480\r\nOrigin: {ORIGIN}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let signed_in = ask(HERE, address, sign_in.as_bytes()).await;
    assert!(signed_in.starts_with("HTTP/1.1 303") && signed_in.contains("__Host-switchback="), "{signed_in}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    pause(Duration::from_secs(4)).await;
    for mut stream in half {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "half a request is still waited for");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_and_not_just_cut_off() {
    let (address, _stop) = served(Router::new().route("/", get(|| async { "here" })), limits(10, 10)).await;
    let large = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX-Large: {}\r\n\r\n", "x".repeat(300_000));
    let answer = ask(HERE, address, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nHost: {address}\r\n{}\r\n", "X-A: 1\r\n".repeat(200));
    let answer = ask(HERE, address, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(get_page(HERE, address, "/").await.ends_with("here"));
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_hung_up_on() {
    let router = Router::new().route("/", get(|| async { "x".repeat(64 * 1024 * 1024) }));
    let (address, _stop) = served(router, Limits { unread: Duration::from_millis(300), ..limits(10, 10) }).await;
    let mut stream = connect(HERE, address).await.unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    pause(Duration::from_secs(3)).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok() && answer.len() < 64 * 1024 * 1024, "the whole answer was kept for somebody who does not read: {}", answer.len());
}

#[tokio::test]
async fn several_requests_on_one_connection_are_answered_and_the_last_one_before_leaving_too() {
    let (address, stop) = served(Router::new().route("/", get(|| async { "here" })), limits(10, 10)).await;
    let mut stream = connect(HERE, address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4_096];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].ends_with(b"here"), "{}", String::from_utf8_lossy(&answer[..read]));
    }
    stop.cancel();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty(), "whoever leaves closes what only waits");
}

/// The program itself, with so many files.
struct Process {
    child: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Process {
    async fn start(files: u32, pool: &str) -> Process {
        let folder = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap();
        let config = folder.path().join("switchback.toml");
        let server =
            format!("[server]\nlisten = \"{address}\"\npublic_url = \"http://{address}\"\n[store]\nurl = \"sqlite:store.db\"\n{pool}");
        std::fs::write(&config, server).unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "not asked for").unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let output = std::fs::File::create(folder.path().join("output")).unwrap();
        let child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_switchback"), "serve", "--config"])
            .arg(&config)
            .env("SWITCHBACK_LOG", "info")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = Process { child, folder, address };
        for _ in 0..200 {
            if process.link_file().exists() && TcpStream::connect(address).await.is_ok() {
                return process;
            }
            pause(Duration::from_millis(50)).await;
        }
        panic!("it does not start:\n{}", process.output());
    }

    fn link_file(&self) -> std::path::PathBuf {
        self.folder.path().join("set-up-link")
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output")).unwrap()
    }

    async fn post(&self, path: &str, form: &str) -> String {
        let address = self.address;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        ask(HERE, address, request.as_bytes()).await
    }

    async fn sets_up(&self) -> String {
        let link = std::fs::read_to_string(self.link_file()).unwrap();
        let secret = link.trim().rsplit('/').next().unwrap().to_owned();
        self.post("/set-up", &format!("secret={secret}&login=mira&name=Mira&password={}", PASSWORD.replace(' ', "+"))).await
    }

    async fn ends(mut self) -> String {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
        self.child.wait().await.unwrap();
        self.output()
    }
}

/// One pool whose engines all listen at one address.
fn pool_at(engine: SocketAddr) -> String {
    let site = |letter: &str| {
        format!(
            "[[pool.site]]\nid = \"dc-{letter}\"\n[pool.site.patroni]\nscope = \"pool-{letter}\"\ntls = \"off\"\n\
             [pool.site.postgres]\nusername = \"switchback\"\ndatabase = \"switchback\"\npassword_file = \"password\"\ntls = \"off\"\n\
             [[pool.site.node]]\nname = \"{letter}1\"\npatroni = \"http://{engine}\"\npostgres = \"{engine}\"\n\
             [[pool.site.haproxy]]\nname = \"haproxy-{letter}\"\naddress = \"{engine}\"\nbackend = \"members\"\ntls = \"off\"\n"
        )
    };
    format!("[[pool]]\nid = \"chat-core\"\nhome = \"dc-a\"\n{}{}", site("a"), site("b"))
}

/// Takes every connection and closes it again; counts them.
async fn engine() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (address, asked)
}

#[tokio::test]
async fn eleven_hundred_half_requests_leave_a_console_with_a_thousand_files_able_to_work() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let (engine, asked) = engine().await;
    let process = Process::start(1_024, &pool_at(engine)).await;
    assert!(process.sets_up().await.starts_with("HTTP/1.1 303"), "{}", process.output());
    // From several addresses, so that no share of one address helps.
    let mut half = Vec::new();
    for last in 2..7 {
        half.extend(half_requests(220, Ipv4Addr::new(127, 0, 0, last), process.address).await);
    }
    assert_eq!(half.len(), 1_100);
    let before = asked.load(Ordering::SeqCst);
    let began = Instant::now();
    let ready = get_page(HERE, process.address, "/health/ready").await;
    assert!(ready.ends_with("ready\n"), "{ready}\n{}", process.output());
    let form = format!("login=mira&password={}", PASSWORD.replace(' ', "+"));
    let signed_in = process.post("/sign-in", &form).await;
    assert!(signed_in.starts_with("HTTP/1.1 303") && signed_in.contains("__Host-switchback="), "{signed_in}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    pause(Duration::from_secs(2)).await;
    let asked = asked.load(Ordering::SeqCst) - before;
    assert!(asked >= 6, "the engines were asked {asked} times in two seconds");
    let output = process.ends().await;
    assert!(!output.contains("Too many open files") && !output.contains("os error 24"), "{output}");
    assert!(output.contains("files=1024") && output.contains("closed or refused connections"), "{output}");
}

#[tokio::test]
async fn the_set_up_link_is_in_a_file_of_the_consoles_user_and_not_in_its_log() {
    let (engine, _) = engine().await;
    let process = Process::start(1_024, &pool_at(engine)).await;
    let link = std::fs::read_to_string(process.link_file()).unwrap();
    let secret = link.trim().rsplit('/').next().unwrap().to_owned();
    assert_eq!(secret.len(), 64, "{link}");
    assert_eq!(std::fs::metadata(process.link_file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(process.sets_up().await.starts_with("HTTP/1.1 303"));
    let file = process.link_file();
    let output = process.ends().await;
    assert!(!output.contains(&secret) && output.contains(&Path::new("set-up-link").display().to_string()), "{output}");
    assert!(!file.exists(), "it does not stay behind");
}

/// What a flood of guesses does to whoever has the right password, with real hashing.
#[tokio::test]
async fn an_owner_signs_in_while_a_thousand_guesses_run() {
    let (engine, _) = engine().await;
    let process = Process::start(1_024, &pool_at(engine)).await;
    let set_up = process.sets_up().await;
    let device = set_up.split("\r\n").find_map(|line| line.split_once("__Host-switchback-device=")).expect("a note").1;
    let device = format!("__Host-switchback-device={}", device.split(';').next().unwrap());
    let request = |cookie: &str, login: &str, password: &str| {
        let (address, form) = (process.address, format!("login={login}&password={}", password.replace(' ', "+")));
        format!(
            "POST /sign-in HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\nCookie: {cookie}\r\nVia: 1.1 proxy\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
    };
    let address = process.address;
    let guesses = (0..50_u8).map(|guesser| {
        let from = Ipv4Addr::new(127, 0, 1, guesser + 1);
        let guess: Vec<String> = (0..20).map(|n| request("a=b", if n % 2 == 0 { "mira" } else { "eve" }, "wrong horse battery")).collect();
        tokio::spawn(async move {
            let mut answers = Vec::new();
            for guess in guess {
                answers.push(ask(from, address, guess.as_bytes()).await.chars().take(12).collect::<String>());
            }
            answers
        })
    });
    let guesses: Vec<_> = guesses.collect();
    let (mut tries, mut slowest) = (0, Duration::ZERO);
    while guesses.iter().any(|guess| !guess.is_finished()) || tries < 10 {
        let began = Instant::now();
        let answer = ask(HERE, address, request(&device, "mira", PASSWORD).as_bytes()).await;
        slowest = slowest.max(began.elapsed());
        assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("__Host-switchback="), "try {tries}: {answer}");
        tries += 1;
    }
    let stranger = ask(Ipv4Addr::new(127, 0, 2, 1), address, request("a=b", "mira", PASSWORD).as_bytes()).await;
    assert!(
        stranger.starts_with("HTTP/1.1 429") && stranger.to_lowercase().contains("retry-after:"),
        "the guesses were not felt: {stranger}"
    );
    let answers: Vec<String> = futures::future::join_all(guesses).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(answers.len(), 1_000);
    let slowed = answers.iter().filter(|answer| answer.ends_with("429")).count();
    assert!(answers.iter().all(|answer| answer.ends_with("429") || answer.ends_with("303")), "{answers:?}");
    let output = process.ends().await;
    println!("{tries} sign-ins of the owner, the slowest after {slowest:?}; {slowed} of 1,000 guesses were told to come back later");
    assert!(!output.contains("ERROR"), "{output}");
    let warned = output.lines().filter(|line| line.contains("WARN") && line.contains("sign-in")).count();
    assert!(warned <= 1, "{warned} lines about sign-in within a minute:\n{output}");
}
