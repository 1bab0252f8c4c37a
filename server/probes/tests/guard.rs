//! The standing guard of `server/guards`, run as Patroni runs it, against peers that behave as they are told.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod support;

use authority::Authority;
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use support::{http, nobody, question, say, serve, silent};
use tokio::io::AsyncWriteExt as _;

const GUARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guards/pre-promote-guard.sh");

/// What Patroni says of itself.
const ABOUT: &str = r#"{"state": "running", "role": "replica", "patroni": {"version": "4.1.5", "scope": "pool-b", "name": "b1"}}"#;

/// A run of the guard.
struct Said {
    allowed: bool,
    text: String,
    syslog: String,
    took: Duration,
}

/// A folder with programs in it that are found before the machine's own: a syslog that is a file.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let logger = folder.path().join("logger");
    fs::write(&logger, format!("#!/bin/sh\necho \"$@\" >>{}/syslog\n", folder.path().display())).unwrap();
    fs::set_permissions(&logger, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs the guard with these arguments. Without `curl`, none is found.
async fn run_with(arguments: Vec<String>, curl: bool) -> Said {
    let folder = programs();
    let mut path = folder.path().display().to_string();
    if curl {
        path += ":/usr/bin:/bin";
    } else {
        for program in ["sh", "sed", "grep"] {
            let found = ["/usr/bin", "/bin"].map(|at| Path::new(at).join(program)).into_iter().find(|at| at.exists()).unwrap();
            std::os::unix::fs::symlink(found, folder.path().join(program)).unwrap();
        }
    }
    let log = folder.path().join("syslog");
    let run = move || {
        let began = Instant::now();
        let output = Command::new("/bin/sh").arg(GUARD).args(arguments).env_clear().env("PATH", path).output().unwrap();
        (output, began.elapsed())
    };
    let (output, took) = tokio::task::spawn_blocking(run).await.unwrap();
    // It does not wait for syslog.
    let until = Instant::now() + Duration::from_secs(5);
    let written = || fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n'));
    while !written() && !output.stderr.is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        allowed: output.status.success(),
        text: text(&output.stdout) + &text(&output.stderr),
        syslog: fs::read_to_string(&log).unwrap_or_default(),
        took,
    }
}

async fn run(arguments: &[&str]) -> Said {
    run_with(arguments.iter().map(|text| (*text).to_owned()).collect(), true).await
}

