//! The first account, made through a link that works once.

use super::sign_in::EntryFrame;
use crate::{
    pages::common::use_lang,
    ui::{Button, Field, Kind, Look, Status, Tone},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use switchback_words::say;

/// The page.
#[component]
pub fn SetUpPage() -> impl IntoView {
    let lang = use_lang();
    let params = use_params_map();
    let query = use_query_map();
    let problem = Memo::new(move |_| query.read().get("problem"));
    let is = move |word: &str| problem.read().as_deref() == Some(word);
    let login_problem = move || is("bad_login").then(|| say!(lang(), set_up.problem_login));
    let password_problem = move || {
        let text = match problem.get()?.as_str() {
            "too_short" => say!(lang(), set_up.problem_too_short),
            "too_long" => say!(lang(), set_up.problem_too_long),
            "guessable" => say!(lang(), set_up.problem_guessable),
            _ => return None,
        };
        Some(text)
    };
    let notice = move || {
        let (tone, text) = match problem.get()?.as_str() {
            "bad_login" | "too_short" | "too_long" | "guessable" => return None,
            "closed" => (Tone::Warn, say!(lang(), set_up.problem_closed)),
            "slow_down" => (Tone::Warn, say!(lang(), set_up.problem_slow_down)),
            _ => (Tone::Fail, say!(lang(), set_up.problem_failed)),
        };
        Some(view! { <p role="status"><Status tone look=Look::Top>{text}</Status></p> }.into_any())
    };
    view! {
        <Title text=say!(lang(), set_up.title) />
        <EntryFrame foot=move || view! { <p>{say!(lang(), set_up.kept)}</p> }>
            <div>
                <h1>{say!(lang(), set_up.title)}</h1>
                <p class="ink2">{say!(lang(), set_up.lede)}</p>
            </div>
            {move || notice()}
            <Show when=move || !is("closed")>
                <form method="post" action="/set-up">
                    <input type="hidden" name="secret" value=move || params.read().get("secret").unwrap_or_default() />
                    <Field
                        name="login"
                        label=say!(lang(), set_up.login)
                        hint=say!(lang(), set_up.login_hint)
                        autocomplete="username"
                        verbatim=true
                        first=true
                        maxlength=63_u32
                        problem=login_problem
                    />
                    <Field
                        name="name"
                        label=say!(lang(), set_up.name)
                        hint=say!(lang(), set_up.name_hint)
                        autocomplete="name"
                        optional=true
                    />
                    <Field
                        name="password"
                        kind="password".to_owned()
                        label=say!(lang(), set_up.password)
                        hint=say!(lang(), set_up.password_hint)
                        autocomplete="new-password"
                        minlength=15_u32
                        maxlength=256_u32
                        problem=password_problem
                    />
                    <Button kind=Kind::Primary wide=true submit=true>
                        {say!(lang(), set_up.submit)}
                    </Button>
                </form>
            </Show>
        </EntryFrame>
    }
}
