use crate::support::{PASSWORD, World, ask_for, body, location, session, text};
use axum::body::Body;
use http::{Method, StatusCode, header};
use std::time::Duration;
use switchback_server::http::DEVICE_COOKIE;

fn sign_in_form(password: &str, next: &str) -> String {
    format!("login=mira&password={}&next={}", password.replace(' ', "+"), next.replace('&', "%26"))
}

#[tokio::test]
async fn the_first_administrator_is_made_once_with_the_link() {
    let world = World::new().await;
    let secret = world.set_up_link().await;
    assert_eq!(world.get(&format!("/set-up/{secret}"), None).await.status(), StatusCode::OK);

    let weak = world.post("/set-up", &format!("secret={secret}&login=mira&password=short"), None).await;
    assert_eq!(location(&weak), format!("/set-up/{secret}?problem=too_short"));
    assert_eq!(session(&weak), None);

    let form = format!("secret={secret}&login=mira&name=Mira&password={}", PASSWORD.replace(' ', "+"));
    let made = world.post("/set-up", &form, None).await;
    assert_eq!(location(&made), "/");
    let cookie = text(made.headers(), "set-cookie");
    for part in ["__Host-switchback=", "Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie} lacks {part}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let mira = session(&made).unwrap();
    assert_eq!(world.get("/", Some(&mira)).await.status(), StatusCode::OK);

    let again = world.post("/set-up", &form, None).await;
    assert_eq!(location(&again), format!("/set-up/{secret}?problem=closed"));
    assert!(world.console.open_set_up().await.unwrap().is_none(), "with an account there is no link any more");
    assert_eq!(
        world.audit().await,
        ["open_set_up done", "set_up refused too_short", "set_up done", "sign_in done", "set_up refused closed"]
    );
}

#[tokio::test]
async fn signing_in_leads_to_where_one_wanted_to_go_but_never_elsewhere() {
    let world = World::new().await;
    world.signed_in().await;
    let turned_away = world.get("/pools/chat-core?span=week", None).await;
    assert_eq!(location(&turned_away), "/sign-in?next=/pools/chat-core%3Fspan%3Dweek");

    let wrong = world.post("/sign-in", &sign_in_form("wrong", "/pools/chat-core"), None).await;
    assert_eq!(location(&wrong), "/sign-in?problem=wrong&next=/pools/chat-core");
    assert_eq!(session(&wrong), None);

    let right = world.post("/sign-in", &sign_in_form(PASSWORD, "/pools/chat-core"), None).await;
    assert_eq!(location(&right), "/pools/chat-core");
    assert!(session(&right).is_some());
    for elsewhere in ["//evil.example", "https://evil.example/", "/%5Cevil.example", "/%09/evil.example", "javascript:alert(1)", ""] {
        let signed_in = world.post("/sign-in", &sign_in_form(PASSWORD, elsewhere), None).await;
        assert_eq!(location(&signed_in), "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn after_signing_out_the_session_is_gone_for_whoever_kept_its_cookie() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let out = world.post("/sign-out", "", Some(&mira)).await;
    assert_eq!(location(&out), "/sign-in");
    assert!(text(out.headers(), "set-cookie").contains("Max-Age=0"));
    assert_eq!(location(&world.get("/", Some(&mira)).await), "/sign-in");
    assert_eq!(world.get("/live/pools", Some(&mira)).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.audit().await.last().map(String::as_str), Some("sign_out done"));
}

#[tokio::test]
async fn signing_in_again_leaves_no_second_session_behind() {
    let world = World::new().await;
    let old = world.signed_in().await;
    let new = session(&world.post("/sign-in", &sign_in_form(PASSWORD, ""), Some(&old)).await).unwrap();
    assert_ne!(old, new);
    assert_eq!(location(&world.get("/", Some(&old)).await), "/sign-in");
    assert_eq!(world.get("/", Some(&new)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_in_any_case_after_its_time() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    for _ in 0..30 {
        world.pass(Duration::from_mins(25));
        if world.get("/", Some(&mira)).await.status() != StatusCode::OK {
            break;
        }
    }
    assert_eq!(location(&world.get("/", Some(&mira)).await), "/sign-in", "used all the time, it still ends after 12 hours");
    let mira = session(&world.post("/sign-in", &sign_in_form(PASSWORD, ""), None).await).unwrap();
    world.pass(Duration::from_mins(29));
    assert_eq!(world.get("/", Some(&mira)).await.status(), StatusCode::OK);
    world.pass(Duration::from_mins(31));
    assert_eq!(location(&world.get("/", Some(&mira)).await), "/sign-in");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_written_down() {
    let world = World::new().await;
    world.signed_in().await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(world.post("/sign-in", &sign_in_form("wrong", "/audit"), None).await);
    }
    assert_eq!(location(&answers[0]), "/sign-in?problem=wrong&next=/audit");
    let slowed = answers.pop().unwrap();
    assert_eq!((slowed.status(), text(slowed.headers(), "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "6"));
    assert!(body(slowed).await.contains("url=/sign-in?problem=slow_down&amp;next=/audit"), "browsers go on to the page that says so");
    let right = world.post("/sign-in", &sign_in_form(PASSWORD, ""), None).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "the right password is not told apart either");
    let audit = world.audit().await;
    assert!(audit.iter().any(|entry| entry == "sign_in refused wrong_password"), "{audit:?}");
    assert!(audit.iter().any(|entry| entry == "sign_in refused slow_down"), "{audit:?}");
}

#[tokio::test]
async fn a_browser_that_somebody_has_signed_in_with_is_not_shut_out_by_others() {
    let world = World::new().await;
    world.signed_in().await;
    let first = world.post("/sign-in", &sign_in_form(PASSWORD, ""), None).await;
    let cookies: Vec<String> = first.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let device = cookies.iter().find(|cookie| cookie.starts_with(DEVICE_COOKIE)).expect("a note for the browser");
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=15552000"] {
        assert!(device.contains(part), "{device} lacks {part}");
    }
    let device = device.split(';').next().unwrap().to_owned();
    for _ in 0..40 {
        world.post("/sign-in", &sign_in_form("wrong", ""), None).await;
    }
    let with = async |cookie: &str, password: &str| {
        let request = ask_for(Method::POST, "/sign-in", None)
            .header(header::ORIGIN, crate::support::ORIGIN)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie);
        world.ask(request.body(Body::from(sign_in_form(password, ""))).unwrap()).await.status()
    };
    assert_eq!(with("a=b", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "a stranger has to wait");
    let forged = format!("{}0", &device[..device.len() - 1]);
    let forged = if forged == device { format!("{}1", &device[..device.len() - 1]) } else { forged };
    assert_eq!(with(&forged, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "a note that we have not signed");
    assert_eq!(with(&format!("{device}; {device}"), PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "two notes are none");
    assert_eq!(with(&device, PASSWORD).await, StatusCode::SEE_OTHER);
    let mut slowed = false;
    for _ in 0..20 {
        slowed |= with(&device, "wrong").await == StatusCode::TOO_MANY_REQUESTS;
    }
    assert!(slowed, "whoever has stolen the note may not guess without end");
}

#[tokio::test]
async fn whoever_is_refused_again_and_again_has_to_slow_down() {
    let world = World::new().await;
    let mira = world.signed_in().await;
    let before = world.store.entries(10_000).await.unwrap().len();
    let mut last = StatusCode::OK;
    for _ in 0..300 {
        last = world.post("/operations/op-9999/wish", "wish=explode", Some(&mira)).await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let written = world.store.entries(10_000).await.unwrap().len() - before;
    assert!((60..=64).contains(&written), "{written} entries for 300 refusals");
    assert_eq!(world.get("/", Some(&mira)).await.status(), StatusCode::OK, "pages can still be read");
    let again = world.post("/sign-in", &sign_in_form(PASSWORD, ""), None).await;
    let other = session(&again).unwrap();
    let wish = world.post("/operations/op-9999/wish", "wish=pause", Some(&other)).await;
    assert_eq!(wish.status(), StatusCode::SEE_OTHER, "another session of the same person goes on");
}

#[tokio::test]
async fn a_link_that_is_no_link_stays_one_harmless_path_segment() {
    let world = World::new().await;
    let bad = world.post("/set-up", "secret=../../%0d%0aSet-Cookie:+x&login=mira&password=x", None).await;
    let to = location(&bad);
    assert!(to.starts_with("/set-up/") && to.ends_with("?problem=closed") && to.matches('/').count() == 2, "{to}");
    assert!(bad.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(location(&world.post("/set-up", "secret=&login=mira&password=x", None).await), "/set-up/-?problem=closed");
}

#[tokio::test]
async fn the_pages_without_session_say_nothing_about_pools() {
    let world = World::new().await;
    world.signed_in().await;
    let page = body(world.get("/sign-in", None).await).await;
    assert!(page.contains("<html"), "{page}");
    assert!(!page.contains("chat-core"), "{page}");
}
