//! Buttons. One that may not be used stays in place, can be reached, and says why.

use crate::ui::{Icon, Sign};
use leptos::prelude::*;

/// What a button is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// One of several.
    #[default]
    Default,
    /// The one that is meant.
    Primary,
    /// Loses something.
    Danger,
    /// Loses something and is not advised.
    DangerLine,
    /// In the background.
    Quiet,
    /// On the ground of a split brain.
    Split,
    /// The same, in the second place.
    SplitLine,
}

fn class(kind: Kind, small: bool, wide: bool) -> String {
    let kind = match kind {
        Kind::Default => "",
        Kind::Primary => " btn--primary",
        Kind::Danger => " btn--danger",
        Kind::DangerLine => " btn--danger-line",
        Kind::Quiet => " btn--quiet",
        Kind::Split => " btn--split",
        Kind::SplitLine => " btn--split-line",
    };
    let small = if small { " btn--sm" } else { "" };
    let wide = if wide { " btn--wide btn--lg" } else { "" };
    format!("btn{kind}{small}{wide}")
}

/// A button.
#[component]
pub fn Button(
    /// What it is for.
    #[prop(optional)]
    kind: Kind,
    /// Lower than usual.
    #[prop(optional)]
    small: bool,
    /// As wide as its place, and higher.
    #[prop(optional)]
    wide: bool,
    /// It sends the form it is in.
    #[prop(optional)]
    submit: bool,
    /// A sign before the words.
    #[prop(optional, into)]
    sign: Option<Sign>,
    /// Identifier of what explains it.
    #[prop(optional, into)]
    describedby: Option<String>,
    /// Verb, object and target.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type=if submit { "submit" } else { "button" }
            class=class(kind, small, wide)
            aria-describedby=describedby
        >
            {sign.map(|sign| view! { <Icon sign /> }.into_any())}
            {children()}
        </button>
    }
}

/// A link that looks like a button, because it begins something.
#[component]
pub fn ButtonLink(
    /// Where it leads.
    #[prop(into)]
    href: Signal<String>,
    /// What it is for.
    #[prop(optional)]
    kind: Kind,
    /// Lower than usual.
    #[prop(optional)]
    small: bool,
    /// As wide as its place, and higher.
    #[prop(optional)]
    wide: bool,
    /// A sign before the words.
    #[prop(optional, into)]
    sign: Option<Sign>,
    /// Identifier of what explains it.
    #[prop(optional, into)]
    describedby: Option<String>,
    /// Verb, object and target.
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class=class(kind, small, wide) aria-describedby=describedby>
            {sign.map(|sign| view! { <Icon sign /> }.into_any())}
            {children()}
        </a>
    }
}

/// A button that may not be used now. Activating it moves the focus to the reasons, so that they are read out.
#[component]
pub fn BlockedButton(
    /// Identifier of the list of reasons. Give that element `tabindex="-1"`.
    #[prop(into)]
    reasons: String,
    /// The words it always has.
    children: Children,
) -> impl IntoView {
    let target = reasons.clone();
    let explain = move |_| {
        #[cfg(feature = "hydrate")]
        focus(&target);
        #[cfg(not(feature = "hydrate"))]
        let _ = &target;
    };
    view! {
        <button type="button" class="btn" aria-disabled="true" aria-describedby=reasons on:click=explain>
            <Icon sign=Sign::Block />
            {children()}
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn focus(id: &str) {
    use wasm_bindgen::JsCast;
    let element = document().get_element_by_id(id).and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(element) = element {
        // A reason that cannot take the focus is still tied to the button by `aria-describedby`.
        let _ = element.focus();
    }
}
