//! Framed parts of a page.

use crate::ui::run;
use leptos::prelude::*;

/// A part of a page with a heading.
#[component]
pub fn Panel(
    /// Where links on the page lead; the heading gets `{id}-h`.
    #[prop(into)]
    id: String,
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// What stands beside the heading.
    #[prop(optional, into)]
    beside: Option<ViewFn>,
    /// What stands at the end of the heading's line.
    #[prop(optional, into)]
    end: Option<ViewFn>,
    /// What stands below.
    #[prop(optional, into)]
    foot: Option<ViewFn>,
    /// The content reaches the border.
    #[prop(optional)]
    flush: bool,
    /// What kind of content: `topo`, `acts`, `checks`, `pools` or `cards`.
    #[prop(optional)]
    class: &'static str,
    /// The content.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-h");
    let labelledby = heading.clone();
    let class = format!("panel {}{class}", if flush { "panel--flush " } else { "" });
    view! {
        <section class=class id=id aria-labelledby=labelledby>
            <header class="panel__head">
                <h2 id=heading>{title}</h2>
                {beside.map(run)}
                {end.map(|end| view! { <span class="end">{run(end)}</span> }.into_any())}
            </header>
            <div class="panel__body">{children()}</div>
            {foot.map(|foot| view! { <footer class="panel__foot">{run(foot)}</footer> }.into_any())}
        </section>
    }
}

/// Facts side by side.
#[component]
pub fn Facts(
    /// `StepEvidence`s.
    children: Children,
) -> impl IntoView {
    view! { <dl class="facts">{children()}</dl> }
}

/// A fact: a name and a value.
#[component]
pub fn StepEvidence(
    /// What it is.
    #[prop(into)]
    name: Signal<String>,
    /// What it is worth.
    children: Children,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{children()}</dd>
        </div>
    }
}