/// A Patroni that answers `/primary` with this status.
async fn patroni(status: &'static str) -> String {
    let address = serve(move |mut stream| async move {
        let asked = question(&mut stream).await;
        let answer = if asked.starts_with("GET /patroni ") { http("200 OK", ABOUT) } else { http(status, ABOUT) };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    format!("http://{address}")
}

const PRIMARY: &str = "200 OK";
const NOT_PRIMARY: &str = "503 Service Unavailable";

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[tokio::test]
async fn a_primary_in_the_other_site_refuses_whatever_else_is_said() {
    let (primary, other) = (patroni(PRIMARY).await, patroni(NOT_PRIMARY).await);
    for peers in [vec![&primary], vec![&other, &primary], vec![&primary, &other]] {
        let peers: Vec<&str> = peers.into_iter().map(String::as_str).collect();
        let said = run(&peers).await;
        assert!(!said.allowed && said.syslog.contains("daemon.notice") && said.syslog.contains("REFUSED"), "{} {}", said.text, said.syslog);
        assert!(said.syslog.contains(&primary), "{}", said.syslog);
    }
    let gone = url(nobody().await);
    assert!(!run(&[&gone, &primary]).await.allowed);
    assert!(!run(&["--no-such-option", &primary]).await.allowed, "a mistake beside it hides nobody");
    assert!(!run(&["--witness", &format!("{primary}/primary"), &other]).await.allowed, "a witness is believed that sees one");
}

#[tokio::test]
async fn a_site_without_a_primary_allows_and_says_so_quietly() {
    let (one, other) = (patroni(NOT_PRIMARY).await, patroni(NOT_PRIMARY).await);
    let said = run(&[&one, &other]).await;
    assert!(said.allowed && said.syslog.contains("daemon.info") && !said.text.contains("KNOW"), "{} {}", said.text, said.syslog);
    assert!(said.took < Duration::from_secs(4), "{:?}", said.took);
}

#[tokio::test]
async fn what_is_not_known_is_allowed_loudly_with_its_reason_and_refused_when_that_is_asked_for() {
    let unauthorized = patroni("401 Unauthorized").await;
    let page = patroni("302 Found").await;
    let tls = {
        let authority = Authority::new();
        authority.sign("server", "127.0.0.1");
        tls_peer(&authority, "server").await
    };
    let gone = url(nobody().await);
    let frozen = url(silent().await);
    let witness = format!("{gone}/witness");
    for (peer, reason) in [
        (gone.as_str(), "refuses connections"),
        (&frozen, "does not answer within a second"),
        (&unauthorized, "401"),
        (&page, "does not say"),
        (&format!("https://{tls}"), "not trusted"),
        (&format!("http://{tls}"), "https://"),
        ("http://no-such-host.invalid:8008", "does not resolve"),
        ("b1:8008", "no URL"),
        ("http://b1:8008/primary", "no URL"),
        ("http://b1:8008;true", "no URL"),
    ] {
        let said = run(&[peer]).await;
        assert!(said.allowed && said.syslog.contains("daemon.err") && said.syslog.contains("WITHOUT KNOWING"), "{peer}: {}", said.syslog);
        assert!(said.syslog.contains(reason), "{peer}: {}", said.syslog);
        let said = run(&["--fail-closed", "--witness", &witness, peer]).await;
        assert!(!said.allowed && said.syslog.contains("REFUSED although") && said.syslog.contains(reason), "{peer}: {}", said.syslog);
    }
    let said = run(&[]).await;
    assert!(said.allowed && said.syslog.contains("WITHOUT KNOWING"), "{}", said.syslog);
    assert!(run(&["--cacert", "/no/such/file", &gone]).await.syslog.contains("/no/such/file cannot be read"));
    let said = run_with(vec![gone.clone()], false).await;
    assert!(said.allowed && said.syslog.contains("curl is not there"), "{}", said.syslog);
    let said = run(&["--fail-closed", &gone]).await;
    assert!(!said.allowed && said.syslog.contains("needs a --witness"), "{}", said.syslog);
}

#[tokio::test]
async fn a_witness_that_sees_no_primary_stands_in_for_nodes_that_are_silent() {
    let (gone, sees_none) = (url(nobody().await), patroni(NOT_PRIMARY).await);
    let witness = format!("{sees_none}/dc-b");
    for closed in [&["--fail-closed"][..], &[]] {
        let said = run(&[closed, &["--witness", &witness, &gone]].concat()).await;
        assert!(said.allowed && said.syslog.contains("daemon.info") && said.syslog.contains("says the witness"), "{}", said.syslog);
        let said = run(&[closed, &["--witness", &format!("{gone}/dc-b"), &sees_none]].concat()).await;
        assert!(said.allowed && said.syslog.contains("daemon.info"), "the site's own word is enough: {}", said.syslog);
    }
}

/// A Patroni that speaks TLS and is not primary.
async fn tls_peer(authority: &Authority, name: &str) -> SocketAddr {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let chain = vec![CertificateDer::from_pem_file(authority.file(&format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(authority.file(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut seen = [0; 4096];
            let length = tokio::io::AsyncReadExt::read(&mut stream, &mut seen).await.unwrap_or(0);
            let about = seen[..length].starts_with(b"GET /patroni ");
            let _ = stream.write_all(http(if about { PRIMARY } else { NOT_PRIMARY }, ABOUT).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn with_its_authority_a_peer_is_asked_over_tls() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("server", "127.0.0.1");
    let peer = format!("https://{}", tls_peer(&authority, "server").await);
    let ca = |authority: &Authority| authority.file("ca.pem").display().to_string();
    let said = run(&["--cacert", &ca(&authority), &peer]).await;
    assert!(said.allowed && said.syslog.contains("daemon.info"), "{}", said.syslog);
    assert!(run(&["--cacert", &ca(&other), &peer]).await.syslog.contains("not trusted"));

    let tested = run(&["--self-test", "--cacert", &ca(&authority), &peer]).await;
    assert!(tested.allowed && tested.text.contains("is Patroni 4.1.5 of pool-b and not primary"), "{}", tested.text);
    let tested = run(&["--self-test", "--cacert", &ca(&other), &peer]).await;
    assert!(!tested.allowed && tested.text.contains("FAIL") && tested.text.contains("not trusted"), "{}", tested.text);
    let plain = peer.replace("https", "http");
    let tested = run(&["--self-test", "--cacert", &ca(&authority), &plain]).await;
    assert!(!tested.allowed && tested.text.contains("speaks https://: write that"), "{}", tested.text);
}

fn no_certificate(folder: &Path) -> PathBuf {
    let file = folder.join("empty.pem");
    fs::write(&file, "nothing\n").unwrap();
    file
}

#[tokio::test]
async fn the_self_test_says_line_by_line_what_is_wrong() {
    let (primary, standby, gone) = (patroni(PRIMARY).await, patroni(NOT_PRIMARY).await, url(nobody().await));
    let said = run(&["--self-test", &primary, &standby]).await;
    assert!(said.allowed, "{}", said.text);
    for line in
        ["curl is there: curl ", "logger is there", "and primary: a promotion here would be refused now", "and not primary", "ALLOWED"]
    {
        assert!(said.text.lines().any(|found| found.starts_with("ok") && found.contains(line)), "{line}: {}", said.text);
    }
    assert!(said.syslog.is_empty(), "nothing is decided: {}", said.syslog);

    let folder = tempfile::tempdir().unwrap();
    let empty = no_certificate(folder.path()).display().to_string();
    let no_patroni = url(say(http("200 OK", "<html>")).await);
    for (arguments, line) in [
        (vec![], "no Patroni of the other site is named"),
        (vec!["b1:8008"], "no URL"),
        (vec!["--fail-closed", standby.as_str()], "needs a --witness"),
        (vec!["--no-such-option", &standby], "there is no option"),
        (vec!["--cacert", "/no/such/file", &standby], "cannot be read"),
        (vec!["--cacert", &empty, &standby], "no PEM certificate"),
        (vec!["--cacert"], "needs a value"),
        (vec![&gone], "refuses connections"),
        (vec![&no_patroni], "is no Patroni"),
        (vec!["--witness", &gone, &standby], "the witness"),
    ] {
        let said = run(&[&["--self-test"][..], &arguments].concat()).await;
        assert!(!said.allowed, "{arguments:?}: {}", said.text);
        assert!(said.text.lines().any(|found| found.starts_with("FAIL") && found.contains(line)), "{line}: {}", said.text);
    }
    let https = over_tls(&standby);
    let said = run(&["--self-test", &https]).await;
    assert!(!said.allowed && said.text.contains("speaks http://: write that"), "{}", said.text);
    let said = run_with(vec!["--self-test".to_owned(), standby], false).await;
    assert!(!said.allowed && said.text.contains("FAIL  curl is not there"), "{}", said.text);
}

/// The same address with the scheme that it does not speak.
fn over_tls(plain: &str) -> String {
    plain.replace("http://", "https://")
}
