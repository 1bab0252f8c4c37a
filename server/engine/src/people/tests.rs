//! Signing in, with everything that can be refused.

use crate::testing::{TestPool, let_pass};
use crate::{SetUpForm, SignedIn, SignedOut, Source};
use secrecy::ExposeSecret;
use std::sync::atomic::Ordering;
use switchback_domain::{
    error::{SetUpError, SignInError},
    fixture::at,
    people::WeakPassword,
};

const GOOD: &str = "correct horse battery";
const HERE: &str = "192.0.2.1";

fn form(secret: &str, login: &str, password: &str) -> SetUpForm {
    SetUpForm { secret: secret.into(), login: login.to_owned(), name: "  Ann Example ".to_owned(), password: password.into() }
}

async fn link(bench: &TestPool) -> String {
    let link = bench.console.open_set_up().await.expect("the store answers").expect("nobody exists yet");
    link.secret.expose_secret().to_owned()
}

/// A console whose first administrator is `ann`, signed in.
async fn with_ann() -> (TestPool, SignedIn) {
    let bench = TestPool::without_pools();
    let link = link(&bench).await;
    let signed_in = bench.console.set_up(form(&link, "ann", GOOD), HERE).await.expect("the link is open");
    bench.store.kept().audit.clear();
    (bench, signed_in)
}

fn last(bench: &TestPool) -> Option<String> {
    bench.store.audited().pop()
}

#[tokio::test(start_paused = true)]
async fn the_first_administrator_is_made_once_and_is_signed_in() {
    let bench = TestPool::without_pools();
    let first_link = link(&bench).await;
    let link = link(&bench).await;
    assert_ne!(first_link, link);
    assert!(!bench.console.set_up_is_open(&first_link).await.expect("the store answers"), "a newer link closes the older one");
    assert!(bench.console.set_up_is_open(&link).await.expect("the store answers"));
    let signed_in = bench.console.set_up(form(&link, " ann ", GOOD), HERE).await.expect("the link is open");
    assert_eq!(signed_in.caller.person.name, "Ann Example");
    let caller = bench.console.caller(signed_in.secret.expose_secret()).await.expect("the store answers").expect("the session is good");
    assert_eq!(caller.person.login.as_str(), "ann");
    assert_eq!(bench.store.audited(), ["open_set_up done", "open_set_up done", "set_up done", "sign_in done"]);
    let again = bench.console.set_up(form(&link, "eve", GOOD), HERE).await;
    assert_eq!(again.expect_err("it is used"), SetUpError::Closed);
    assert_eq!(last(&bench).as_deref(), Some("set_up refused closed"));
    assert!(bench.console.open_set_up().await.expect("the store answers").is_none(), "there is no second first administrator");
}

