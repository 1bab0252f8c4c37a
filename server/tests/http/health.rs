use crate::support::{World, ask_for, body, text};
use axum::{body::Body, extract::ConnectInfo};
use http::{Method, StatusCode};
use std::net::SocketAddr;
use switchback_server::{config::MetricsAccess, network::TrustedProxies};

#[tokio::test]
async fn health_is_told_to_everybody_and_tells_nothing_else() {
    let world = World::new().await;
    let live = world.get("/health/live", None).await;
    assert_eq!(live.status(), StatusCode::OK);
    assert_eq!(body(live).await, "alive\n");
    let ready = world.get("/health/ready", None).await;
    assert_eq!(ready.status(), StatusCode::OK);
    assert_eq!(body(ready).await, "ready\n");
    world.stop.cancel();
    assert_eq!(world.get("/health/ready", None).await.status(), StatusCode::SERVICE_UNAVAILABLE, "whoever leaves gets no more work");
}

async fn figures(world: &World, peer: [u8; 4], forwarded: bool) -> StatusCode {
    let mut request = ask_for(Method::GET, "/metrics", None);
    if forwarded {
        request = request.header("x-forwarded-for", "127.0.0.1");
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 1_234))));
    let response = world.ask(request).await;
    if response.status().is_success() {
        assert!(text(response.headers(), "content-type").starts_with("text/plain; version=0.0.4"));
    }
    response.status()
}

#[tokio::test]
async fn figures_are_for_this_machine_unless_opened() {
    let world = World::new().await;
    assert_eq!(figures(&world, [127, 0, 0, 1], false).await, StatusCode::OK);
    assert_eq!(figures(&world, [192, 0, 2, 7], false).await, StatusCode::FORBIDDEN);
    assert_eq!(figures(&world, [127, 0, 0, 1], true).await, StatusCode::FORBIDDEN, "through a proxy on this machine");
    let open = World::with(crate::support::ORIGIN, MetricsAccess::Open, TrustedProxies::none()).await;
    assert_eq!(figures(&open, [192, 0, 2, 7], false).await, StatusCode::OK);
}
