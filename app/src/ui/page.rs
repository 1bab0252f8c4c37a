//! The head of a page.

use crate::ui::run;
use leptos::prelude::*;

/// Heading, a line about it, and facts at the end.
#[component]
pub fn PageHead(
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// A line about it.
    #[prop(optional, into)]
    lede: Option<ViewFn>,
    /// Where the reader is, as `Crumbs`.
    #[prop(optional, into)]
    crumbs: Option<ViewFn>,
    /// Facts or filters.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <header class="page-head">
            {crumbs.map(run)}
            <div>
                <h1>{title}</h1>
                {lede.map(|lede| view! { <p class="lede">{run(lede)}</p> }.into_any())}
            </div>
            {children.map(|children| view! { <div class="end">{children()}</div> }.into_any())}
        </header>
    }
}
