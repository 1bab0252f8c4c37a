use crate::support::{ORIGIN, World, ask_for};
use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header};
use proptest::prelude::*;

#[tokio::test]
async fn a_form_that_is_no_form_is_refused_politely() {
    let world = World::new().await;
    for form in ["", "login", "login=mira", "%ff%fe", "{\"login\":1}", "login=a&login=b&password=c"] {
        for path in ["/sign-in", "/set-up"] {
            let status = world.post(path, form, None).await.status();
            assert!(status.is_client_error(), "{path} {form:?}: {status}");
        }
    }
    let large = world.post("/sign-in", &format!("login=mira&password={}", "x".repeat(100_000)), None).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let login = world.post("/sign-in", "login=%00%0a..%2f&password=x", None).await;
    assert_eq!(crate::support::location(&login), "/sign-in?problem=wrong");
}

#[tokio::test]
async fn a_cookie_that_is_no_session_is_nobody() {
    let world = World::new().await;
    for cookie in ["", "=", "x".repeat(10_000).as_str(), "'; drop table sessions; --", "%00"] {
        assert_eq!(crate::support::location(&world.get("/", Some(cookie)).await), "/sign-in", "{cookie}");
    }
    let request = ask_for(Method::GET, "/", None).header(header::COOKIE, HeaderValue::from_bytes(b"__Host-switchback=\xff\xfe").unwrap());
    assert_eq!(crate::support::location(&world.ask(request.body(Body::empty()).unwrap()).await), "/sign-in");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn no_request_at_all_makes_the_console_fail(
        requests in prop::collection::vec(("[A-Z]{1,8}|GET|POST", "/[a-zA-Z0-9/%._~?=&-]{0,60}", prop::option::of("[ -~]{0,40}"), any::<bool>(), ".{0,200}"), 40)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mira = world.signed_in().await;
            for (method, path, header_value, with_session, body) in requests {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let mut request = ask_for(method, &path, with_session.then_some(&*mira)).header(header::ORIGIN, ORIGIN);
                if let Some(value) = &header_value {
                    for name in ["last-event-id", "x-forwarded-for", "accept-language", "range", "if-none-match", "content-type"] {
                        request = request.header(name, value);
                    }
                }
                // Some paths are no address at all; those never get here.
                let Ok(request) = request.body(Body::from(body)) else { continue };
                let response = world.ask(request).await;
                assert!(!response.status().is_server_error(), "{path}: {response:?}");
            }
        });
    }
}
