//! A link: what flows, how far its end is behind, and that over time.

use crate::{
    api::{self, LinkCharts as Answer},
    pages::{
        charts::Charts,
        common::{Ago, Asking, LiveNotice, Trends, asked, span_named, span_query, use_lang, use_span},
        pool::View,
        tones,
    },
    paths,
    ui::{Crumbs, Look, PageHead, Panel, Status, Tone},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use switchback_domain::{LinkKind, LinkPicture, NodeName, Side};
use switchback_words::{self as words, say};

/// The page.
#[component]
pub fn LinkPage() -> impl IntoView {
    let params = use_params_map();
    let span = use_span();
    let parts = move || {
        let params = params.read();
        vec![params.get("pool").unwrap_or_default(), params.get("kind").unwrap_or_default(), span_query(span.get()).to_owned()]
    };
    asked(parts, ask, |answer| view! { <Link answer /> }.into_any())
}

fn ask(parts: Vec<String>) -> Asking {
    let mut parts = parts.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    let (pool, kind) = (part(), part());
    Box::pin(api::one_link(pool, kind, span_named(&part())))
}

#[component]
fn Link(answer: Answer) -> impl IntoView {
    let lang = use_lang();
    let Answer { at, picture, kind, span, series } = answer;
    let Some(first) = picture.link(kind).cloned() else { return ().into_any() };
    let trends = Trends::new(&series);
    let loss_target = picture.loss_target;
    let view = View::follow(picture, at, trends);
    // A second mirror or backup mirror makes a second link of this kind.
    let links = view.part(move |picture| picture.links.iter().filter(|link| link.kind == kind).cloned().collect::<Vec<_>>());
    let link = Memo::new(move |_| links.read().first().cloned().unwrap_or_else(|| first.clone()));

    let pool = view.pool.get_value();
    let address = paths::link(&pool, kind);
    let kind_text = words::picture::link_kind(lang(), kind);
    let title = say!(lang(), pages.link.title, kind = kind_text.clone());
    let node = move |node: &Option<NodeName>| node.as_ref().map_or_else(|| say!(lang(), pages.topology.no_node), ToString::to_string);
    let lede = move || {
        let link = link.read();
        say!(
            lang(),
            pages.link.lede,
            from = node(&link.from),
            from_site = view.site(link.from_side),
            to = node(&link.to),
            to_site = view.site(link.to_side)
        )
    };
    let crumbs = move || {
        let trail = vec![(paths::overview(), say!(lang(), pages.pool.pools)), (paths::pool(&pool), pool.to_string())];
        view! { <Crumbs label=say!(lang(), pages.pool.crumbs) trail here=kind_text.clone() /> }.into_any()
    };
    let status = move || {
        let tone = tones::link(&link.read());
        view! {
            <Status tone look=Look::Chip>
                {move || words::picture::link_state(lang(), link.read().state, link.read().knowledge.is_fresh())}
            </Status>
        }
        .into_any()
    };
    let facts = move || {
        let fact = |link: LinkPicture| view! { <LinkFacts view link /> };
        links.get().into_iter().map(fact).collect_view()
    };
    view! {
        <Title text=title.clone() />
        <LiveNotice live=view.live />
        <div class="page">
            <PageHead title lede crumbs>
                {move || status()}
            </PageHead>
            <Panel id="facts" title=say!(lang(), pages.link.facts)>
                {move || facts()}
            </Panel>
            <Charts series trends address span loss_target />
        </div>
    }
    .into_any()
}

/// What is known of a link.
#[component]
fn LinkFacts(view: View, link: LinkPicture) -> impl IntoView {
    let lang = use_lang();
    let fresh = link.knowledge.is_fresh();
    let tensed = move |value: Option<String>| match value {
        None => say!(lang(), pages.node.no_value),
        Some(value) if fresh => value,
        Some(value) => say!(lang(), pages.topology.was, value = value),
    };
    let end = move |side: Side, node: Option<NodeName>| {
        let site = view.site(side);
        match node {
            Some(node) => {
                let href = view.pool.with_value(|pool| paths::node(pool, &node));
                view! { <a class="nw mono" href=href>{node.to_string()}</a> " " <span class="muted nw">{site}</span> }.into_any()
            }
            None => view! { <span>{say!(lang(), pages.topology.no_node)}</span> " " <span class="muted nw">{site}</span> }.into_any(),
        }
    };
    let tone = tones::link(&link);
    let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
    let (state, kind) = (link.state, link.kind);
    let lag = link.lag;
    let bytes = link.lag_bytes;
    let wait = link.commit_wait;
    let newest = link.newest_file;
    let seen = link.knowledge.seen_at();
    view! {
            <dl class="kv kv--rows" class:is-stale=!fresh>
                <dt>{say!(lang(), pages.link.state)}</dt>
                <dd>
                    <Status tone look>{words::picture::link_state(lang(), state, fresh)}</Status>
                </dd>
                <dt>{say!(lang(), pages.link.from)}</dt>
                <dd>{end(link.from_side, link.from)}</dd>
                <dt>{say!(lang(), pages.link.to)}</dt>
                <dd>{end(link.to_side, link.to)}</dd>
                <dt>{say!(lang(), pages.link.lag)}</dt>
                <dd>{tensed(lag.map(|lag| words::duration(lang(), lag)))}</dd>
                <dt>{say!(lang(), pages.link.lag_bytes)}</dt>
                <dd>{tensed(bytes.map(words::bytes))}</dd>
                {(kind == LinkKind::Mirror)
                    .then(|| {
                        view! {
                            <dt>{say!(lang(), pages.link.commit_wait)}</dt>
                            <dd>{tensed(wait.map(|wait| words::figures::wait(lang(), wait)))}</dd>
                        }
    .into_any()
                    })}
                {(kind == LinkKind::Archive)
                    .then(|| {
                        view! {
                            <dt>{say!(lang(), pages.link.newest)}</dt>
                            <dd><code>{tensed(newest)}</code></dd>
                        }
    .into_any()
                    })}
                <dt>{say!(lang(), pages.link.read)}</dt>
                <dd>{seen.is_none().then(|| say!(lang(), pages.checks.never))} <Ago since=seen /></dd>
            </dl>
        }
}
