//! A site of the diagram: its members, its nodes, and the links between them.

use super::View;
use crate::{
    pages::{
        common::{Ago, Lasting, Marked, Trend, Unit, use_lang},
        tones,
    },
    paths,
    ui::{LinkInside, Look, MemberHeads, MemberRow, Members, NodeCard, NodeFact, Place, Road, SiteColumn, Status, Tone, dynamic},
};
use leptos::prelude::*;
use switchback_domain::{
    ByteLag, EndpointKind, EndpointPicture, LinkKind, LinkPicture, MemberName, MemberPicture, MemberState, NodeName, NodePicture, NodeRole,
    Side, SitePicture, SiteRole, history::Metric,
};
use switchback_words::{self as words, say};

/// A column of the diagram.
#[component]
pub(super) fn PoolSite(view: View, side: Side) -> impl IntoView {
    let lang = use_lang();
    let role = view.part(move |picture| picture.sites[side].role);
    let place = view.part(move |picture| picture.sites[side].place.clone());
    let chip = move || {
        let (tone, sign) = tones::site(role.get());
        view! {
            <Status tone look=Look::Chip sign>
                {move || words::picture::site_role(lang(), role.get())}
            </Status>
        }
        .into_any()
    };
    let order = view.part(move |picture| in_order(&picture.sites[side]));
    view! {
        <SiteColumn
            id=format!("site-{}", side.letter().to_lowercase())
            letter=side.letter()
            part=Signal::derive(move || tones::part(role.get()))
            name=view.site(side)
            place
            chip
            note=move || view! { <Note view side /> }
            members=move || view! { <SiteMembers view side /> }
        >
            <For each=move || order.get() key=Clone::clone let:name>
                <Node view side name order />
            </For>
        </SiteColumn>
    }
}

/// The leader first, so that leaders stand level across the sites; the others as configured.
fn in_order(site: &SitePicture) -> Vec<NodeName> {
    let leads = |node: &NodePicture| match &site.leader {
        Some(leader) => node.name == *leader,
        None => matches!(node.role, NodeRole::Primary | NodeRole::StandbyLeader),
    };
    let mut nodes: Vec<_> = site.nodes.iter().collect();
    nodes.sort_by_key(|node| !leads(node));
    nodes.into_iter().map(|node| node.name.clone()).collect()
}

/// How old what is shown here is.
#[component]
fn Note(view: View, side: Side) -> impl IntoView {
    let lang = use_lang();
    let clock = crate::ui::use_clock();
    let heard = view.part(move |picture| (picture.sites[side].heard_at, is_silent(&picture.sites[side])));
    dynamic(move || {
        let (heard_at, silent) = heard.get();
        let Some(heard_at) = heard_at else { return say!(lang(), pages.topology.note_never).into_any() };
        let age = move || words::figures::age(lang(), switchback_domain::Millis::between(heard_at, clock.now()));
        if silent {
            let text =
                move || say!(lang(), pages.topology.note_lost, age = age(), time = words::when(lang(), heard_at, clock.now_untracked()));
            view! {
                <span class="stale-note">
                    <crate::ui::Icon sign=crate::ui::Sign::Stale />
                    <span>
                        <Marked text=Signal::derive(text) />
                    </span>
                </span>
            }
            .into_any()
        } else {
            view! { {move || say!(lang(), pages.topology.note_fresh, age = age())} }.into_any()
        }
    })
}

/// Nothing of the site is fresh.
fn is_silent(site: &SitePicture) -> bool {
    !site.endpoints.iter().any(|endpoint: &EndpointPicture| endpoint.knowledge.is_fresh())
}

