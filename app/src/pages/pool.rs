//! A pool: what is the matter, where it runs, what can be done, and what all of that rests on.

mod actions;
mod checks;
mod gutter;
pub(super) mod pool_state;
mod site;
pub(super) mod sources;
mod split;
mod verdict;

use crate::{
    api::{self, PoolPage as Answer},
    live::{Live, aged},
    pages::{
        common::{LiveNotice, Trends, asked, for_title, use_lang},
        tones,
    },
    paths,
    ui::{
        Age, ChangeList, ChangeRow, Crumbs, Facts, Jump, PageHead, Panel, Status, StepEvidence, Tile, Topology, dynamic, use_announcer,
        use_clock,
    },
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;
use switchback_domain::{
    LinkState, NodeState, Pair, Picture, PoolId, ProtectionState, Side, SiteRole,
    history::{Change, Changed},
};
use switchback_words::{self as words, Names, say};

/// The console writes a change down a moment after it has told of it.
const MOMENT: std::time::Duration = std::time::Duration::from_millis(1_500);

/// What the parts of a page about a pool share.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// The pool as it may be shown: followed, or aged.
    pub(super) picture: Memo<Arc<Picture>>,
    /// What the page follows.
    pub(super) live: Live<Picture>,
    /// The picture may be taken for the present.
    pub(super) trusted: Memo<bool>,
    /// Figures over time.
    pub(super) trends: Trends,
    /// The names of the sites, which do not change while a page is open.
    pub(super) names: StoredValue<Names>,
    /// The pool's name.
    pub(super) pool: StoredValue<PoolId>,
}

impl View {
    /// Follows a pool until the page is left.
    pub(super) fn follow(picture: Picture, at: Timestamp, trends: Trends) -> View {
        let pool = StoredValue::new(picture.pool.clone());
        let names = StoredValue::new(Pair::of(|side| picture.sites[side].id.clone()));
        let address = format!("/live{}", paths::pool(&picture.pool));
        let live = Live::follow(address, picture, at, Callback::new(move |points: Vec<_>| trends.add(&points)));
        let trusted = live.trusted();
        let picture = Memo::new(move |_| if trusted.get() { live.value.get() } else { Arc::new(aged(&live.value.read())) });
        View { picture, live, trusted, trends, names, pool }
    }

    /// A part of the picture that is only passed on when it has changed.
    pub(super) fn part<T: PartialEq + Send + Sync + 'static>(self, part: impl Fn(&Picture) -> T + Send + Sync + 'static) -> Memo<T> {
        Memo::new(move |_| part(&self.picture.read()))
    }

    /// The name of a site.
    pub(super) fn site(self, side: Side) -> String {
        self.names.with_value(|names| names[side].to_string())
    }
}

/// The page.
#[component]
pub fn PoolPage() -> impl IntoView {
    let params = use_params_map();
    asked(
        move || vec![params.read().get("pool").unwrap_or_default()],
        |mut parts| Box::pin(api::one_pool(parts.remove(0))),
        |answer| view! { <Pool answer /> }.into_any(),
    )
}

