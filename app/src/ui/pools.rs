//! All pools in a table that becomes a list of cards where there is no room.

use crate::ui::{Icon, Tone, run};
use leptos::prelude::*;

/// The heads of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolHeads {
    /// Protection.
    pub protection: String,
    /// The pool.
    pub pool: String,
    /// The active site.
    pub site: String,
    /// What would be lost.
    pub loss: String,
    /// Lag over time.
    pub lag: String,
    /// What is the matter.
    pub worst: String,
}

/// The table.
#[component]
pub fn PoolTable(
    /// What the table is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// The heads of its columns.
    #[prop(into)]
    heads: Signal<PoolHeads>,
    /// `PoolRow`s.
    children: Children,
) -> impl IntoView {
    let head = move |text: fn(&PoolHeads) -> &String| {
        view! { <th role="columnheader" scope="col">{move || text(&heads.read()).clone()}</th> }.into_any()
    };
    // A table that CSS turns into cards loses its meaning for screen readers; the roles say it again.
    view! {
        <table class="tbl" role="table" aria-label=label>
            <colgroup>
                <col class="c-prot" />
                <col class="c-name" />
                <col class="c-site" />
                <col class="c-loss" />
                <col class="c-lag" />
                <col class="c-op" />
            </colgroup>
            <thead role="rowgroup">
                <tr role="row">
                    {head(|heads| &heads.protection)} {head(|heads| &heads.pool)} {head(|heads| &heads.site)}
                    {head(|heads| &heads.loss)} {head(|heads| &heads.lag)} {head(|heads| &heads.worst)}
                </tr>
            </thead>
            <tbody role="rowgroup">{children()}</tbody>
        </table>
    }
}

/// A pool.
#[component]
pub fn PoolRow(
    /// The family of its protection.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Where its page is.
    #[prop(into)]
    href: String,
    /// Its name.
    #[prop(into)]
    name: String,
    /// What it is for.
    #[prop(into)]
    title: Signal<String>,
    /// Its protection, as a `Status`.
    #[prop(into)]
    protection: ViewFn,
    /// More about its protection.
    #[prop(optional, into)]
    since: Option<ViewFn>,
    /// Its sites, as a `Route`.
    #[prop(into)]
    route: ViewFn,
    /// The name of its active site.
    #[prop(into)]
    site: Signal<String>,
    /// What would be lost.
    #[prop(into)]
    loss: Signal<String>,
    /// The same in bytes, and the target.
    #[prop(into, optional)]
    loss_note: Signal<String>,
    /// The lag, as a `Spark`.
    #[prop(optional, into)]
    lag: Option<ViewFn>,
    /// What is the matter.
    #[prop(optional, into)]
    worst: Option<ViewFn>,
    /// The heads of the table, for cards.
    #[prop(into)]
    heads: Signal<PoolHeads>,
) -> impl IntoView {
    view! {
        <tr role="row" data-s=move || tone.get().as_code()>
            <td role="cell" class="x-prot">
                {run(protection)}
                {since.map(|since| view! { <small>{run(since)}</small> }.into_any())}
            </td>
            <th role="rowheader" scope="row" class="x-name">
                <a class="pools__n" href=href>{name}</a>
                <small>{title}</small>
            </th>
            <td role="cell" class="x-site">
                {run(route)}
                <small>{site}</small>
            </td>
            <td role="cell" class="x-loss" data-l=move || heads.read().loss.clone()>
                <span class="big">{loss}</span>
                <small>{loss_note}</small>
            </td>
            <td role="cell" class="x-lag" data-l=move || heads.read().lag.clone()>
                {lag.map(run)}
            </td>
            <td role="cell" class="x-op" data-l=move || heads.read().worst.clone()>
                {worst.map(run)}
            </td>
        </tr>
    }
}

/// Buttons that narrow a list.
#[component]
pub fn Filters(
    /// What they do, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// `FilterChip`s.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="end sum" role="group" aria-label=label>
            {children()}
        </div>
    }
}

/// A button that narrows a list to one family.
#[component]
pub fn FilterChip(
    /// The family.
    tone: Tone,
    /// How many there are.
    #[prop(into)]
    count: Signal<usize>,
    /// The list is narrowed to it.
    #[prop(into)]
    pressed: Signal<bool>,
    /// It was pressed.
    on_press: Callback<()>,
    /// The family in a word.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!("st--{}", tone.as_code())
            aria-pressed=move || pressed.get().to_string()
            on:click=move |_| on_press.run(())
        >
            <Icon sign=tone.sign() />
            <b>{count}</b>
            " "
            {children()}
        </button>
    }
}
