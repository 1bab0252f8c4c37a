//! A node: every fact that is known of it, where it comes from, and its figures over time.

use crate::{
    api::{self, NodeCharts as Answer},
    pages::{
        charts::Charts,
        common::{Ago, Asking, Lasting, LiveNotice, Trends, asked, span_named, span_query, use_lang, use_span},
        pool::{View, sources::EndpointTable},
        tones,
    },
    paths,
    ui::{ChangeList, ChangeRow, Crumbs, Look, PageHead, Panel, Status, Tone},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use switchback_domain::{LinkPicture, NodeName, NodePicture, SiteRole, postgres_version};
use switchback_words::{self as words, say};

/// The page.
#[component]
pub fn NodePage() -> impl IntoView {
    let params = use_params_map();
    let span = use_span();
    let parts = move || {
        let params = params.read();
        vec![params.get("pool").unwrap_or_default(), params.get("node").unwrap_or_default(), span_query(span.get()).to_owned()]
    };
    asked(parts, ask, |answer| view! { <Node answer /> }.into_any())
}

fn ask(parts: Vec<String>) -> Asking {
    let mut parts = parts.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    let (pool, node) = (part(), part());
    Box::pin(api::one_node(pool, node, span_named(&part())))
}

#[component]
fn Node(answer: Answer) -> impl IntoView {
    let lang = use_lang();
    let Answer { at, picture, node: name, span, series } = answer;
    // The console has answered for this node, so it is there; a picture without it is only a moment away from a reload.
    let Some((side, first)) = picture.node(&name).map(|(side, node)| (side, node.clone())) else { return ().into_any() };
    let trends = Trends::new(&series);
    let loss_target = picture.loss_target;
    let view = View::follow(picture, at, trends);
    let own_name = name.clone();
    let node = view.part(move |picture| picture.node(&own_name).map_or_else(|| first.clone(), |(_, node)| node.clone()));
    let site_role = view.part(move |picture| picture.sites[side].role);

    let pool = view.pool.get_value();
    let address = paths::node(&pool, &name);
    let shown = name.to_string();
    let title = say!(lang(), pages.node.title, node = shown.clone());
    let crumbs = {
        let (pool, shown) = (pool.clone(), shown.clone());
        move || {
            let trail = vec![(paths::overview(), say!(lang(), pages.pool.pools)), (paths::pool(&pool), pool.to_string())];
            view! { <Crumbs label=say!(lang(), pages.pool.crumbs) trail here=shown.clone() /> }.into_any()
        }
    };
    let lede = move || say!(lang(), pages.node.lede, role = words::picture::node_role(lang(), node.read().role), site = view.site(side));
    let status = move || {
        let tone = tones::node(&node.read(), site_role.get() == SiteRole::ClaimsActive);
        view! {
            <Status tone look=Look::Chip>
                {move || words::picture::node_state(lang(), node.read().state, node.read().knowledge.is_fresh())}
            </Status>
        }
        .into_any()
    };
    let endpoints = Memo::new(move |_| {
        let node = node.read();
        vec![(side, node.patroni.clone()), (side, node.postgres.clone())]
    });
    view! {
        <Title text=title.clone() />
        <LiveNotice live=view.live />
        <div class="page">
            <PageHead title lede crumbs>
                {move || status()}
            </PageHead>
            <div class="quad">
                <Panel id="facts" title=say!(lang(), pages.node.facts)>
                    <NodeFacts node />
                </Panel>
                <Panel id="links" title=say!(lang(), pages.node.links) flush=true>
                    <NodeLinks view name=name.clone() />
                </Panel>
            </div>
            <Charts series trends address span loss_target />
            <Panel id="sources" title=say!(lang(), pages.node.sources) flush=true>
                <EndpointTable view all=endpoints />
            </Panel>
        </div>
    }
    .into_any()
}

#[component]
fn NodeFacts(node: Memo<NodePicture>) -> impl IntoView {
    let lang = use_lang();
    let known = move |value: Option<String>| value.unwrap_or_else(|| say!(lang(), pages.node.no_value));
    let tensed = move |value: Option<String>| match value {
        Some(value) if !node.read().knowledge.is_fresh() => say!(lang(), pages.topology.was, value = value),
        value => known(value),
    };
    let not_replayed = move || {
        let node = node.read();
        node.position.zip(node.replayed).map(|(position, replayed)| words::bytes(position.bytes_ahead_of(replayed)))
    };
    let started = Signal::derive(move || node.read().started_at);
    let seen = Signal::derive(move || node.read().knowledge.seen_at());
    let is_standby = Memo::new(move |_| node.read().replayed.is_some());
    view! {
            <dl class="kv kv--rows" class:is-stale=move || !node.read().knowledge.is_fresh()>
                <dt>{say!(lang(), pages.node.role)}</dt>
                <dd>{move || words::picture::node_role(lang(), node.read().role)}</dd>
                <dt>{say!(lang(), pages.node.state)}</dt>
                <dd>{move || words::picture::node_state(lang(), node.read().state, node.read().knowledge.is_fresh())}</dd>
                <dt>{say!(lang(), pages.node.timeline)}</dt>
                <dd>{move || tensed(node.read().timeline.map(|timeline| timeline.to_string()))}</dd>
                <dt>{say!(lang(), pages.node.position)}</dt>
                <dd><code>{move || tensed(node.read().position.map(|position| position.to_string()))}</code></dd>
                {move || {
                    is_standby
                        .get()
                        .then(|| {
                            view! {
                                <dt>{say!(lang(), pages.node.replayed)}</dt>
                                <dd><code>{move || tensed(node.read().replayed.map(|replayed| replayed.to_string()))}</code></dd>
                                <dt>{say!(lang(), pages.node.not_replayed)}</dt>
                                <dd>{move || tensed(not_replayed())}</dd>
                            }
    .into_any()
                        })
                }}
                <dt>{say!(lang(), pages.node.kept)}</dt>
                <dd>{move || tensed(node.read().kept_for_slots.map(words::bytes))}</dd>
                <dt>{say!(lang(), pages.node.version)}</dt>
                <dd>{move || known(node.read().server_version.map(postgres_version))}</dd>
                <dt>{say!(lang(), pages.node.started)}</dt>
                <dd>
                    {move || known(started.get().map(|at| words::figures::date_time(lang(), at)))}
                    " "
                    <span class="muted"><Lasting since=started /></span>
                </dd>
                <dt>{say!(lang(), pages.node.read)}</dt>
                <dd>{move || seen.get().is_none().then(|| say!(lang(), pages.checks.never))} <Ago since=seen /></dd>
            </dl>
        }
}

/// The links that start or end here, each leading to its page.
#[component]
fn NodeLinks(view: View, name: NodeName) -> impl IntoView {
    let lang = use_lang();
    let own_name = name.clone();
    let links = view.part(move |picture| {
        let here = |link: &&LinkPicture| link.from.as_ref() == Some(&own_name) || link.to.as_ref() == Some(&own_name);
        picture.links.iter().filter(here).cloned().collect::<Vec<_>>()
    });
    let row = move |link: LinkPicture| {
        let comes = link.to.as_ref() == Some(&name);
        let other = if comes { link.from.clone() } else { link.to.clone() };
        let href = view.pool.with_value(|pool| paths::link(pool, link.kind));
        let tone = tones::link(&link);
        let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
        let (kind, state, fresh) = (link.kind, link.state, link.knowledge.is_fresh());
        let (lag, bytes) = (link.lag, link.lag_bytes);
        let title = move || words::picture::link_kind(lang(), kind);
        let status = move || view! { <Status tone look>{words::picture::link_state(lang(), state, fresh)}</Status> };
        let meta = move || {
            let other = other.as_ref().map_or_else(|| say!(lang(), pages.topology.no_node), ToString::to_string);
            if comes { say!(lang(), pages.node.link_from, node = other) } else { say!(lang(), pages.node.link_to, node = other) }
        };
        let right = move || {
            let lag = [lag.map(|lag| words::duration(lang(), lag)), bytes.map(words::bytes)];
            lag.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        };
        view! { <ChangeRow title status meta right href /> }
    };
    view! {
        <ChangeList label=say!(lang(), pages.node.links)>
            {move || links.get().into_iter().map(row.clone()).collect_view()}
        </ChangeList>
    }
}
