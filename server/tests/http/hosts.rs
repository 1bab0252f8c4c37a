//! Under which names the console may be asked.

use crate::support::{ORIGIN, World, body};
use axum::body::Body;
use http::{Method, Request, StatusCode, Version, header};
use switchback_server::{config::MetricsAccess, network::TrustedProxies};

async fn world() -> World {
    World::with("https://console.example.net", MetricsAccess::Loopback, TrustedProxies::none()).await
}

async fn status(world: &World, path: &str, hosts: &[&str]) -> StatusCode {
    let mut request = Request::builder().method(Method::GET).uri(path);
    for host in hosts {
        request = request.header(header::HOST, *host);
    }
    world.ask(request.body(Body::empty()).unwrap()).await.status()
}

#[tokio::test]
async fn the_console_answers_only_under_its_own_names() {
    let world = world().await;
    let ours =
        ["console.example.net", "CONSOLE.example.net:443", "console.example.net:8443", "127.0.0.1:8480", "localhost:8480", "[::1]:8480"];
    for host in ours {
        assert_eq!(status(&world, "/sign-in", &[host]).await, StatusCode::OK, "{host}");
    }
    for host in ["evil.example", "console.example.net.evil.example", "192.0.2.7", "x.console.example.net", "localhost.evil.example"] {
        assert_eq!(status(&world, "/sign-in", &[host]).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert_eq!(status(&world, "/api/v1/pools", &[host]).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    for host in ["", "a b", "user@console.example.net", "console.example.net/x", "console.example.net,evil.example"] {
        assert!(status(&world, "/sign-in", &[host]).await.is_client_error(), "{host:?}");
    }
    for path in ["/sign-in", "/api/v1/pools", "/health/ready"] {
        assert_eq!(status(&world, path, &[]).await, StatusCode::BAD_REQUEST, "none: {path}");
        let twice = ["console.example.net", "console.example.net"];
        assert_eq!(status(&world, path, &twice).await, StatusCode::BAD_REQUEST, "two: {path}");
    }
    let in_line = "http://evil.example/sign-in";
    assert_eq!(status(&world, in_line, &["console.example.net"]).await, StatusCode::MISDIRECTED_REQUEST, "the request line counts too");
}

#[tokio::test]
async fn health_is_told_under_any_address_but_under_no_other_name() {
    let world = world().await;
    for host in ["192.0.2.7:8480", "[2001:db8::1]", "127.0.0.1"] {
        assert_eq!(status(&world, "/health/ready", &[host]).await, StatusCode::OK, "{host}");
    }
    for path in ["/health/ready", "/metrics"] {
        assert_eq!(status(&world, path, &["rebound.evil.example"]).await, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    let old = Request::builder().version(Version::HTTP_10).uri("/health/live").body(Body::empty()).unwrap();
    assert_eq!(world.ask(old).await.status(), StatusCode::OK, "some balancers still speak HTTP/1.0");
    let old = Request::builder().version(Version::HTTP_10).uri("/sign-in").body(Body::empty()).unwrap();
    assert_eq!(world.ask(old).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_refused_name_says_what_to_do_and_has_the_form_of_the_api() {
    let world = world().await;
    let ask = |path: &'static str| Request::builder().uri(path).header(header::HOST, "backend").body(Body::empty()).unwrap();
    let page = body(world.ask(ask("/")).await).await;
    assert!(page.contains("https://console.example.net") && page.contains("Host"), "{page}");
    let problem = body(world.ask(ask("/api/v1/pools")).await).await;
    assert!(problem.contains(r#""code":"misdirected""#), "{problem}");
}

#[tokio::test]
async fn two_origins_are_none() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    for (name, values) in
        [("origin", [ORIGIN, "https://evil.example"]), ("origin", [ORIGIN, ORIGIN]), ("sec-fetch-site", ["same-origin", "cross-site"])]
    {
        let mut request = crate::support::ask_for(Method::POST, "/sign-out", Some(&mira));
        for value in values {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).unwrap();
        assert_eq!(world.ask(request).await.status(), StatusCode::FORBIDDEN, "{name} {values:?}");
    }
    assert_eq!(world.get("/", Some(&mira)).await.status(), StatusCode::OK);
}
