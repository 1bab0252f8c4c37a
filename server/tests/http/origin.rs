use crate::support::{ORIGIN, PASSWORD, World, ask_for, session};
use axum::body::Body;
use http::{Method, StatusCode, header};

#[tokio::test]
async fn only_a_page_of_the_console_may_send_what_changes_something() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let refused: [(&str, &[(&str, &str)]); 7] = [
        ("nothing told", &[]),
        ("another origin", &[("origin", "https://evil.example")]),
        ("another port", &[("origin", "http://127.0.0.1:9999")]),
        ("a sandboxed frame", &[("origin", "null")]),
        ("another site", &[("sec-fetch-site", "cross-site"), ("origin", ORIGIN)]),
        ("a neighbour of the same site", &[("sec-fetch-site", "same-site"), ("origin", "http://other.127.0.0.1")]),
        ("two that disagree", &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")]),
    ];
    for (what, headers) in refused {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for path in ["/sign-out", "/sign-in", "/set-up", "/api/fn/overview", "/", "/nowhere"] {
                let mut request =
                    ask_for(method.clone(), path, Some(&mira)).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let status = world.ask(request.body(Body::from("login=mira")).unwrap()).await.status();
                assert_eq!(status, StatusCode::FORBIDDEN, "{what}: {method} {path}");
            }
        }
    }
    assert_eq!(world.get("/", Some(&mira)).await.status(), StatusCode::OK, "the session is still there");
}

#[tokio::test]
async fn a_browser_that_tells_only_the_origin_can_sign_in() {
    let world = World::new().await;
    world.signed_in().await;
    let request = ask_for(Method::POST, "/sign-in", None)
        .header(header::ORIGIN, ORIGIN)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = format!("login=mira&password={}", PASSWORD.replace(' ', "+"));
    let signed_in = world.ask(request.body(Body::from(form)).unwrap()).await;
    assert!(session(&signed_in).is_some());
}
