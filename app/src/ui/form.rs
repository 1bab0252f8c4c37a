//! Fields of plain forms.

use crate::ui::{Icon, Sign};
use leptos::prelude::*;

/// A labelled field with a hint and, if something is wrong with it, the reason.
#[component]
pub fn Field(
    /// Unique on the page, and the name under which it is sent.
    #[prop(into)]
    name: String,
    /// Its label.
    #[prop(into)]
    label: Signal<String>,
    /// Its kind, such as `password`.
    #[prop(optional, into)]
    kind: Option<String>,
    /// What a password manager may put in.
    #[prop(into)]
    autocomplete: String,
    /// What makes a good value.
    #[prop(optional, into)]
    hint: Option<Signal<String>>,
    /// What is wrong with the value.
    #[prop(into, optional)]
    problem: Signal<Option<String>>,
    /// What it holds at first.
    #[prop(optional, into)]
    value: String,
    /// The focus begins here.
    #[prop(optional)]
    first: bool,
    /// Spelling and capitals matter: nothing corrects them.
    #[prop(optional)]
    verbatim: bool,
    /// It may be left empty.
    #[prop(optional)]
    optional: bool,
    /// The fewest characters, told to password managers and checked by the browser.
    #[prop(optional, into)]
    minlength: Option<u32>,
    /// The most characters.
    #[prop(optional, into)]
    maxlength: Option<u32>,
) -> impl IntoView {
    let (hint_id, problem_id) = (format!("{name}-hint"), format!("{name}-problem"));
    let has_hint = hint.is_some();
    let described = {
        let (hint_id, problem_id) = (hint_id.clone(), problem_id.clone());
        move || match (problem.get().is_some(), has_hint) {
            (true, true) => Some(format!("{problem_id} {hint_id}")),
            (true, false) => Some(problem_id.clone()),
            (false, true) => Some(hint_id.clone()),
            (false, false) => None,
        }
    };
    view! {
            <div class="field">
                <label for=name.clone()>{label}</label>
                <input
                    class="input"
                    id=name.clone()
                    name=name
                    type=kind.unwrap_or_else(|| "text".to_owned())
                    autocomplete=autocomplete
                    required=!optional
                    value=value
                    autofocus=first
                    minlength=minlength
                    maxlength=maxlength
                    autocapitalize=verbatim.then_some("none")
                    spellcheck=verbatim.then_some("false")
                    aria-invalid=move || problem.get().is_some().then_some("true")
                    aria-describedby=move || described()
                />
                {move || {
                    let problem_id = problem_id.clone();
                    problem
                        .get()
                        .map(|problem| {
                            view! {
                                <p class="err" id=problem_id>
                                    <Icon sign=Sign::Fail />
                                    <span>{problem}</span>
                                </p>
                            }
    .into_any()
                        })
                }}
                {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> }.into_any())}
            </div>
        }
}
