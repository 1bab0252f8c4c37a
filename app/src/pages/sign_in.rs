//! Signing in: a plain form that works without scripts.

use crate::{
    pages::common::use_lang,
    preferences::Preferences,
    ui::{Button, Field, Kind, Logo, Look, Status, Tone},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use switchback_words::say;

/// The page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let lang = use_lang();
    let query = use_query_map();
    let problem = Memo::new(move |_| query.read().get("problem"));
    let next = move || query.read().get("next").unwrap_or_default();
    let wrong = move || (problem.get().as_deref() == Some("wrong")).then(|| say!(lang(), sign_in.wrong));
    let notice = move || {
        let (tone, text) = match problem.get()?.as_str() {
            "slow_down" => (Tone::Warn, say!(lang(), sign_in.slow_down)),
            "busy" => (Tone::Warn, say!(lang(), sign_in.busy)),
            "expired" => (Tone::Warn, say!(lang(), sign_in.expired)),
            "signed_out" => (Tone::Ok, say!(lang(), sign_in.signed_out)),
            "wrong" => return None,
            _ => (Tone::Fail, say!(lang(), sign_in.failed)),
        };
        Some(view! { <p role="status"><Status tone look=Look::Top>{text}</Status></p> }.into_any())
    };
    view! {
        <Title text=say!(lang(), sign_in.title) />
        <EntryFrame foot=move || view! { <p>{say!(lang(), sign_in.kept)}</p> }>
            <div>
                <h1>{say!(lang(), sign_in.title)}</h1>
                <p class="ink2">{say!(lang(), sign_in.lede)}</p>
            </div>
            {move || notice()}
            <form method="post" action="/sign-in">
                <input type="hidden" name="next" value=move || next() />
                <Field
                    name="login"
                    label=say!(lang(), sign_in.login)
                    autocomplete="username"
                    verbatim=true
                    first=true
                />
                <Field
                    name="password"
                    kind="password".to_owned()
                    label=say!(lang(), sign_in.password)
                    autocomplete="current-password"
                    problem=wrong
                />
                <Button kind=Kind::Primary wide=true submit=true>
                    {say!(lang(), sign_in.submit)}
                </Button>
            </form>
        </EntryFrame>
    }
}

/// The page before anybody is signed in: a form beside a road between two sites.
#[component]
pub(super) fn EntryFrame(
    /// What stands below the form.
    #[prop(into)]
    foot: ViewFn,
    /// Heading and form.
    children: Children,
) -> impl IntoView {
    view! {
        <main class="signin" id="main">
            <div class="signin__side">
                <span class="brand">
                    <Logo />
                    "Switchback"
                </span>
                <div class="signin__form">{children()}</div>
                <footer class="signin__foot">{move || foot.run()} <Preferences /></footer>
            </div>
            <div class="signin__art" aria-hidden="true">
                <svg class="map" viewBox="0 0 960 1000" preserveAspectRatio="xMidYMid slice">
                    <path class="road-e" d=ROAD></path>
                    <path class="road-b" d=ROAD></path>
                    <path class="road-c" d=ROAD></path>
                    <circle class="from" cx="150" cy="842" r="15"></circle>
                    <circle class="to" cx="806" cy="168" r="19"></circle>
                </svg>
            </div>
        </main>
    }
}

const ROAD: &str = "M150 842 C 300 842 520 842 690 800 C 806 771 796 664 676 668 C 548 672 470 672 366 652 C 262 632 268 530 366 522 C 480 513 590 540 690 506 C 776 477 756 392 672 392 C 610 392 560 398 512 376 C 452 348 474 276 544 270 C 640 262 730 236 806 168";