#[component]
fn SiteMembers(view: View, side: Side) -> impl IntoView {
    let lang = use_lang();
    let role = view.part(move |picture| picture.sites[side].role);
    let members = view.part(move |picture| picture.sites[side].members.clone());
    // Which members there are is told by HAProxy alone.
    let unread = view.part(move |picture| {
        let mut proxies = picture.sites[side].endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::Haproxy);
        proxies.any(|proxy| !proxy.knowledge.is_fresh())
    });
    let names = Memo::new(move |_| members.read().iter().map(|member| member.name.clone()).collect::<Vec<MemberName>>());
    let title = move || match role.get() {
        SiteRole::Standby => say!(lang(), pages.topology.standby_members),
        _ => say!(lang(), pages.topology.members),
    };
    let heads = MemberHeads {
        member: say!(lang(), pages.topology.head_member),
        state: say!(lang(), pages.topology.head_state),
        sessions: say!(lang(), pages.topology.head_sessions),
        since: say!(lang(), pages.topology.head_since),
    };
    let note = move || {
        let members = members.read();
        let total = members.len().to_string();
        if members.is_empty() && !unread.get() {
            return say!(lang(), pages.topology.members_none);
        }
        if members.iter().all(|member| !member.knowledge.is_fresh()) {
            return say!(lang(), pages.topology.members_stale);
        }
        let up = |state| move |member: &&MemberPicture| member.knowledge.is_fresh() && member.healthy && member.state == state;
        if role.get() == SiteRole::Standby {
            let ready = members.iter().filter(up(MemberState::Standby)).count() + members.iter().filter(up(MemberState::Active)).count();
            say!(lang(), pages.topology.members_ready, n = ready.to_string(), total = total)
        } else {
            let serving = members.iter().filter(up(MemberState::Active));
            let (n, sessions) = serving.fold((0, 0), |(n, sum), member| (n + 1, sum + u64::from(member.sessions)));
            let sessions = sessions_text(lang(), sessions);
            say!(lang(), pages.topology.members_serving, n = n.to_string(), total = total, sessions = sessions)
        }
    };
    let first = members.get_untracked();
    view! {
        <Members title=Signal::derive(title) note=Signal::derive(note) heads>
            <For
                each=move || names.get()
                key=Clone::clone
                children=move |name| {
                    let initial = first.iter().find(|member| member.name == name).cloned();
                    let member = Memo::new(move |before: Option<&Option<MemberPicture>>| {
                        let now = members.read().iter().find(|member| member.name == name).cloned();
                        now.or_else(|| before.cloned().flatten()).or_else(|| initial.clone())
                    });
                    view! { <Member member /> }
                }
            />
        </Members>
    }
}

pub(super) fn sessions_text(lang: words::Locale, sessions: u64) -> String {
    if sessions == 1 { say!(lang, pages.topology.session) } else { say!(lang, pages.topology.sessions, n = words::count(sessions)) }
}

#[component]
fn Member(
    /// Nothing only for the moment in which it leaves the configuration.
    member: Memo<Option<MemberPicture>>,
) -> impl IntoView {
    let lang = use_lang();
    let state = move || {
        member.read().as_ref().map_or_else(String::new, |member| {
            let word = words::picture::member_state(lang(), member.state, member.knowledge.is_fresh());
            let sick = !member.healthy && member.knowledge.is_fresh();
            match member.state {
                MemberState::Active | MemberState::Draining | MemberState::Standby if sick => {
                    say!(lang(), pages.topology.unhealthy, state = word)
                }
                _ => word,
            }
        })
    };
    let sessions = move || {
        member.read().as_ref().map_or_else(String::new, |member| {
            if member.knowledge.is_fresh() {
                sessions_text(lang(), member.sessions.into())
            } else if member.knowledge.seen_at().is_some() {
                say!(lang(), pages.topology.had_sessions, n = words::count(member.sessions.into()))
            } else {
                String::new()
            }
        })
    };
    let since = Signal::derive(move || member.read().as_ref().and_then(|member| member.since.filter(|_| member.knowledge.is_fresh())));
    let lasting = move || {
        let text = Callback::new(move |age| words::figures::lasting(lang(), age));
        view! { <crate::ui::Age since text /> }.into_any()
    };
    let name = move || member.read().as_ref().map_or_else(String::new, |member| member.name.to_string());
    let tone = move || member.read().as_ref().map_or(Tone::Stale, tones::member);
    view! {
        <MemberRow
            name=Signal::derive(name)
            tone=Signal::derive(tone)
            state=Signal::derive(state)
            sessions=Signal::derive(sessions)
            since=lasting
        />
    }
}

