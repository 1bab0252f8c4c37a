//! Guarded actions. Their order never changes, and a refusal stands where the button is.

use crate::ui::{Icon, Sign, Tone, run};
use leptos::prelude::*;

/// The list of actions.
#[component]
pub fn Actions(
    /// `GuardedAction`s.
    children: Children,
) -> impl IntoView {
    view! { <div class="acts__list">{children()}</div> }
}

/// An action with what speaks for and against it.
#[component]
pub fn GuardedAction(
    /// Unique on the page. The list of reasons gets `{id}-why`.
    #[prop(into)]
    id: String,
    /// Its sign.
    sign: Sign,
    /// Its name.
    #[prop(into)]
    title: Signal<String>,
    /// What it promises.
    #[prop(into, optional)]
    end: Signal<String>,
    /// The reasons, as `Why`.
    #[prop(into)]
    why: ViewFn,
    /// How long and with whose approval; may be empty.
    #[prop(into, optional)]
    meta: Signal<String>,
    /// This is what the state calls for.
    #[prop(into, optional)]
    hot: Signal<bool>,
    /// The button.
    children: Children,
) -> impl IntoView {
    let why_id = format!("{id}-why");
    let labelledby = id.clone();
    view! {
        <article class="act" aria-labelledby=labelledby data-hot=move || hot.get().then_some("true")>
            <header class="act__head">
                <Icon sign />
                <h3 id=id>{title}</h3>
                <span class="end">{end}</span>
            </header>
            <ul class="act__why" id=why_id tabindex="-1">
                {run(why)}
            </ul>
            {move || {
                let meta = meta.get();
                (!meta.is_empty()).then(|| view! { <p class="act__meta">{meta}</p> }.into_any())
            }}
            {children()}
        </article>
    }
}

/// A reason.
#[component]
pub fn Why(
    /// Its family.
    #[prop(into)]
    tone: Signal<Tone>,
    /// What is wrong, then what would help.
    children: Children,
) -> impl IntoView {
    view! {
        <li class=move || format!("st--{}", tone.get().as_code())>
            <Icon sign=move || tone.get().sign() />
            <span>{children()}</span>
        </li>
    }
}
