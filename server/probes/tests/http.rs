//! Patroni and etcd over HTTP: parts that are missing, passwords, connections, TLS.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod authority;
mod support;

use authority::Authority;
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use support::*;
use switchback_domain::{EndpointKind, Facts, PatroniFacts, ProbeFailure};
use switchback_probes::{Credentials, EtcdProbe, HaproxyProbe, HaproxyTarget, HttpTarget, SetUpError, TlsFiles};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn recorded(situation: &str, node: &str, path: &str) -> String {
    let file = format!("{node}-{}.json", path.trim_start_matches('/'));
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(situation).join(file)).unwrap()
}

fn path_of(request: &str) -> String {
    request.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A Patroni that says what was recorded, except where `other` knows better; it answers and closes as the real one does.
/// Returns how often each path was asked for.
async fn recorded_patroni(other: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (other, asked) = (Arc::new(other), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&asked);
    let address = serve(move |mut stream| {
        let (other, log) = (Arc::clone(&other), Arc::clone(&log));
        async move {
            let path = path_of(&question(&mut stream).await);
            log.lock().unwrap().push(path.clone());
            let answer = other(&path).unwrap_or_else(|| format!("HTTP/1.0 200 OK\r\n\r\n{}", recorded("switched-over", "b1", &path)));
            if answer == "silence" {
                return std::future::pending().await;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (address, asked)
}

fn facts(answer: Result<Facts, ProbeFailure>) -> PatroniFacts {
    match answer {
        Ok(Facts::Patroni(facts)) => facts,
        other => panic!("not Patroni's facts: {other:?}"),
    }
}

#[tokio::test]
async fn all_four_answers_become_one() {
    let (address, asked) = recorded_patroni(|_| None).await;
    let mut probe = patroni(address);
    let facts = facts(look(&mut *probe).await);
    assert_eq!((facts.name.unwrap().as_str(), facts.scope.as_str()), ("b1", "pool-b"));
    assert!(facts.leader.is_some() && !facts.history.is_empty() && facts.config.ttl_s.is_some());
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["/cluster", "/config", "/history", "/patroni"]);
}

#[tokio::test]
async fn a_database_that_is_down_is_an_answer_and_no_failure() {
    let down = r#"{"state":"stopped","role":"replica","patroni":{"version":"4.1.5","scope":"pool-b","name":"b1"}}"#;
    let (address, _) = recorded_patroni(move |path| (path == "/patroni").then(|| http("503 Service Unavailable", down))).await;
    assert_eq!(facts(look(&mut *patroni(address)).await).state, switchback_domain::PatroniState::Stopped);
}

#[tokio::test]
async fn a_dead_etcd_behind_patroni_does_not_hide_the_member_once_its_configuration_is_known() {
    let dead = Arc::new(AtomicUsize::new(0));
    let switch = Arc::clone(&dead);
    let (address, asked) =
        recorded_patroni(move |path| (path != "/patroni" && switch.load(Ordering::Relaxed) == 1).then(|| "silence".to_owned())).await;
    let mut probe = patroni(address);
    let before = facts(look(&mut *probe).await);
    dead.store(1, Ordering::Relaxed);
    for _ in 0..3 {
        let during = facts(look(&mut *probe).await);
        assert_eq!((during.name, during.config), (before.name.clone(), before.config.clone()));
    }
    // A question that hangs in Patroni keeps one of its few threads, so it is not piled up.
    let count = |path: &str| asked.lock().unwrap().iter().filter(|one| *one == path).count();
    assert_eq!((count("/patroni"), count("/cluster"), count("/config")), (4, 2, 2));
}

#[tokio::test]
async fn without_its_configuration_a_member_is_not_taken_for_one_that_follows_nobody() {
    let (address, _) = recorded_patroni(|path| (path == "/config").then(|| http("502 Bad Gateway", "no"))).await;
    assert_eq!(look(&mut *patroni(address)).await, Err(ProbeFailure::Status { code: 502 }));
}

#[tokio::test]
async fn nobody_leads_as_long_as_the_cluster_cannot_be_asked() {
    let (address, _) = recorded_patroni(|path| (path == "/cluster").then(|| http("500 Internal Server Error", ""))).await;
    let facts = facts(look(&mut *patroni(address)).await);
    assert_eq!((facts.leader, facts.name.unwrap().as_str()), (None, "b1"));
}

#[tokio::test]
async fn a_connection_that_the_server_keeps_is_used_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let address = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            let mut asked = 0;
            while question(&mut stream).await.starts_with("GET") {
                // Those over which its health is asked for; the leader key is asked for by POST.
                asked += 1;
                counter.fetch_add(usize::from(asked == 1), Ordering::Relaxed);
                let _ = stream.write_all(http("200 OK", r#"{"health":"true"}"#).as_bytes()).await;
            }
        }
    })
    .await;
    let mut probe = etcd(address);
    for _ in 0..5 {
        look(&mut *probe).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

/// What the servers of the next test saw of the header that carries a password.
type Seen = Arc<Mutex<Vec<Option<String>>>>;

/// Asks for a password once `asks` is 1, and takes the right one.
fn guarded(request: &str, asks: &AtomicUsize, seen: &Seen) -> String {
    let header = request.lines().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
    let refused = asks.load(Ordering::Relaxed) == 1 && header.as_deref() != Some("Basic Y29uc29sZTpyaWdodA==");
    // Beside the question for its health stand those for the leader key, which carry a token at most.
    if request.starts_with("GET /health") {
        seen.lock().unwrap().push(header);
    }
    if refused { http("401 Unauthorized", "") } else { http("200 OK", r#"{"health":"true"}"#) }
}

fn with_password(url: String, password: &str, tls: TlsFiles) -> EtcdProbe {
    let credentials = Some(Credentials { username: "console".to_owned(), password: password.into() });
    EtcdProbe::new(endpoint(EndpointKind::Etcd), leader_key(HttpTarget { credentials, tls, ..http_target(url) })).unwrap()
}

#[tokio::test]
async fn a_password_is_shown_only_to_a_server_that_asks_for_one() {
    let (seen, asks) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    authority.sign("console", "console");
    let (log, asking) = (Arc::clone(&seen), Arc::clone(&asks));
    let address = serve_tls(&authority, "server", move |request| guarded(request, &asking, &log)).await;
    let probe = |password| with_password(format!("https://{address}"), password, authority.as_console());
    let mut right = probe("right");
    assert!(look(&mut right).await.is_ok());
    assert_eq!(*seen.lock().unwrap(), [None]);
    asks.store(1, Ordering::Relaxed);
    assert!(look(&mut right).await.is_ok());
    assert_eq!(look(&mut probe("wrong")).await, Err(ProbeFailure::Unauthorized));
}

#[tokio::test]
async fn whoever_has_not_proved_who_it_is_may_ask_for_a_password_as_often_as_it_likes() {
    let (seen, asks) = (Seen::default(), Arc::new(AtomicUsize::new(1)));
    let log = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        let (log, asks) = (Arc::clone(&log), Arc::clone(&asks));
        async move {
            let request = question(&mut stream).await;
            let _ = stream.write_all(guarded(&request, &asks, &log).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let mut probe = with_password(format!("http://{address}"), "right", TlsFiles::default());
    for _ in 0..3 {
        assert_eq!(look(&mut probe).await, Err(ProbeFailure::Unauthorized));
    }
    assert_eq!(*seen.lock().unwrap(), [None, None, None]);

    // A stranger with a certificate of somebody else's does not even hear the question.
    let (authority, other) = (Authority::new(), Authority::new());
    other.sign("server", "127.0.0.1");
    let (log, asks) = (Arc::clone(&seen), AtomicUsize::new(1));
    let stranger = serve_tls(&other, "server", move |request| guarded(request, &asks, &log)).await;
    assert_eq!(look(&mut with_password(format!("https://{stranger}"), "right", authority.trusting())).await, Err(ProbeFailure::Tls));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

/// A server with the certificate `name` that lets in whoever has a certificate of the authority, and answers as `answer` does.
async fn serve_tls(authority: &Authority, name: &str, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.file("ca.pem")).unwrap()).unwrap();
    let visitors = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let chain = vec![CertificateDer::from_pem_file(authority.file(&format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(authority.file(&format!("{name}.key"))).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(visitors)
        .with_single_cert(chain, key)
        .unwrap();
    let (acceptor, answer) = (tokio_rustls::TlsAcceptor::from(Arc::new(config)), Arc::new(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut seen = [0; 4096];
                    let length = stream.read(&mut seen).await.unwrap_or(0);
                    let _ = stream.write_all(answer(&String::from_utf8_lossy(&seen[..length])).as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    address
}

fn etcd_over_tls(address: SocketAddr, tls: TlsFiles) -> EtcdProbe {
    let target = HttpTarget { tls, ..http_target(format!("https://{address}")) };
    EtcdProbe::new(endpoint(EndpointKind::Etcd), leader_key(target)).unwrap()
}

#[tokio::test]
async fn an_own_authority_and_a_certificate_of_ours_open_the_door() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    authority.sign("console", "console");
    let address = serve_tls(&authority, "server", |_| http("200 OK", r#"{"health":"true"}"#)).await;
    let answer = look(&mut etcd_over_tls(address, authority.as_console())).await;
    assert!(matches!(&answer, Ok(Facts::Etcd(facts)) if facts.healthy), "{answer:?}");
    assert_eq!(look(&mut etcd_over_tls(address, authority.trusting())).await, Err(ProbeFailure::Unauthorized));
}

#[tokio::test]
async fn nobody_is_trusted_by_a_wrong_authority_or_under_a_wrong_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("server", "127.0.0.1");
    authority.sign("elsewhere", "db.example.org");
    let answer = http("200 OK", r#"{"health":"true"}"#);
    let said = answer.clone();
    let right = serve_tls(&authority, "server", move |_| said.clone()).await;
    assert_eq!(look(&mut etcd_over_tls(right, other.trusting())).await, Err(ProbeFailure::Tls));
    assert_eq!(look(&mut etcd_over_tls(right, TlsFiles::default())).await, Err(ProbeFailure::Tls));
    let said = answer.clone();
    let wrong_name = serve_tls(&authority, "elsewhere", move |_| said.clone()).await;
    assert_eq!(look(&mut etcd_over_tls(wrong_name, authority.trusting())).await, Err(ProbeFailure::Tls));
    assert_eq!(look(&mut etcd_over_tls(say(answer).await, authority.trusting())).await, Err(ProbeFailure::Tls));
}

#[tokio::test]
async fn haproxy_is_asked_over_tls_too() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    authority.sign("console", "console");
    let recorded = include_str!("../fixtures/haproxy/members-and-guard.txt");
    let address = serve_tls(&authority, "server", |_| recorded.to_owned()).await;
    let probe =
        |tls| HaproxyProbe::new(endpoint(EndpointKind::Haproxy), HaproxyTarget { tls: Some(tls), ..haproxy_target(address) }).unwrap();
    assert!(matches!(look(&mut probe(authority.as_console())).await, Ok(Facts::Haproxy(facts)) if facts.members.len() == 6));
    assert_eq!(look(&mut probe(authority.trusting())).await, Err(ProbeFailure::Unauthorized));
    assert_eq!(look(&mut probe(Authority::new().trusting())).await, Err(ProbeFailure::Tls));
    let plain = HaproxyTarget { tls: Some(authority.trusting()), ..haproxy_target(say("Name: HAProxy\n\n").await) };
    let mut probe = HaproxyProbe::new(endpoint(EndpointKind::Haproxy), plain).unwrap();
    assert_eq!(look(&mut probe).await, Err(ProbeFailure::Tls));
}

fn refused(target: HttpTarget) -> SetUpError {
    EtcdProbe::new(endpoint(EndpointKind::Etcd), leader_key(target)).err().unwrap()
}

#[test]
fn what_is_wrong_with_a_setting_is_said_with_the_files_name() {
    let authority = Authority::new();
    authority.sign("console", "console");
    let with = |tls| HttpTarget { tls, ..http_target("https://198.18.1.5:2379".to_owned()) };
    let missing = authority.file("missing.pem");
    let text = refused(with(TlsFiles { ca: Some(missing.clone()), ..TlsFiles::default() })).to_string();
    assert!(text.starts_with(&format!("cannot read ca_file {}", missing.display())), "{text}");
    let text = refused(with(TlsFiles { ca: Some(authority.file("console.key")), ..TlsFiles::default() })).to_string();
    assert!(text.contains("console.key") && text.contains("there is no PEM certificate in it"), "{text}");
    let swapped =
        TlsFiles { client_cert: Some(authority.file("console.pem")), client_key: Some(authority.file("ca.pem")), ..authority.trusting() };
    let text = refused(with(swapped)).to_string();
    assert!(text.contains("ca.pem") && text.contains("there is no PEM key in it"), "{text}");
    let half = TlsFiles { client_cert: Some(authority.file("console.pem")), ..authority.trusting() };
    assert!(matches!(refused(with(half)), SetUpError::HalfIdentity));
    authority.sign("other", "other");
    let strangers = TlsFiles {
        client_cert: Some(authority.file("console.pem")),
        client_key: Some(authority.file("other.key")),
        ..authority.trusting()
    };
    assert!(matches!(refused(with(strangers)), SetUpError::Tls { .. }));
    let plain = HttpTarget { tls: authority.trusting(), ..http_target("http://198.18.1.5:2379".to_owned()) };
    assert!(matches!(refused(plain), SetUpError::PlainWithFiles { .. }));
}

#[test]
fn an_address_with_a_password_or_of_another_kind_is_refused() {
    for url in ["198.18.1.5:2379", "ftp://198.18.1.5", "http://user:secret@198.18.1.5", "https://198.18.1.5/?x=1", "", "unix:///run/x"] {
        let error = refused(http_target(url.to_owned()));
        assert!(matches!(error, SetUpError::Address { .. }), "{url}: {error}");
    }
}