#[tokio::test(start_paused = true)]
async fn a_set_up_link_lasts_a_quarter_of_an_hour() {
    let bench = TestPool::without_pools();
    let link = link(&bench).await;
    let_pass(899_000).await;
    assert!(bench.console.set_up_is_open(&link).await.expect("the store answers"));
    let_pass(2_000).await;
    assert!(!bench.console.set_up_is_open(&link).await.expect("the store answers"));
    assert_eq!(bench.console.set_up(form(&link, "ann", GOOD), HERE).await.expect_err("it is too late"), SetUpError::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_set_up_that_is_refused_leaves_the_link_open() {
    let bench = TestPool::without_pools();
    let link = link(&bench).await;
    let refused =
        async |login: &str, password: &str| bench.console.set_up(form(&link, login, password), HERE).await.expect_err("it is refused");
    assert_eq!(refused("not a name", GOOD).await, SetUpError::BadLogin);
    assert_eq!(refused("ann", "short").await, SetUpError::Password { rule: WeakPassword::TooShort });
    assert_eq!(bench.store.audited()[1..], ["set_up refused bad_login", "set_up refused too_short"]);
    assert!(bench.store.kept().people.is_empty());
    assert!(bench.console.set_up(form(&link, "ann", GOOD), HERE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer_after_the_same_work() {
    let (bench, _) = with_ann().await;
    let work = || bench.passwords.verified.load(Ordering::Relaxed);
    let before = work();
    let wrong = bench.console.sign_in("ann", "wrong horse battery".into(), HERE).await.expect_err("it is wrong");
    assert_eq!(work(), before + 1);
    for nobody in ["eve", "no name at all", ""] {
        let before = work();
        let unknown = bench.console.sign_in(nobody, GOOD.into(), HERE).await.expect_err("nobody has this name");
        assert_eq!(unknown, wrong);
        assert_eq!(work(), before + 1);
    }
    assert_eq!(bench.store.audited()[..2], ["sign_in refused wrong_password", "sign_in refused unknown_login"]);
    let entry = bench.store.kept().audit[0].clone();
    assert_eq!((entry.actor, entry.subject.as_str(), entry.from_address.as_str()), (None, "ann", HERE));
    assert!(bench.store.kept().audit.iter().all(|entry| entry.subject != "eve"), "what was typed may be a password");
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_have_to_wait_and_are_one_entry() {
    let (bench, _) = with_ann().await;
    for _ in 0..10 {
        assert_eq!(bench.console.sign_in("ann", "wrong".into(), HERE).await.expect_err("it is wrong"), SignInError::Wrong);
    }
    for _ in 0..5 {
        assert_eq!(bench.console.sign_in("ann", GOOD.into(), HERE).await.expect_err("it is too often"), SignInError::SlowDown);
    }
    let entries = bench.store.audited();
    assert_eq!(entries.len(), 11);
    assert_eq!(entries[10], "sign_in refused slow_down");
    assert!(bench.console.sign_in("ann", GOOD.into(), "192.0.2.9").await.is_ok(), "the owner is not locked out elsewhere");
    let_pass(6_000).await;
    assert!(bench.console.sign_in("ann", GOOD.into(), HERE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_and_an_old_one_are_refused() {
    let (bench, signed_in) = with_ann().await;
    let secret = signed_in.secret.expose_secret();
    let is_good = async || bench.console.caller(secret).await.expect("the store answers").is_some();
    let_pass(29 * 60_000).await;
    assert!(is_good().await, "29 minutes without use");
    let_pass(29 * 60_000).await;
    assert!(is_good().await, "the use before counts");
    let_pass(30 * 60_000).await;
    assert!(!is_good().await, "30 minutes without use");
    let signed_in = bench.console.sign_in("ann", GOOD.into(), HERE).await.expect("it is right");
    let secret = signed_in.secret.expose_secret();
    let is_good = async || bench.console.caller(secret).await.expect("the store answers").is_some();
    for _ in 0..71 {
        let_pass(10 * 60_000).await;
        assert!(is_good().await);
    }
    let_pass(10 * 60_000).await;
    assert!(!is_good().await, "twelve hours, always in use");
    let_pass(45 * 60_000).await;
    assert_eq!(bench.store.kept().sessions.len(), 0, "ended sessions are removed");
}

#[tokio::test(start_paused = true)]
async fn the_use_of_a_session_is_noted_at_most_once_a_minute() {
    let (bench, signed_in) = with_ann().await;
    for _ in 0..180 {
        let_pass(1_000).await;
        bench.console.caller(signed_in.secret.expose_secret()).await.expect("the store answers").expect("the session is good");
    }
    assert_eq!(bench.store.kept().touches, 3);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_its_owner_says_so() {
    let (bench, signed_in) = with_ann().await;
    let secret = signed_in.secret.expose_secret();
    bench.console.sign_out(secret, HERE).await.expect("the store answers");
    assert_eq!(last(&bench).as_deref(), Some("sign_out done"));
    assert_eq!(bench.console.caller(secret).await, Ok(None));
    bench.console.sign_out(secret, HERE).await.expect("it is gone already");
    assert_eq!(bench.store.audited().len(), 1, "nothing was done the second time");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_at_once_although_the_store_cannot_be_written_and_is_stored_as_ended_later() {
    let (bench, signed_in) = with_ann().await;
    let secret = signed_in.secret.expose_secret();
    bench.store.sessions_fail.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(bench.console.sign_out(secret, HERE).await, Ok(SignedOut::NotStoredYet), "nobody is told that it is done");
        assert_eq!(bench.console.caller(secret).await, Ok(None), "the session does not live on");
        let_pass(5_000).await;
    }
    assert_eq!(bench.store.kept().sessions.len(), 1);
    assert_ne!(last(&bench).as_deref(), Some("sign_out done"));
    bench.store.sessions_fail.store(false, Ordering::Relaxed);
    bench.store.audit_fails.store(true, Ordering::Relaxed);
    let_pass(5_000).await;
    assert_eq!(bench.store.kept().sessions.len(), 0);
    assert_eq!(bench.console.caller(secret).await, Ok(None));
    bench.store.audit_fails.store(false, Ordering::Relaxed);
    let_pass(5_000).await;
    assert_eq!(last(&bench).as_deref(), Some("sign_out done"), "with the time at which it was asked for, and once");
    assert_eq!(bench.store.audited().iter().filter(|entry| *entry == "sign_out done").count(), 1);
    assert_eq!(bench.console.sign_out(secret, HERE).await, Ok(SignedOut::Stored));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_secret_is_nobody_s() {
    let (bench, signed_in) = with_ann().await;
    let upper = signed_in.secret.expose_secret().to_uppercase();
    for text in ["", "x", &"0".repeat(64), &upper, &"ä".repeat(32)] {
        assert_eq!(bench.console.caller(text).await, Ok(None), "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_gives_a_right_and_cannot_be_written_down_is_not_done() {
    let bench = TestPool::without_pools();
    let link = link(&bench).await;
    bench.store.audit_fails.store(true, Ordering::Relaxed);
    let error = bench.console.set_up(form(&link, "ann", GOOD), HERE).await.expect_err("it cannot be written down");
    assert!(matches!(error, SetUpError::Internal { .. }));
    assert!(bench.store.kept().people.is_empty());
    bench.store.audit_fails.store(false, Ordering::Relaxed);
    let signed_in = bench.console.set_up(form(&link, "ann", GOOD), HERE).await.expect("the link is still open");
    bench.store.audit_fails.store(true, Ordering::Relaxed);
    let sessions = bench.store.kept().sessions.len();
    let error = bench.console.sign_in("ann", GOOD.into(), HERE).await.expect_err("it cannot be written down");
    assert!(matches!(error, SignInError::Internal { .. }));
    assert_eq!(bench.store.kept().sessions.len(), sessions);
    let ended = bench.console.sign_out(signed_in.secret.expose_secret(), HERE).await;
    assert_eq!(ended, Ok(SignedOut::NotStoredYet), "it cannot be written down yet");
    let caller = bench.console.caller(signed_in.secret.expose_secret()).await.expect("the store answers");
    assert_eq!(caller, None, "only a right that ends may end without an entry");
}

#[tokio::test(start_paused = true)]
async fn the_set_up_form_is_no_place_to_guess_or_to_flood_the_audit_history() {
    let bench = TestPool::without_pools();
    for _ in 0..200 {
        let error = bench.console.set_up(form(&"0".repeat(64), "ann", GOOD), HERE).await.expect_err("no such link");
        assert!(matches!(error, SetUpError::Closed | SetUpError::SlowDown));
    }
    assert!(bench.store.kept().audit.len() <= 12, "{} entries", bench.store.kept().audit.len());
    let link = link(&bench).await;
    assert!(bench.console.set_up(form(&link, "ann", GOOD), "198.51.100.7").await.is_ok(), "others are not held up");
}

#[tokio::test(start_paused = true)]
async fn neither_passwords_nor_hashes_nor_secrets_leave() {
    let (bench, signed_in) = with_ann().await;
    let again = bench.console.sign_in("ann", GOOD.into(), HERE).await.expect("it is right");
    let _ = bench.console.sign_in("ann", "wrong horse battery".into(), HERE).await;
    let secret = again.secret.expose_secret().to_owned();
    let hash = bench.store.kept().people.values().next().expect("ann exists").1.clone();
    let shown = [
        format!("{again:?} {signed_in:?}"),
        serde_json::to_string(&again.caller).expect("it is data"),
        format!("{:?}", bench.console.audit(&TestPool::caller()).await.expect("the store answers")),
        format!("{:?}", bench.store.kept().sessions),
    ];
    for text in shown {
        for hidden in [GOOD, "wrong horse", hash.as_str(), secret.as_str()] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    assert_eq!(again.caller.session_ends_at, at(12 * 3_600_000));
}

#[tokio::test(start_paused = true)]
async fn an_owner_gets_in_from_a_known_device_while_a_thousand_guesses_run() {
    let (bench, signed_in) = with_ann().await;
    let known = Source { address: "198.51.100.7", device: Some(&signed_in.device), is_this_machine: false };
    let mut shut_out = 0;
    for n in 0..1_000 {
        let from = format!("192.0.2.{}", n % 250);
        assert!(bench.console.sign_in("ann", "wrong horse battery".into(), &*from).await.is_err());
        if n % 50 == 0 {
            assert!(bench.console.sign_in("ann", GOOD.into(), known).await.is_ok(), "after {n} guesses");
            shut_out += u32::from(bench.console.sign_in("ann", GOOD.into(), "198.51.100.8").await.is_err());
        }
    }
    assert!(shut_out > 10, "the guesses were not even felt: {shut_out}");
    let here = Source { is_this_machine: true, ..Source::from("127.0.0.1") };
    assert!(bench.console.sign_in("ann", GOOD.into(), here).await.is_ok(), "who is at the machine gets in too");
    let entries = bench.store.audited();
    assert!(entries.len() < 250, "{} entries for a thousand guesses", entries.len());
}

#[tokio::test(start_paused = true)]
async fn load_is_told_as_load_and_holds_up_only_strangers() {
    let (bench, signed_in) = with_ann().await;
    bench.passwords.strangers_wait.store(true, Ordering::Relaxed);
    let audited = bench.store.audited().len();
    for _ in 0..50 {
        assert_eq!(bench.console.sign_in("ann", GOOD.into(), HERE).await.expect_err("it is busy"), SignInError::Busy);
    }
    assert_eq!(bench.store.audited().len(), audited, "nothing was tried, so nothing is written down");
    let known = Source { device: Some(&signed_in.device), ..Source::from(HERE) };
    let again = bench.console.sign_in("ann", GOOD.into(), known).await.expect("a known device has a lane of its own");
    let known = Source { device: Some(&again.device), ..Source::from(HERE) };
    assert!(bench.console.sign_in("ann", GOOD.into(), known).await.is_ok(), "the next note is as good");
    bench.passwords.strangers_wait.store(false, Ordering::Relaxed);
    assert!(bench.console.sign_in("ann", GOOD.into(), HERE).await.is_ok(), "waiting was not counted as guessing");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_guesses_at_names_that_nobody_has_does_not_fill_the_audit_history() {
    let (bench, _) = with_ann().await;
    for n in 0..2_000 {
        let _ = bench.console.sign_in("eve", "wrong".into(), &*format!("2001:db8:{n:x}::1")).await;
        let _ = bench.console.sign_in(&format!("eve{n}"), "wrong".into(), &*format!("2001:db8:{n:x}::1")).await;
    }
    let entries = bench.store.kept().audit.len();
    assert!((50..=70).contains(&entries), "{entries} entries");
    let_pass(2_000).await;
    let _ = bench.console.sign_in("zoe", "wrong".into(), "2001:db8:ffff::1").await;
    let last = bench.store.kept().audit.last().cloned().expect("an entry");
    assert!(last.detail["refused_before"].as_u64().is_some_and(|count| count > 1_000), "{last:?}");
}
