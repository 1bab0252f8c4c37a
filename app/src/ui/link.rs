//! The gap between the sites: what crosses it.

use crate::ui::{Heading, Icon, Road, Sign, run, site::SaidOnce};
use leptos::prelude::*;
use switchback_domain::Side;

/// The gap between the two sites.
#[component]
pub fn Gutter(
    /// What it holds, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// What the lines are, for screen readers.
    #[prop(into)]
    lanes: Signal<String>,
    /// Where clients go, as `Traffic`.
    #[prop(optional, into)]
    traffic: Option<ViewFn>,
    /// What others see.
    #[prop(optional, into)]
    witness: Option<ViewFn>,
    /// `LinkAcross`es.
    children: Children,
) -> impl IntoView {
    view! {
        <ul class="gutter" aria-label=label>
            {traffic.map(run)}
            <li class="lanes">
                <ul aria-label=lanes>{children()}</ul>
            </li>
            {witness.map(|witness| view! { <li class="witness">{run(witness)}</li> }.into_any())}
        </ul>
    }
}

/// How data crosses the gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lane {
    /// Record by record: a solid line.
    #[default]
    Stream,
    /// File by file: a dashed line.
    Archive,
}

/// A line between the sites.
#[component]
pub fn LinkAcross(
    /// How data crosses.
    #[prop(optional)]
    lane: Lane,
    /// Its state.
    #[prop(into)]
    road: Signal<Road>,
    /// The direction of data.
    #[prop(into)]
    heading: Signal<Heading>,
    /// The whole link in a sentence, for screen readers.
    #[prop(into)]
    sentence: Signal<String>,
    /// Where the page of the link is.
    #[prop(optional, into)]
    href: Option<String>,
    /// Its state in a word, as a calm `Status`.
    #[prop(into)]
    top: ViewFn,
    /// What stands below the line: `LagLine`, `Spark`, a caption.
    children: Children,
) -> impl IntoView {
    let kind = match lane {
        Lane::Stream => "stream",
        Lane::Archive => "archive",
    };
    let mark = move || match road.get() {
        Road::Broken => Some(view! { <Icon sign=Sign::Fail /> }.into_any()),
        Road::Split => Some(view! { <Icon sign=Sign::Split /> }.into_any()),
        Road::Ok | Road::Stale | Road::None => None,
    };
    view! {
        <li
            class="glink"
            data-kind=kind
            data-state=move || road.get().as_code()
            data-dir=move || heading.get().as_code()
        >
            <div class="glink__top">
                <SaidOnce href sentence class="glink__word">
                    {run(top)}
                </SaidOnce>
            </div>
            <span class="hroad" aria-hidden="true">
                {move || mark()}
            </span>
            <div class="glink__bot">{children()}</div>
        </li>
    }
}

/// How far the end of a line is behind.
#[component]
pub fn LagLine(
    /// The figure with its unit.
    #[prop(into)]
    value: Signal<String>,
    /// The same in the other unit.
    #[prop(into, optional)]
    rest: Signal<String>,
) -> impl IntoView {
    view! {
        <span class="glink__lag" aria-hidden="true">
            <b>{value}</b>
            {move || {
                let rest = rest.get();
                (!rest.is_empty()).then(|| format!(" · {rest}"))
            }}
        </span>
    }
}

/// Where clients go.
#[component]
pub fn Traffic(
    /// The site they go to.
    #[prop(into)]
    to: Signal<Option<Side>>,
    /// Which clients.
    #[prop(into)]
    text: Signal<String>,
    /// The name they use.
    #[prop(into, optional)]
    address: Signal<String>,
    /// The site in words.
    #[prop(into, optional)]
    note: Signal<String>,
) -> impl IntoView {
    let side = move || to.get().map(|side| if side == Side::A { "a" } else { "b" });
    view! {
        <li class="traffic" data-to=move || side()>
            <span class="lane">
                <Icon sign=move || if to.get().is_some() { Sign::Arrow } else { Sign::Split } />
                {text}
            </span>
            <b>{address}</b>
            <span class="cap">{note}</span>
        </li>
    }
}
