//! Whatever stands where an endpoint should be: each look ends in time, with a precise failure, and takes little memory.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use support::*;
use switchback_domain::{Facts, ProbeFailure};
use switchback_engine::ports::Probe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOO_LARGE: ProbeFailure = ProbeFailure::TooLarge { limit: 1024 * 1024 };

type Make = fn(SocketAddr) -> Box<dyn Probe>;
const OVER_HTTP: [Make; 2] = [patroni, etcd];
const ALL: [Make; 4] = [patroni, etcd, haproxy, postgres];

async fn failure(make: Make, address: SocketAddr) -> ProbeFailure {
    let mut probe = make(address);
    let name = format!("{:?}", probe.endpoint().kind);
    match look(&mut *probe).await {
        Err(failure) => failure,
        Ok(facts) => panic!("{name} took it for an answer: {facts:?}"),
    }
}

#[tokio::test]
async fn a_process_that_is_gone_refuses() {
    for make in ALL {
        assert_eq!(failure(make, nobody().await).await, ProbeFailure::Refused);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_no_more_than_the_limit() {
    for make in ALL {
        assert_eq!(failure(make, silent().await).await, timed_out());
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_cut_short() {
    for make in ALL {
        assert_eq!(failure(make, say("").await).await, ProbeFailure::CutShort);
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_garbage() {
    for make in ALL {
        assert_eq!(failure(make, say("220 mail.example.org ESMTP ready\r\n").await).await, ProbeFailure::Garbage);
        assert_eq!(failure(make, say([0x00, 0xff, 0x16, 0x03, 0x80, 0x0a, 0x0a, 0x0d]).await).await, ProbeFailure::Garbage);
    }
}

#[tokio::test]
async fn a_web_server_instead_of_the_engine_is_garbage() {
    let page = http("200 OK", "<html><title>It works!</title></html>");
    for make in ALL {
        assert_eq!(failure(make, say(page.clone()).await).await, ProbeFailure::Garbage);
    }
}

#[tokio::test]
async fn json_of_another_shape_is_garbage() {
    for make in OVER_HTTP {
        for body in ["{}", "[]", "null", "42", r#"{"health":{},"state":1,"patroni":[]}"#] {
            assert_eq!(failure(make, say(http("200 OK", body)).await).await, ProbeFailure::Garbage, "{body}");
        }
    }
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_garbage() {
    for make in OVER_HTTP {
        assert_eq!(failure(make, say(http("200 OK", &"[".repeat(500_000))).await).await, ProbeFailure::Garbage);
    }
}

#[tokio::test]
async fn half_an_answer_is_cut_short() {
    // With a length that is not reached, and without one as Patroni's server answers.
    let halves =
        ["HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"health\":\"tr", "HTTP/1.0 200 OK\r\n\r\n{\"health\":\"tr", "HTTP/1.1 200 O"];
    for make in OVER_HTTP {
        for half in halves {
            assert_eq!(failure(make, say(half).await).await, ProbeFailure::CutShort, "{half}");
        }
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"hea\r\n";
        assert_eq!(failure(make, say(chunked).await).await, ProbeFailure::CutShort);
    }
    let half = "Name: HAProxy\nVersion: 2.6.12\n\n# pxname,svname,scur\nmembers,mem";
    assert_eq!(failure(haproxy, say(half).await).await, ProbeFailure::CutShort);
}

#[tokio::test]
async fn a_broken_chunk_is_garbage() {
    for make in OVER_HTTP {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n{\"hea\r\n";
        assert_eq!(failure(make, say(chunked).await).await, ProbeFailure::Garbage);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_at_the_limit() {
    let starts = ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"];
    for start in starts {
        for make in OVER_HTTP {
            let (address, sent) = endless(start).await;
            assert_eq!(failure(make, address).await, TOO_LARGE);
            // Four questions at most, a mebibyte each, and what the system's own buffers took.
            assert!(sent.load(Ordering::Relaxed) < 32 * 1024 * 1024, "{sent:?} bytes were taken");
        }
    }
    let (address, sent) = endless("Name: HAProxy\n").await;
    assert_eq!(failure(haproxy, address).await, TOO_LARGE);
    assert!(sent.load(Ordering::Relaxed) < 32 * 1024 * 1024, "{sent:?} bytes were taken");
}

#[tokio::test]
async fn headers_without_end_are_given_up() {
    for make in OVER_HTTP {
        let (address, sent) = endless("HTTP/1.1 200 OK\r\nX-More: ").await;
        assert_eq!(failure(make, address).await, ProbeFailure::Garbage);
        assert!(sent.load(Ordering::Relaxed) < 32 * 1024 * 1024, "{sent:?} bytes were taken");
    }
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_at_the_time_limit() {
    for make in OVER_HTTP {
        assert_eq!(failure(make, drip("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"health\":\"true\"}").await).await, timed_out());
    }
    assert_eq!(failure(haproxy, drip("Name: HAProxy\nVersion: 2.6.12\n\n").await).await, timed_out());
}

#[tokio::test]
async fn a_redirect_is_told_and_never_followed() {
    let followed = Arc::new(AtomicBool::new(false));
    let witness = Arc::clone(&followed);
    let elsewhere = serve(move |_| {
        witness.store(true, Ordering::Relaxed);
        async {}
    })
    .await;
    for make in OVER_HTTP {
        for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let answer = format!("HTTP/1.1 {status}\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(failure(make, say(answer).await).await, ProbeFailure::Redirected);
        }
    }
    assert!(!followed.load(Ordering::Relaxed), "somebody went where the redirect pointed");
}

#[tokio::test]
async fn statuses_that_are_no_answers_are_told_by_their_number() {
    for make in OVER_HTTP {
        for (line, expected) in [
            ("401 Unauthorized", ProbeFailure::Unauthorized),
            ("403 Forbidden", ProbeFailure::Unauthorized),
            ("404 Not Found", ProbeFailure::Status { code: 404 }),
            ("500 Internal Server Error", ProbeFailure::Status { code: 500 }),
        ] {
            assert_eq!(failure(make, say(http(line, "{}")).await).await, expected);
        }
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let mut target = http_target("http://no-such-host.invalid:1".to_owned());
    // A resolver may take its time to say no.
    target.timeout = HANGS / 2;
    let mut probe = switchback_probes::EtcdProbe::new(endpoint(switchback_domain::EndpointKind::Etcd), leader_key(target)).unwrap();
    assert_eq!(look(&mut probe).await, Err(ProbeFailure::Unreachable));
}

#[tokio::test]
async fn a_postgresql_that_answers_nonsense_after_its_first_byte_harms_nobody() {
    // Yes to no encryption; then a message that ends before it begins, and one that announces four gigabytes.
    for more in [&b"NR\0\0\0\0"[..], b"N\xff\xff\xff\xff\xff", b"NR\xff\xff\xff\xf0", b"NS\0\0\0\x03abc", b"NZ\0\0\0\x05I"] {
        let address = serve(move |mut stream| async move {
            question(&mut stream).await;
            let _ = stream.write_all(more).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let said = failure(postgres, address).await;
        assert!(matches!(said, ProbeFailure::Garbage | ProbeFailure::CutShort | ProbeFailure::Refused), "{said:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_comes_to_its_senses_is_believed_at_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let address = serve(move |mut stream| {
        let call = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            question(&mut stream).await;
            let body = if call == 0 { "nonsense" } else { r#"{"health":"true"}"# };
            let _ = stream.write_all(http("200 OK", body).as_bytes()).await;
        }
    })
    .await;
    let mut probe = etcd(address);
    assert_eq!(look(&mut *probe).await, Err(ProbeFailure::Garbage));
    assert!(matches!(look(&mut *probe).await, Ok(Facts::Etcd(facts)) if facts.healthy));
}

/// A server that takes the greeting and answers with `answer`; what it hears after that, once the console has hung up.
async fn impostor(answer: &'static [u8]) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    let (tell, heard) = tokio::sync::mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let tell = tell.clone();
        async move {
            let mut greeting = [0; 1024];
            let _ = stream.read(&mut greeting).await;
            let _ = stream.write_all(answer).await;
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            let _ = tell.send(more);
        }
    })
    .await;
    (address, heard)
}

#[tokio::test]
async fn an_impostor_gets_no_password_from_us_whatever_it_asks_for() {
    // In the clear; as MD5 with a salt; in the clear in one go with what would come after it.
    for asks in [&b"R\0\0\0\x08\0\0\0\x03"[..], b"R\0\0\0\x0c\0\0\0\x05salt", b"R\0\0\0\x08\0\0\0\x03R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"] {
        let (address, mut heard) = impostor(asks).await;
        assert_eq!(failure(postgres, address).await, ProbeFailure::Unproved);
        assert_eq!(heard.recv().await.unwrap(), b"", "{asks:?}");
    }
    // SCRAM tells nothing that it can use, and what it says back has to prove that it knows the password.
    let (address, mut heard) = impostor(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0R\0\0\0\x0c\0\0\0\x0cv=AA").await;
    assert!(matches!(failure(postgres, address).await, ProbeFailure::Garbage | ProbeFailure::Unproved));
    let heard = String::from_utf8_lossy(&heard.recv().await.unwrap()).into_owned();
    assert!(heard.contains("SCRAM-SHA-256") && !heard.contains("not-a-secret"), "{heard}");
}
