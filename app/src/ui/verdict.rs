//! The sentence a page opens with, and the figures behind it.

use crate::ui::{Icon, Tone, run};
use leptos::prelude::*;

/// One sentence that an operator can act on.
#[component]
pub fn Verdict(
    /// The family of the state.
    #[prop(into)]
    tone: Signal<Tone>,
    /// The state in a word.
    #[prop(into)]
    state: Signal<String>,
    /// Since when, and how old the reading is.
    #[prop(optional, into)]
    small: Option<ViewFn>,
    /// The figures, as `VerdictNum`.
    #[prop(optional, into)]
    nums: Option<ViewFn>,
    /// The sentence.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="verdict" data-state=move || tone.get().as_code() aria-labelledby="verdict-h">
            <div class="verdict__in">
                <span class="verdict__mark" aria-hidden="true">
                    <Icon sign=move || tone.get().sign() />
                </span>
                <div>
                    <h2 class="verdict__state" id="verdict-h">
                        {state}
                        " "
                        {small.map(|small| view! { <small>{run(small)}</small> }.into_any())}
                    </h2>
                    <p class="verdict__say">{children()}</p>
                </div>
                {nums.map(|nums| view! { <dl class="verdict__nums">{run(nums)}</dl> }.into_any())}
            </div>
        </section>
    }
}

/// A figure of the verdict.
#[component]
pub fn VerdictNum(
    /// What it is.
    #[prop(into)]
    name: Signal<String>,
    /// The figure with its unit.
    #[prop(into)]
    value: Signal<String>,
    /// The target, or how it is to be read.
    #[prop(into, optional)]
    note: Signal<String>,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>
                <b>{value}</b>
                <small>{note}</small>
            </dd>
        </div>
    }
}
