//! The two sites of the diagram: their members, their nodes and the lines within.

use crate::ui::{Icon, Look, Part, Road, Sign, Status, Tile, Tone, run};
use leptos::prelude::*;

/// The diagram: a site, the gap, a site. Both sites and the gap share their rows, so a primary and its backup stay level.
#[component]
pub fn Topology(
    /// `SiteColumn`, `Gutter`, `SiteColumn`.
    children: Children,
) -> impl IntoView {
    view! { <div class="topo__grid">{children()}</div> }
}

/// A site.
#[component]
pub fn SiteColumn(
    /// Unique on the page; its heading gets `{id}-h`.
    #[prop(into)]
    id: String,
    /// The letter on its tile.
    #[prop(into)]
    letter: String,
    /// Its part.
    #[prop(into)]
    part: Signal<Part>,
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
    /// Where it is; may be empty.
    #[prop(into, optional)]
    place: Signal<String>,
    /// Its part in a word, as a `Status`.
    #[prop(into)]
    chip: ViewFn,
    /// A line about it.
    #[prop(optional, into)]
    note: Option<ViewFn>,
    /// Its `Members`.
    #[prop(optional, into)]
    members: Option<ViewFn>,
    /// `NodeCard`s and the `LinkInside`s between them.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-h");
    let labelledby = heading.clone();
    view! {
        <section class="site" id=id data-role=move || part.get().as_code() aria-labelledby=labelledby>
            <header class="site__head">
                <Tile letter part large=true />
                <h3 id=heading>
                    {name}
                    {move || {
                        let place = place.get();
                        (!place.is_empty()).then(|| view! { <small>{place}</small> }.into_any())
                    }}
                </h3>
                {run(chip)}
                {note.map(|note| view! { <p>{run(note)}</p> }.into_any())}
            </header>
            <div class="site__members">{members.map(run)}</div>
            {children()}
        </section>
    }
}

/// What the columns of a list of members are called, for screen readers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberHeads {
    /// The member's name.
    pub member: String,
    /// What it is doing.
    pub state: String,
    /// Sessions on it.
    pub sessions: String,
    /// Since when.
    pub since: String,
}

/// The members of a site.
#[component]
pub fn Members(
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// How many there are, in words.
    #[prop(into, optional)]
    note: Signal<String>,
    /// The names of the columns.
    #[prop(into)]
    heads: Signal<MemberHeads>,
    /// `MemberRow`s.
    children: Children,
) -> impl IntoView {
    // Where there is little room a member takes two lines, for which CSS takes the table apart; the roles say that it is one.
    view! {
        <div class="site__sub">
            <h4>{title}</h4>
            <span>{note}</span>
        </div>
        <table class="mini" role="table">
            <caption class="vh">{title}</caption>
            <thead class="vh" role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">{move || heads.read().member.clone()}</th>
                    <th role="columnheader" scope="col">{move || heads.read().state.clone()}</th>
                    <th role="columnheader" scope="col">{move || heads.read().sessions.clone()}</th>
                    <th role="columnheader" scope="col">{move || heads.read().since.clone()}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{children()}</tbody>
        </table>
    }
}

/// A member.
#[component]
pub fn MemberRow(
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
    /// The family of its state.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Its state in a word.
    #[prop(into)]
    state: Signal<String>,
    /// Sessions on it, in words.
    #[prop(into)]
    sessions: Signal<String>,
    /// Since when.
    #[prop(optional, into)]
    since: Option<ViewFn>,
) -> impl IntoView {
    let calm = move || matches!(tone.get(), Tone::Ok | Tone::Idle);
    view! {
            <tr role="row">
                <th role="rowheader" scope="row">{name}</th>
                <td role="cell">
                    {move || {
                        let look = if calm() { Look::Calm } else { Look::Plain };
                        let sign = (tone.get() == Tone::Idle).then_some(Sign::Ok);
                        view! { <Status tone look sign>{state}</Status> }
    .into_any()
                    }}
                </td>
                <td role="cell" class="num">{sessions}</td>
                <td role="cell" class="num">{since.map(run)}</td>
            </tr>
        }
}

/// The frame of a node's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It accepts writes.
    Primary,
    /// It follows.
    Copy,
    /// It was read too long ago.
    Stale,
    /// It is kept from accepting writes.
    Fenced,
    /// It accepts writes, and so does another.
    Split,
}

impl Place {
    fn as_code(self) -> &'static str {
        match self {
            Place::Primary => "primary",
            Place::Copy => "copy",
            Place::Stale => "stale",
            Place::Fenced => "fenced",
            Place::Split => "split",
        }
    }
}

/// A database node.
#[component]
pub fn NodeCard(
    /// The sign of its part.
    #[prop(into)]
    sign: Signal<Sign>,
    /// Its frame.
    #[prop(into)]
    place: Signal<Place>,
    /// Its part in a word.
    #[prop(into)]
    role: Signal<String>,
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
    /// Where its page is.
    #[prop(optional, into)]
    href: Option<String>,
    /// What it is doing, as a `Status`.
    #[prop(into)]
    state: ViewFn,
    /// A rate in words and its `Spark`.
    #[prop(optional, into)]
    rate: Option<ViewFn>,
    /// `NodeFact`s.
    children: Children,
) -> impl IntoView {
    let label = move || view! { <code>{name}</code> };
    view! {
        <article class="node" data-k=move || place.get().as_code()>
            <div class="node__head">
                <Icon sign />
                <h4>{role}</h4>
                {match href {
                    Some(href) => view! { <a href=href>{label()}</a> }.into_any(),
                    None => label().into_any(),
                }}
                {run(state)}
            </div>
            <dl class:is-stale=move || place.get() == Place::Stale>{children()}</dl>
            {rate.map(|rate| view! { <div class="node__rate">{run(rate)}</div> }.into_any())}
        </article>
    }
}

/// A fact about a node.
#[component]
pub fn NodeFact(
    /// What it is.
    #[prop(into)]
    name: Signal<String>,
    /// What it is worth.
    children: Children,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            " "
            <dd>{children()}</dd>
        </div>
    }
}

/// The line from one node to the one below it.
#[component]
pub fn LinkInside(
    /// Its state.
    #[prop(into)]
    road: Signal<Road>,
    /// Data flows upwards: the lower node leads.
    #[prop(into, optional)]
    upward: Signal<bool>,
    /// Where the page of the link is, and its name for screen readers.
    #[prop(optional, into)]
    href: Option<String>,
    /// The whole link in a sentence.
    #[prop(into)]
    sentence: Signal<String>,
    /// A calm `Status` and its figures.
    children: Children,
) -> impl IntoView {
    view! {
        <div
            class="vlink"
            data-state=move || road.get().as_code()
            data-dir=move || if upward.get() { "up" } else { "down" }
        >
            <span class="vroad" aria-hidden="true"></span>
            <SaidOnce href sentence class="vlink__t">{children()}</SaidOnce>
        </div>
    }
}

/// Figures that are read out as one sentence; a link, where there is somewhere to go.
#[component]
pub(super) fn SaidOnce(href: Option<String>, sentence: Signal<String>, class: &'static str, children: Children) -> impl IntoView {
    let inner = view! {
        <span class="vh">{sentence}</span>
        <span class=class aria-hidden="true">{children()}</span>
    };
    match href {
        Some(href) => view! { <a class="said" href=href>{inner}</a> }.into_any(),
        None => view! { <span class="said">{inner}</span> }.into_any(),
    }
}
