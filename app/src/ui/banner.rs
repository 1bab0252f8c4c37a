//! Messages above or within a page.

use crate::ui::{Icon, Tone};
use leptos::prelude::*;

/// A message over the whole width. It does not announce itself; use the announcer for that.
#[component]
pub fn Banner(
    /// Its family: `Warn`, `Fail` or `Split`.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Scrolls with the page instead of staying below the bar.
    #[prop(optional)]
    still: bool,
    /// A paragraph, and perhaps a button.
    children: Children,
) -> impl IntoView {
    let class = move || format!("banner banner--{}{}", tone.get().as_code(), if still { " banner--static" } else { "" });
    view! {
        <div class=move || class()>
            <Icon sign=move || tone.get().sign() />
            {children()}
        </div>
    }
}

/// A message within a page.
#[component]
pub fn Callout(
    /// Its family.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// Its text.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=move || format!("callout st--{}", tone.get().as_code())>
            <Icon sign=move || tone.get().sign() />
            <div>
                <h3>{title}</h3>
                {children()}
            </div>
        </div>
    }
}