/// A node's card, and above it the link it gets its log by, unless it leads its site.
#[component]
fn Node(view: View, side: Side, name: NodeName, order: Memo<Vec<NodeName>>) -> impl IntoView {
    let lang = use_lang();
    let site_role = view.part(move |picture| picture.sites[side].role);
    let href = view.pool.with_value(|pool| paths::node(pool, &name));
    let initial = view.picture.with_untracked(|picture| picture.node(&name).map(|(_, node)| node.clone()));
    let own_name = name.clone();
    let node = Memo::new(move |before: Option<&Option<NodePicture>>| {
        let now = view.picture.read().node(&own_name).map(|(_, node)| node.clone());
        now.or_else(|| before.cloned().flatten()).or_else(|| initial.clone())
    });
    // A node that just left the configuration keeps its last card until its row is gone.
    let of = move |read: fn(&NodePicture) -> Option<String>| node.read().as_ref().and_then(read);
    let fresh = Memo::new(move |_| node.read().as_ref().is_some_and(|node| node.knowledge.is_fresh()));
    let tensed = move |value: Option<String>| match (value, fresh.get()) {
        (None, _) => say!(lang(), pages.topology.unread),
        (Some(value), true) => value,
        (Some(value), false) => say!(lang(), pages.topology.was, value = value),
    };
    let state = move || {
        let split = site_role.get() == SiteRole::ClaimsActive;
        let tone = node.read().as_ref().map_or(Tone::Stale, |node| tones::node(node, split));
        let word = move || {
            node.read().as_ref().map_or_else(String::new, |node| words::picture::node_state(lang(), node.state, node.knowledge.is_fresh()))
        };
        let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
        view! { <Status tone look>{move || word()}</Status> }
    };
    let place = move || node.read().as_ref().map_or(Place::Stale, |node| tones::place(node, site_role.get()));
    let role = Memo::new(move |_| node.read().as_ref().map_or(NodeRole::Unknown, |node| node.role));
    let started = Signal::derive(move || node.read().as_ref().and_then(|node| node.started_at));
    let seen = Signal::derive(move || node.read().as_ref().and_then(|node| node.knowledge.seen_at()));
    let kept = Memo::new(move |_| node.read().as_ref().and_then(|node| node.kept_for_slots));
    let curve = view.trends.curve(Metric::WalRate { node: name.clone() });
    let rate = move || {
        let tone = Signal::derive(move || {
            let split = site_role.get() == SiteRole::ClaimsActive;
            node.read().as_ref().map_or(Tone::Stale, |node| tones::node(node, split))
        });
        let newest = move || {
            let figure = crate::pages::common::figure(curve.read().newest().unwrap_or_default());
            if curve.read().newest().is_some() { words::rate(lang(), ByteLag(figure)) } else { say!(lang(), pages.topology.unread) }
        };
        let verb = move || match (role.get(), fresh.get()) {
            (NodeRole::Primary, true) => say!(lang(), pages.topology.writes),
            (NodeRole::Primary, false) => say!(lang(), pages.topology.wrote),
            (_, true) => say!(lang(), pages.topology.replays),
            (_, false) => say!(lang(), pages.topology.replayed),
        };
        view! {
            <span>{move || verb()} " " <b>{move || newest()}</b></span>
            <Trend curve unit=Unit::Rate tone />
        }
    };
    let link_name = name.clone();
    let link = move || {
        let leads = order.read().first() == Some(&link_name);
        (!leads).then(|| view! { <Inside view name=link_name.clone() /> }.into_any())
    };
    let shown_name = name.to_string();
    view! {
            {move || link()}
            <NodeCard
                sign=Signal::derive(move || tones::node_sign(role.get()))
                place=Signal::derive(place)
                role=Signal::derive(move || words::picture::node_role(lang(), role.get()))
                name=shown_name
                href
                state
                rate
            >
                <NodeFact name=say!(lang(), pages.topology.timeline)>
                    {move || tensed(of(|node| node.timeline.map(|timeline| timeline.to_string())))}
                </NodeFact>
                <NodeFact name=say!(lang(), pages.topology.position)>
                    <code>{move || tensed(of(|node| node.position.map(|position| position.to_string())))}</code>
                </NodeFact>
                {move || {
                    if fresh.get() {
                        view! {
                            <NodeFact name=say!(lang(), pages.topology.started)>
                                <Lasting since=started />
                            </NodeFact>
                        }
                            .into_any()
                    } else {
                        view! {
                            <NodeFact name=say!(lang(), pages.topology.last_read)>
                                {move || seen.get().is_none().then(|| say!(lang(), pages.checks.never))}
                                <Ago since=seen />
                            </NodeFact>
                        }
                            .into_any()
                    }
                }}
                {move || {
                    kept.get()
                        .map(|kept| {
                            view! {
                                <NodeFact name=say!(lang(), pages.topology.kept)>
                                    {move || tensed(Some(words::bytes(kept)))}
                                </NodeFact>
                            }
    .into_any()
                        })
                }}
            </NodeCard>
        }
}