#[component]
fn Pool(answer: Answer) -> impl IntoView {
    let lang = use_lang();
    let Answer { at, picture, trends, changes } = answer;
    let view = View::follow(picture, at, Trends::new(&trends));
    announce_changes(view);

    let name = view.pool.with_value(ToString::to_string);
    let title = view.part(|picture| picture.title.clone());
    let state = view.part(|picture| picture.protection.state);
    let page_title = {
        let (name, state) = (name.clone(), for_title(state));
        move || format!("{name}, {}", words::protection::state(lang(), state()))
    };
    let crumbs = {
        let name = name.clone();
        move || {
            let trail = vec![(paths::overview(), say!(lang(), pages.pool.pools))];
            view! { <Crumbs label=say!(lang(), pages.pool.crumbs) trail here=name.clone() /> }.into_any()
        }
    };
    let jump = vec![
        ("#sites".to_owned(), say!(lang(), pages.pool.jump_sites)),
        ("#actions".to_owned(), say!(lang(), pages.pool.jump_actions)),
        ("#checks".to_owned(), say!(lang(), pages.pool.jump_checks)),
    ];
    let oldest = view.part(|picture| {
        let endpoints = picture.sites.iter().flat_map(|(_, site)| &site.endpoints);
        endpoints.filter_map(|endpoint| endpoint.knowledge.seen_at()).min()
    });
    let oldest_end = move || {
        let text = Callback::new(move |age| say!(lang(), pages.topology.end, age = words::ago(lang(), age)));
        view! { <Age since=oldest text /> }.into_any()
    };
    view! {
        <Title text=page_title />
        <LiveNotice live=view.live />
        <div class="page pool">
            <PageHead title=name lede=move || title.get() crumbs>
                <HeadFacts view />
            </PageHead>
            <verdict::PoolVerdict view />
            <pool_state::PoolState view />
            <Jump label=say!(lang(), pages.pool.jump) items=jump />
            <div class="quad">
                <Panel
                    id="sites"
                    title=say!(lang(), pages.topology.title)
                    class="topo"
                    flush=true
                    end=oldest_end
                >
                    <Topology>
                        <site::PoolSite view side=Side::A />
                        <gutter::Between view />
                        <site::PoolSite view side=Side::B />
                    </Topology>
                </Panel>
                <actions::PoolActions view />
                <checks::PoolChecks view />
                <div class="stack">
                    <Findings view />
                    <Changes view changes />
                </div>
            </div>
            <sources::PoolSources view />
        </div>
    }
}

/// The active site and the home site.
#[component]
fn HeadFacts(view: View) -> impl IntoView {
    let lang = use_lang();
    let roles = view.part(|picture| Pair::of(|side| picture.sites[side].role));
    let active = view.part(|picture| picture.active);
    let places = view.part(|picture| Pair::of(|side| picture.sites[side].place.clone()));
    let home = view.part(|picture| picture.home);
    let place = move |side: Side| {
        let place = places.read()[side].clone();
        if place.is_empty() { view.site(side) } else { say!(lang(), pages.pool.active_place, site = view.site(side), place = place) }
    };
    let tile = move |side: Side| view! { <Tile letter=side.letter() part=move || tones::part(roles.read()[side]) /> };
    let active_site = move || {
        let both = roles.with(|roles| Side::BOTH.map(|side| roles[side] == SiteRole::ClaimsActive));
        match (active.get(), both) {
            (None, [true, true]) => view! {
                {tile(Side::A)}
                {tile(Side::B)}
                " "
                {say!(lang(), pages.pool.both_claim)}
            }
            .into_any(),
            (Some(side), _) if roles.read()[side] == SiteRole::Active => view! { {tile(side)} " " {place(side)} }.into_any(),
            (Some(side), _) => view! { {tile(side)} " " {say!(lang(), pages.topology.was, value = place(side))} }.into_any(),
            (None, _) => say!(lang(), pages.pool.not_known).into_any(),
        }
    };
    view! {
        <Facts>
            <StepEvidence name=say!(lang(), pages.pool.active_site)>{move || active_site()}</StepEvidence>
            <StepEvidence name=say!(lang(), pages.pool.home_site)>{move || view.site(home.get())}</StepEvidence>
        </Facts>
    }
}

/// Everything that is the matter, worst first; nothing at all when nothing is.
#[component]
fn Findings(view: View) -> impl IntoView {
    let lang = use_lang();
    let findings = view.part(|picture| picture.findings.clone());
    let rows = move || {
        let row = |finding: switchback_domain::Finding| {
            let severity = finding.severity();
            let title = move || view.names.with_value(|names| words::finding(lang(), &finding, names));
            let status =
                move || view! { <Status tone=tones::severity(severity)>{words::finding::severity(lang(), severity)}</Status> }.into_any();
            view! { <ChangeRow title status /> }
        };
        findings.get().into_iter().map(row).collect_view()
    };
    dynamic(move || {
        if findings.read().is_empty() {
            return ().into_any();
        }
        view! {
                <Panel
                    id="findings"
                    title=say!(lang(), pages.pool.findings)
                    flush=true
                    end=move || say!(lang(), pages.pool.findings_end)
                >
                    <ChangeList label=say!(lang(), pages.pool.findings)>{move || rows()}</ChangeList>
                </Panel>
        }
        .into_any()
    })
}

