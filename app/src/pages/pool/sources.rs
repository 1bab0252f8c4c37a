//! Every endpoint with its age and what is the matter with it: the source of everything above.

use super::View;
use crate::{
    pages::{
        common::{Ago, use_lang},
        tones,
    },
    ui::{Look, Panel, Status, Tone, use_clock},
};
use leptos::prelude::*;
use switchback_domain::{EndpointName, EndpointPicture, Knowledge, Side};
use switchback_words::{self as words, say};

/// The panel.
#[component]
pub(super) fn PoolSources(view: View) -> impl IntoView {
    let lang = use_lang();
    let all = view.part(|picture| {
        let endpoints =
            picture.sites.iter().flat_map(|(side, site)| site.endpoints.iter().map(move |endpoint| (side, endpoint.name.clone())));
        endpoints.collect::<Vec<_>>()
    });
    view! {
        <Panel
            id="sources"
            title=say!(lang(), pages.sources.title)
            flush=true
            end=move || say!(lang(), pages.sources.end)
        >
            <EndpointTable view all />
        </Panel>
    }
}

/// Endpoints in a table.
#[component]
pub(in crate::pages) fn EndpointTable(view: View, all: Memo<Vec<(Side, EndpointName)>>) -> impl IntoView {
    let lang = use_lang();
    // On phones a row takes two lines, for which CSS takes the table apart; the roles say that it is one.
    view! {
        <div class="scroll-x" tabindex="0" role="region" aria-label=say!(lang(), pages.sources.table)>
            <table class="tbl tbl--plain tbl--sources" role="table">
                <caption class="vh">{say!(lang(), pages.sources.table)}</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">{say!(lang(), pages.sources.head_endpoint)}</th>
                        <th role="columnheader" scope="col">{say!(lang(), pages.sources.head_kind)}</th>
                        <th role="columnheader" scope="col">{say!(lang(), pages.sources.head_site)}</th>
                        <th role="columnheader" scope="col">{say!(lang(), pages.sources.head_state)}</th>
                        <th role="columnheader" scope="col" class="num">{say!(lang(), pages.sources.head_age)}</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">
                    <For each=move || all.get() key=Clone::clone children=move |(side, name)| view! { <Row view side name /> } />
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(view: View, side: Side, name: EndpointName) -> impl IntoView {
    let lang = use_lang();
    let clock = use_clock();
    let shown = name.to_string();
    let endpoint = view.part(move |picture| picture.sites[side].endpoints.iter().find(|endpoint| endpoint.name == name).cloned());
    let tone = Signal::derive(move || endpoint.read().as_ref().map_or(Tone::Stale, tones::endpoint));
    let state = move || match endpoint.read().as_ref() {
        Some(EndpointPicture { knowledge: Knowledge::Fresh { .. }, failure: None, .. }) => say!(lang(), pages.sources.answers),
        Some(EndpointPicture { knowledge: Knowledge::Fresh { .. }, failure: Some(_), .. }) => say!(lang(), pages.sources.trouble),
        Some(EndpointPicture { knowledge: Knowledge::Stale { .. }, .. }) => say!(lang(), pages.sources.stale),
        Some(EndpointPicture { knowledge: Knowledge::Missing { .. }, .. }) | None => say!(lang(), pages.sources.missing),
    };
    // The newest failure; else the one for which there is nothing newer.
    let failure = move || {
        let endpoint = endpoint.read();
        let endpoint = endpoint.as_ref()?;
        match (&endpoint.failure, &endpoint.knowledge) {
            (Some((failure, since)), _) => {
                let time = words::when(lang(), *since, clock.now_untracked());
                Some(say!(lang(), pages.sources.failing_since, failure = words::failure(lang(), failure), time = time))
            }
            (None, Knowledge::Stale { cause: Some(cause), .. } | Knowledge::Missing { cause }) => Some(words::failure(lang(), cause)),
            (None, Knowledge::Fresh { .. } | Knowledge::Stale { cause: None, .. }) => None,
        }
    };
    let failure = Memo::new(move |_| failure());
    let status = move || {
        let look = if tone.get() == Tone::Ok { Look::Calm } else { Look::Plain };
        view! { <Status tone look>{move || state()}</Status> }.into_any()
    };
    let kind = move || endpoint.read().as_ref().map_or_else(String::new, |endpoint| words::picture::endpoint_kind(lang(), endpoint.kind));
    let seen = Signal::derive(move || endpoint.read().as_ref().and_then(|endpoint| endpoint.knowledge.seen_at()));
    view! {
        <tr role="row" data-s=move || tone.get().as_code()>
            <th role="rowheader" scope="row"><span class="nw mono">{shown}</span></th>
            <td role="cell">{move || kind()}</td>
            <td role="cell"><span class="nw">{view.site(side)}</span></td>
            <td role="cell">
                {move || status()}
                {move || failure.get().map(|text| view! { <p class="sm ink2">{text}</p> }.into_any())}
            </td>
            <td role="cell" class="num nw"><Ago since=seen /></td>
        </tr>
    }
}
