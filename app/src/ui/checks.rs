//! Checks with their evidence, and lists of what happened.

use crate::ui::{Look, Status, Tone, run};
use leptos::prelude::*;

/// A list of checks, worst first.
#[component]
pub fn Checks(
    /// What the list is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// `CheckRow`s.
    children: Children,
) -> impl IntoView {
    view! {
        <ul class="checks__list" aria-label=label>
            {children()}
        </ul>
    }
}

/// A check.
#[component]
pub fn CheckRow(
    /// The family of its outcome.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Its outcome in a word.
    #[prop(into)]
    word: Signal<String>,
    /// What was checked.
    #[prop(into)]
    what: ViewFn,
    /// What was found.
    #[prop(into)]
    evidence: ViewFn,
    /// How old that is.
    #[prop(optional, into)]
    age: Option<ViewFn>,
) -> impl IntoView {
    view! {
            <li data-s=move || tone.get().as_code()>
                {move || {
                    let look = if tone.get() == Tone::Ok { Look::Calm } else { Look::Plain };
                    view! { <Status tone look>{word}</Status> }
    .into_any()
                }}
                <span class="what">{run(what)}</span>
                <span class="ev">{run(evidence)}</span>
                <span class="age">{age.map(run)}</span>
            </li>
        }
}

/// What happened, newest first.
#[component]
pub fn ChangeList(
    /// What the list is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// `ChangeRow`s.
    children: Children,
) -> impl IntoView {
    view! {
        <ul class="oplist" aria-label=label>
            {children()}
        </ul>
    }
}

/// Something that happened.
#[component]
pub fn ChangeRow(
    /// What.
    #[prop(into)]
    title: ViewFn,
    /// What came of it.
    #[prop(optional, into)]
    status: Option<ViewFn>,
    /// When.
    #[prop(optional, into)]
    meta: Option<ViewFn>,
    /// A figure.
    #[prop(optional, into)]
    right: Option<ViewFn>,
    /// Where more about it is.
    #[prop(optional, into)]
    href: Option<String>,
) -> impl IntoView {
    let inner = view! {
        <span class="t">{run(title)}</span>
        {status.map(|status| view! { <span class="s">{run(status)}</span> }.into_any())}
        {meta.map(|meta| view! { <span class="m">{run(meta)}</span> }.into_any())}
        {right.map(|right| view! { <span class="r">{run(right)}</span> }.into_any())}
    };
    view! {
        <li>
            {match href {
                Some(href) => view! { <a class="oplist__row" href=href>{inner}</a> }.into_any(),
                None => view! { <div class="oplist__row">{inner}</div> }.into_any(),
            }}
        </li>
    }
}