/// The link to a node from the one that leads its site.
#[component]
fn Inside(view: View, name: NodeName) -> impl IntoView {
    let lang = use_lang();
    let link = view.part(move |picture| picture.links.iter().find(|link| ends_inside(link, &name)).cloned());
    let road = move || link.read().as_ref().map_or(Road::None, |link| tones::road(link, false));
    let sentence = move || match link.read().as_ref() {
        Some(link) => super::gutter::sentence(lang(), link),
        None => say!(lang(), pages.topology.no_reading),
    };
    let kind = link.with_untracked(|link| link.as_ref().map(|link| link.kind));
    let href = kind.map(|kind| view.pool.with_value(|pool| paths::link(pool, kind)));
    let figures = move || {
        link.read().as_ref().map(|link| {
            let fresh = link.knowledge.is_fresh();
            let (lag, bytes) = (link.lag, link.lag_bytes);
            let (first, rest) = match (lag, bytes) {
                (Some(lag), Some(bytes)) => (words::duration(lang(), lag), Some(words::bytes(bytes))),
                (Some(lag), None) => (words::duration(lang(), lag), None),
                (None, Some(bytes)) => (words::bytes(bytes), None),
                (None, None) => return view! { <span>{say!(lang(), pages.topology.no_reading)}</span> }.into_any(),
            };
            let first = if fresh { first } else { say!(lang(), pages.topology.was, value = first) };
            let rest =
                link.commit_wait.map(|wait| say!(lang(), pages.topology.per_commit, wait = words::figures::wait(lang(), wait))).or(rest);
            view! {
                <span><b>{first}</b> " " {say!(lang(), pages.topology.behind)}</span>
                {rest.map(|rest| view! { " " <span>{rest}</span> }.into_any())}
            }
            .into_any()
        })
    };
    let status = move || {
        let tone = link.read().as_ref().map_or(Tone::Stale, tones::link);
        let look = if tone == Tone::Ok { Look::Calm } else { Look::Plain };
        let word = move || match link.read().as_ref() {
            Some(link) if link.kind == LinkKind::Cascade && tones::link(link) == Tone::Ok => words::picture::link_kind(lang(), link.kind),
            Some(link) => words::picture::link_state(lang(), link.state, link.knowledge.is_fresh()),
            None => say!(lang(), pages.topology.no_reading),
        };
        view! { <Status tone look>{move || word()}</Status> }
    };
    view! {
        <LinkInside road=Signal::derive(road) nostrip:href=href sentence=Signal::derive(sentence)>
            {move || status()}
            " "
            {move || figures()}
        </LinkInside>
    }
}

fn ends_inside(link: &LinkPicture, node: &NodeName) -> bool {
    matches!(link.kind, LinkKind::Mirror | LinkKind::Cascade) && link.to.as_ref() == Some(node)
}