/// What changed lately. The stream does not carry it, so it is asked for again when a state has changed.
#[component]
fn Changes(view: View, changes: Vec<Change>) -> impl IntoView {
    let lang = use_lang();
    let clock = use_clock();
    let changes = RwSignal::new(changes);
    ask_again_after_changes(view, changes);
    let rows = move || {
        let row = |change: Change| {
            let Change { at, what } = change;
            // Only the whole pool's protection carries a status: other changes say all in their line.
            let to = match what {
                Changed::Protection { to, .. } => Some(to),
                Changed::Site { .. } | Changed::Node { .. } | Changed::Link { .. } => None,
            };
            let title = move || view.names.with_value(|names| words::change(lang(), &what, names));
            let meta = move || view! { <time datetime=at.to_string()>{words::when(lang(), at, clock.now_untracked())}</time> }.into_any();
            let status = move || {
                to.map(|to| view! { <Status tone=tones::protection(to)>{words::protection::state(lang(), to)}</Status> }.into_any())
            };
            view! { <ChangeRow title meta status /> }
        };
        changes.get().into_iter().map(row).collect_view()
    };
    let list = move || {
        if changes.read().is_empty() {
            view! { <p class="oplist__row muted">{say!(lang(), pages.changes.empty)}</p> }.into_any()
        } else {
            view! { <ChangeList label=say!(lang(), pages.changes.list)>{move || rows()}</ChangeList> }.into_any()
        }
    };
    view! {
        <Panel id="changes" title=say!(lang(), pages.changes.title) flush=true>
            {move || list()}
        </Panel>
    }
}

/// The states whose changes the console writes down.
#[derive(Clone, PartialEq)]
struct States {
    protection: ProtectionState,
    sites: [SiteRole; 2],
    nodes: Vec<NodeState>,
    links: Vec<LinkState>,
}

impl States {
    fn of(picture: &Picture) -> States {
        States {
            protection: picture.protection.state,
            sites: Side::BOTH.map(|side| picture.sites[side].role),
            nodes: picture.sites.iter().flat_map(|(_, site)| &site.nodes).map(|node| node.state).collect(),
            links: picture.links.iter().map(|link| link.state).collect(),
        }
    }
}

fn ask_again_after_changes(view: View, changes: RwSignal<Vec<Change>>) {
    let states = Memo::new(move |_| States::of(&view.live.value.read()));
    let newest = Action::new(move |pool: &String| api::changes(pool.clone()));
    Effect::new(move |first: Option<()>| {
        states.track();
        if first.is_some() {
            set_timeout(
                move || {
                    if let Some(pool) = view.pool.try_with_value(ToString::to_string) {
                        newest.dispatch(pool);
                    }
                },
                MOMENT,
            );
        }
    });
    Effect::new(move || {
        if let Some(Ok(newest)) = newest.value().get().map(|answer| answer.and_then(|text| text.read())) {
            changes.set(newest);
        }
    });
}

/// Says what changed for those who do not see it; figures are never said.
fn announce_changes(view: View) {
    let lang = use_lang();
    let announcer = use_announcer();
    let states = view.part(|picture| (picture.protection.state, Side::BOTH.map(|side| picture.sites[side].role)));
    Effect::new(move |before: Option<(ProtectionState, [SiteRole; 2])>| {
        let (protection, roles) = states.get();
        let Some((protection_before, roles_before)) = before else { return (protection, roles) };
        let pool = view.pool.with_value(ToString::to_string);
        let mut said = Vec::new();
        if protection != protection_before {
            if protection == ProtectionState::SplitBrain {
                announcer.alert(say!(lang(), pages.announce.split_brain, pool = pool.clone()));
            }
            said.push(say!(lang(), pages.announce.pool, pool = pool, state = words::protection::state(lang(), protection)));
        }
        for (side, (role, role_before)) in Side::BOTH.into_iter().zip(roles.into_iter().zip(roles_before)) {
            if role != role_before {
                said.push(say!(lang(), pages.announce.site, site = view.site(side), state = words::picture::site_role(lang(), role)));
            }
        }
        if !said.is_empty() {
            announcer.say(words::sentences(lang(), &said));
        }
        (protection, roles)
    });
}
