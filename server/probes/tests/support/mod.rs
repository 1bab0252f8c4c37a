//! What the tests of all probes share: endpoints, time limits, and servers on loopback that behave as they are told.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use switchback_domain::{Endpoint, EndpointKind, Facts, ProbeFailure, Side};
use switchback_engine::ports::Probe;
use switchback_probes::{
    EtcdProbe, HaproxyProbe, HaproxyTarget, HttpTarget, PatroniProbe, PostgresProbe, PostgresTarget, PostgresTls, TlsFiles,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The time limit of the probes in these tests.
pub const LIMIT: Duration = Duration::from_millis(500);

/// A look that takes longer than this hangs. Far above the limit, because machines that run tests are busy.
pub const HANGS: Duration = Duration::from_secs(20);

pub fn endpoint(kind: EndpointKind) -> Endpoint {
    Endpoint { side: Side::A, kind, name: "under-test".parse().unwrap() }
}

pub fn http_target(url: String) -> HttpTarget {
    HttpTarget { url, credentials: None, tls: TlsFiles::default(), timeout: LIMIT }
}

pub fn haproxy_target(address: SocketAddr) -> HaproxyTarget {
    HaproxyTarget {
        address: address.to_string(),
        backend: "members".to_owned(),
        guard_backend: Some("peer_pg".to_owned()),
        tls: None,
        timeout: LIMIT,
    }
}

pub fn postgres_target(address: SocketAddr) -> PostgresTarget {
    PostgresTarget {
        address: address.to_string(),
        username: "switchback".to_owned(),
        password: Some("not-a-secret".into()),
        database: "switchback".to_owned(),
        heartbeat: true,
        tls: PostgresTls::Off,
        tls_files: TlsFiles::default(),
        timeout: LIMIT,
    }
}

pub fn patroni(address: SocketAddr) -> Box<dyn Probe> {
    Box::new(PatroniProbe::new(endpoint(EndpointKind::Patroni), http_target(format!("http://{address}"))).unwrap())
}

pub fn etcd(address: SocketAddr) -> Box<dyn Probe> {
    Box::new(EtcdProbe::new(endpoint(EndpointKind::Etcd), leader_key(http_target(format!("http://{address}")))).unwrap())
}

pub fn haproxy(address: SocketAddr) -> Box<dyn Probe> {
    Box::new(HaproxyProbe::new(endpoint(EndpointKind::Haproxy), haproxy_target(address)).unwrap())
}

pub fn postgres(address: SocketAddr) -> Box<dyn Probe> {
    Box::new(PostgresProbe::new(endpoint(EndpointKind::Postgres), postgres_target(address)).unwrap())
}

/// One look, which must end by itself.
pub async fn look(probe: &mut dyn Probe) -> Result<Facts, ProbeFailure> {
    tokio::time::timeout(HANGS, probe.look("2026-11-22T12:00:00Z".parse().unwrap())).await.expect("the look ends by itself")
}

/// A server on loopback that treats each connection with `behave`. It ends with the test's runtime.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(behave(stream));
        }
    });
    address
}

/// Reads the question: an HTTP request to its empty line, a runtime command to its line break, `PostgreSQL`'s first eight bytes.
/// Returns it as text.
pub async fn question(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte).await {
        seen.push(byte[0]);
        let http = seen.starts_with(b"GET");
        if seen.ends_with(b"\r\n\r\n") || (!http && (seen.ends_with(b"\n") || (seen[0] == 0 && seen.len() == 8))) {
            break;
        }
    }
    String::from_utf8_lossy(&seen).into_owned()
}

/// A server that hears the question, says `answer`, and closes.
pub async fn say(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = Arc::new(answer.into());
    serve(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            question(&mut stream).await;
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// An HTTP answer with the right length.
pub fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A server that says `start` and then more and more, without end. Returns how many bytes it got rid of.
pub async fn endless(start: &'static str) -> (SocketAddr, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let address = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            question(&mut stream).await;
            let _ = stream.write_all(start.as_bytes()).await;
            let more = vec![b'x'; 64 * 1024];
            while stream.write_all(&more).await.is_ok() {
                counter.fetch_add(more.len() as u64, Ordering::Relaxed);
            }
        }
    })
    .await;
    (address, sent)
}

/// A server that says `text` one byte at a time, slowly, and then nothing.
#[expect(clippy::disallowed_methods, reason = "waiting is what this server is for")]
pub async fn drip(text: &'static str) -> SocketAddr {
    serve(move |mut stream| async move {
        question(&mut stream).await;
        for byte in text.as_bytes() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(LIMIT / 4).await;
        }
        std::future::pending::<()>().await;
    })
    .await
}

/// A server that hears everything and says nothing.
pub async fn silent() -> SocketAddr {
    serve(|mut stream| async move {
        question(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await
}

/// An address on loopback where nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// What a probe says that waited in vain.
pub fn timed_out() -> ProbeFailure {
    ProbeFailure::TimedOut { after: switchback_domain::Millis(u64::try_from(LIMIT.as_millis()).unwrap()) }
}

/// An etcd and the leader key of a cluster in it.
pub fn leader_key(http: switchback_probes::HttpTarget) -> switchback_probes::EtcdKeyTarget {
    switchback_probes::EtcdKeyTarget { http, key: "/service/pool-a/leader".to_owned() }
}

/// A long way to a server: whatever is sent on it arrives `late`, in both directions.
pub async fn long_way(server: SocketAddr, late: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(server).await else { continue };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, late));
            tokio::spawn(carry(far_in, near_out, late));
        }
    });
    address
}

#[expect(clippy::disallowed_methods, reason = "to be late is what it is for")]
async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, late: Duration) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(late).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
