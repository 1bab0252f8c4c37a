use crate::support::{ORIGIN, World, ask_for, body, location, text};
use axum::body::Body;
use http::{Method, StatusCode, header};
use std::collections::BTreeSet;
use switchback_server::{config::MetricsAccess, http::routes, network::TrustedProxies};

/// What may be asked without a session; every other route must refuse.
const OPEN_PAGES: [&str; 2] = ["/sign-in", "/set-up/{secret}"];

fn example_of(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{pool}" => "chat-core",
        "{node}" => "a1",
        "{kind}" => "cross-site",
        other => other.trim_matches(['{', '}']),
    });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn an_address_that_a_browser_would_read_as_another_page_needs_a_session() {
    let world = World::new().await;
    for path in ["/set-up/..%5Caudit?problem=closed", "/set-up/%2e%2e?problem=closed", "/set-up/..?problem=closed", "/set-up/a%2Fb"] {
        assert!(location(&world.get(path, None).await).starts_with("/sign-in"), "{path}");
    }
    let long = format!("/sign-in?{}", "1&".repeat(2_000));
    assert_eq!(world.get(&long, None).await.status(), StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn every_page_and_every_server_function_refuses_without_a_session() {
    let world = World::new().await;
    let all = routes();
    assert!(all.iter().any(|route| route.path == "/pools/{pool}"), "{all:?}");
    assert!(all.iter().any(|route| route.path.starts_with("/api/")), "{all:?}");
    for session in [None, Some("deadbeef"), Some(""), Some(&"a".repeat(64)[..])] {
        for route in &all {
            let path = example_of(&route.path);
            let request = ask_for(route.method.clone(), &path, session).header(header::ORIGIN, ORIGIN);
            let response = world.ask(request.body(Body::empty()).unwrap()).await;
            if route.path.starts_with("/set-up/") {
                assert!(location(&response).ends_with("?problem=closed"), "{path}");
            } else if OPEN_PAGES.contains(&route.path.as_str()) {
                assert_eq!(response.status(), StatusCode::OK, "{path}");
            } else if path.starts_with("/api/") {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
                assert_eq!(body(response).await, r#"{"error":"not_signed_in"}"#);
            } else {
                assert!(location(&response).starts_with("/sign-in"), "{path}");
            }
        }
        for live in ["/live/pools", "/live/pools/chat-core", "/live/pools/unknown"] {
            assert_eq!(world.get(live, session).await.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn no_spelling_of_an_address_gets_around_the_gate() {
    let world = World::new().await;
    for path in [
        "//",
        "/./",
        "/%2e/",
        "/pools",
        "/POOLS/chat-core",
        "/pools/chat-core/",
        "/sign-in/",
        "/sign-in/..",
        "/sign-in%2f..",
        "/pkg",
        "/%70kg/x",
        "/set-up/a/b",
        "/set-up/",
        "/health",
        "/health/live/x",
        "/metrics/",
        "/favicon.svg/",
        "/outside.txt",
        "/../outside.txt",
        "/api",
        "/nowhere",
    ] {
        let response = world.get(path, None).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&response.status())
            || (response.status() == StatusCode::SEE_OTHER && text(response.headers(), "location").starts_with("/sign-in"));
        assert!(refused, "{path}: {response:?}");
        assert!(!body(response).await.contains("chat-core") || path.contains("chat-core"), "{path}");
    }
    for path in ["/pkg/../outside.txt", "/pkg/%2e%2e/%2e%2e/outside.txt", "/pkg/..%2f..%2foutside.txt", "/pkg/../../store.db"] {
        let response = world.get(path, None).await;
        assert!(response.status().is_client_error() || response.status().is_redirection(), "{path}: {response:?}");
    }
    let by_post = ask_for(Method::POST, "/pkg/switchback.js", None).header(header::ORIGIN, ORIGIN).body(Body::empty()).unwrap();
    assert!(world.ask(by_post).await.status().is_client_error());
}

#[tokio::test]
async fn scripts_are_kept_for_ever_and_fonts_for_a_while() {
    let world = World::new().await;
    let kept = async |path: &str| text(world.get(path, None).await.headers(), "cache-control").to_owned();
    assert_eq!(kept("/pkg/switchback.5fKd0.js").await, "public, max-age=31536000, immutable");
    assert_eq!(kept("/pkg/switchback.js").await, "no-cache");
    assert_eq!(kept("/favicon.svg").await, "public, max-age=3600");
    assert_eq!(kept("/fonts/text.woff2").await, "public, max-age=3600");
    assert_eq!(kept("/pkg/missing.5fKd0.js").await, "no-store", "what is not there is not remembered as such");
    assert_eq!(kept("/sign-in").await, "no-store");
    let request = ask_for(Method::GET, "/pkg/switchback.5fKd0.js", None).header(header::ACCEPT_ENCODING, "br, gzip");
    let compressed = world.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(compressed.headers(), "content-encoding"), "br");
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_a_nonce_of_its_own() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let mut nonces = BTreeSet::new();
    let paths = [
        "/",
        "/pools/chat-core",
        "/audit",
        "/sign-in",
        "/nowhere",
        "/health/live",
        "/live/pools",
        "/favicon.svg",
        "/pkg/switchback.js",
        "/api/x",
    ];
    for path in paths {
        let response = world.get(path, Some(&mira)).await;
        let headers = response.headers();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(text(headers, name), value, "{path}");
        }
        assert!(text(headers, "permissions-policy").contains("camera=()"));
        assert!(headers.get("strict-transport-security").is_none(), "without TLS this would be a lie");
        assert_eq!(text(headers, "x-request-id").len(), 16, "{path}");
        let policy = text(headers, "content-security-policy").to_owned();
        for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains('*'), "{policy}");
        let nonce = policy.split_once("'nonce-").unwrap().1.split('\'').next().unwrap().to_owned();
        assert!(nonce.len() >= 22, "{nonce}");
        let is_page = text(headers, "content-type").starts_with("text/html");
        if is_page {
            let page = body(response).await;
            // The translations' library leaves an empty one behind, which no browser runs.
            for script in page.split("<script").skip(1).filter(|script| !script.starts_with("></script>")) {
                let tag = script.split('>').next().unwrap();
                assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: <script{tag}>");
            }
            assert!(page.contains("<script"), "{path} starts no script");
        }
        assert!(nonces.insert(nonce), "a nonce came twice");
    }
}

#[tokio::test]
async fn behind_tls_browsers_are_told_to_stay_there() {
    let world = World::with("https://console.example.net", MetricsAccess::Loopback, TrustedProxies::WhoeverConnects).await;
    let response = world.get("/sign-in", None).await;
    assert_eq!(text(response.headers(), "strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_by_whoever_is_signed_in() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    for path in ["/nowhere", "/pools/unknown", "/pools/chat-core/nodes/unknown", "/pools/chat-core/links/sideways", "/live/pools/unknown"] {
        assert_eq!(world.get(path, Some(&mira)).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let page = body(world.get("/pools/chat-core", Some(&mira)).await).await;
    assert!(page.contains("dc-a"), "the data is in the first answer: {page}");
}
