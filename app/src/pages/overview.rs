//! Every pool on one line, worst first.

use crate::{
    api::{self, Overview as Answer},
    live::{Live, aged_summary},
    pages::{
        common::{LiveNotice, Trend, Unit, add_value, asked, target, use_lang},
        pool::pool_state,
        tones,
    },
    paths,
    ui::{
        Age, Curve, Empty, FilterChip, Filters, Look, PageHead, PoolHeads, PoolRow, PoolTable, Route, Status, dynamic, use_announcer,
        use_clock,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use std::{collections::BTreeMap, sync::Arc};
use switchback_domain::{Bound, Pair, PoolId, ProtectionState, Side, SiteRole, Summary};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, say};

/// The states in the order of the filter, worst first.
const STATES: [ProtectionState; 6] = [
    ProtectionState::SplitBrain,
    ProtectionState::SiteSilent,
    ProtectionState::Unprotected,
    ProtectionState::AtRisk,
    ProtectionState::NoReading,
    ProtectionState::Protected,
];

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct View {
    pools: Memo<Arc<Vec<Summary>>>,
    curves: RwSignal<BTreeMap<PoolId, Curve>>,
    filter: RwSignal<Option<ProtectionState>>,
}

/// The page.
#[component]
pub fn OverviewPage() -> impl IntoView {
    asked(Vec::new, |_| Box::pin(api::all_pools()), |answer| view! { <Pools answer /> }.into_any())
}

#[component]
fn Pools(answer: Answer) -> impl IntoView {
    let lang = use_lang();
    let Answer { at, pools, losses } = answer;
    let live = Live::follow("/live/pools".to_owned(), pools, at, Callback::new(|_| {}));
    let trusted = live.trusted();
    let shown =
        Memo::new(move |_| if trusted.get() { live.value.get() } else { Arc::new(live.value.read().iter().map(aged_summary).collect()) });
    let curves = losses.iter().map(|(pool, series)| (pool.clone(), Curve::from(series))).collect();
    let view = View { pools: shown, curves: RwSignal::new(curves), filter: RwSignal::new(None) };
    keep_curves(live, trusted, view.curves);
    announce_changes(view);

    let title = say!(lang(), pages.overview.title);
    let lede = move || {
        let pools = view.pools.read();
        let total = pools.len();
        let needing = pools.iter().filter(|pool| pool.protection.state != ProtectionState::Protected).count();
        match (needing, total) {
            (_, 0) => say!(lang(), pages.overview.lede_empty),
            (0, 1) => say!(lang(), pages.overview.lede_good_single),
            (0, _) => say!(lang(), pages.overview.lede_good, total = total.to_string()),
            (1, _) => say!(lang(), pages.overview.lede_single, total = total.to_string()),
            _ => say!(lang(), pages.overview.lede_many, n = needing.to_string(), total = total.to_string()),
        }
    };
    let none = Memo::new(move |_| view.pools.read().is_empty());
    view! {
        <Title text=title.clone() />
        <LiveNotice live />
        <div class="page">
            <PageHead title lede>
                <States view />
            </PageHead>
            {move || {
                if none.get() {
                    view! { <NoPools /> }.into_any()
                } else {
                    view! { <Table view /> }.into_any()
                }
            }}
        </div>
    }
}

/// How many pools are in each state; pressing one shows only those.
#[component]
fn States(view: View) -> impl IntoView {
    let lang = use_lang();
    let counts = Memo::new(move |_| STATES.map(|state| view.pools.read().iter().filter(|pool| pool.protection.state == state).count()));
    let chips = STATES.into_iter().enumerate().map(move |(index, state)| {
        let there = Memo::new(move |_| counts.read()[index] > 0);
        dynamic(move || {
            if !there.get() {
                return ().into_any();
            }
            let press = Callback::new(move |()| view.filter.update(|filter| *filter = (*filter != Some(state)).then_some(state)));
            view! {
                <FilterChip
                    tone=tones::protection(state)
                    count=Signal::derive(move || counts.read()[index])
                    pressed=Signal::derive(move || view.filter.get() == Some(state))
                    on_press=press
                >
                    {words::protection::state(lang(), state)}
                </FilterChip>
            }
            .into_any()
        })
    });
    view! { <Filters label=say!(lang(), pages.overview.filter)>{chips.collect_view()}</Filters> }
}

#[component]
fn NoPools() -> impl IntoView {
    let lang = use_lang();
    view! {
        <Empty title=say!(lang(), pages.overview.empty_title)>
            <p>{say!(lang(), pages.overview.empty_text)}</p>
        </Empty>
    }
}

fn heads(lang: Locale) -> PoolHeads {
    PoolHeads {
        protection: say!(lang, pages.overview.head_protection),
        pool: say!(lang, pages.overview.head_pool),
        site: say!(lang, pages.overview.head_site),
        loss: say!(lang, pages.overview.head_loss),
        lag: say!(lang, pages.overview.head_lag),
        worst: say!(lang, pages.overview.head_worst),
    }
}

#[component]
fn Table(view: View) -> impl IntoView {
    let lang = use_lang();
    let names = Memo::new(move |_| {
        let filter = view.filter.get();
        let pools = view.pools.read();
        let shown = pools.iter().filter(|pool| filter.is_none_or(|state| pool.protection.state == state));
        shown.map(|pool| pool.pool.clone()).collect::<Vec<_>>()
    });
    let no_match = move || {
        names.read().is_empty().then(|| view! { <p class="oplist__row muted">{say!(lang(), pages.overview.no_match)}</p> }.into_any())
    };
    view! {
        <section class="panel panel--flush pools" aria-label=say!(lang(), pages.overview.table)>
            <PoolTable
                label=say!(lang(), pages.overview.table)
                heads=heads(lang())
            >
                <For each=move || names.get() key=Clone::clone let:name>
                    <Line view name />
                </For>
            </PoolTable>
            {move || no_match()}
        </section>
    }
}

/// A pool. It keeps its last line for the moment in which it leaves the list.
#[component]
fn Line(view: View, name: PoolId) -> impl IntoView {
    let own_name = name.clone();
    let summary = Memo::new(move |before: Option<&Option<Summary>>| {
        let now = view.pools.read().iter().find(|pool| pool.pool == own_name).cloned();
        now.or_else(|| before.cloned().flatten())
    });
    let Some(first) = summary.get_untracked() else { return ().into_any() };
    let summary = Memo::new(move |_| summary.get().unwrap_or_else(|| first.clone()));
    view! { <Known view name summary /> }.into_any()
}

#[component]
fn Known(view: View, name: PoolId, summary: Memo<Summary>) -> impl IntoView {
    let lang = use_lang();
    let state = Memo::new(move |_| summary.read().protection.state);
    let tone = Signal::derive(move || tones::protection(state.get()));
    let worked_out = Callback::new(move |age| say!(lang(), pages.pool.worked_out, age = words::ago(lang(), age)));
    let measured = Signal::derive(move || summary.read().protection.measured_at);
    let protection = move || view! { <Status tone>{move || words::protection::state(lang(), state.get())}</Status> };
    let roles = Memo::new(move |_| Pair::of(|side| summary.read().sites[side].1));
    let route = move || {
        let road = move || tones::summary_road(summary.read().cross_site, state.get());
        // Data flows from the active site; without one, away from where it was home.
        let heading = move || tones::heading(summary.read().active.unwrap_or(Side::A));
        view! {
            <Route
                a=Signal::derive(move || tones::part(roles.read().a))
                b=Signal::derive(move || tones::part(roles.read().b))
                road=Signal::derive(road)
                heading=Signal::derive(heading)
                label=Signal::derive(move || route_label(lang(), &summary.read()))
            />
        }
    };
    let curve_name = name.clone();
    let curve = Memo::new(move |_| view.curves.read().get(&curve_name).cloned().unwrap_or_default());
    let goal = Signal::derive(move || Some(target(summary.read().loss_target.0)));
    let worst = move || worst(lang(), &summary.read());
    view! {
        <PoolRow
            tone
            href=paths::pool(&name)
            name=name.to_string()
            title=Signal::derive(move || summary.read().title.clone())
            protection
            since=move || view! { <Age since=measured text=worked_out /> }
            route
            site=Signal::derive(move || active_site(lang(), &summary.read()))
            loss=Signal::derive(move || loss(lang(), &summary.read()))
            loss_note=Signal::derive(move || loss_note(lang(), &summary.read()))
            lag=move || view! { <Trend curve unit=Unit::Time tone goal tall=true /> }
            worst
            heads=heads(lang())
        />
    }
}

/// The operation that runs, and what is the matter.
fn worst(lang: Locale, summary: &Summary) -> AnyView {
    let operation = summary.operation.as_ref().map(|summary| {
        let text = format!("{} · {}", summary.id, pool_state::progress(lang, summary));
        view! { <Status tone=pool_state::tone(summary.stage) look=Look::Top>{text}</Status> }
    });
    let finding = finding(lang, summary);
    match operation {
        Some(operation) if summary.worst.is_none() => operation.into_any(),
        operation => view! { {operation} {finding} }.into_any(),
    }
}

fn finding(lang: Locale, summary: &Summary) -> AnyView {
    let Some(finding) = &summary.worst else {
        return view! { <span class="none muted">{say!(lang, pages.overview.healthy)}</span> }.into_any();
    };
    let names = Pair::of(|side| summary.sites[side].0.clone());
    let more = match summary.findings.saturating_sub(1) {
        0 => None,
        1 => Some(say!(lang, pages.overview.more_single)),
        more => Some(say!(lang, pages.overview.more, n = more.to_string())),
    };
    let (tone, text) = (tones::severity(finding.severity()), words::finding(lang, finding, &names));
    view! {
        <Status tone look=Look::Top>{text}</Status>
        {more.map(|more| view! { <small>{more}</small> }.into_any())}
    }
    .into_any()
}

fn both_claim(summary: &Summary) -> bool {
    summary.sites.iter().all(|(_, (_, role))| *role == SiteRole::ClaimsActive)
}

fn active_site(lang: Locale, summary: &Summary) -> String {
    match summary.active {
        Some(side) if summary.sites[side].1 == SiteRole::Active => summary.sites[side].0.to_string(),
        Some(side) => say!(lang, words.unit.was, figure = summary.sites[side].0.to_string()),
        None if both_claim(summary) => say!(lang, pages.overview.both_claim),
        None => say!(lang, pages.overview.not_known),
    }
}

fn route_label(lang: Locale, summary: &Summary) -> String {
    let name = |side: Side| summary.sites[side].0.to_string();
    let state = |side: Side| words::picture::site_role(lang, summary.sites[side].1);
    match summary.active {
        Some(side) if summary.sites[side].1 == SiteRole::Active => {
            say!(lang, pages.overview.route_active, active = name(side), other = name(side.other()), state = state(side.other()))
        }
        _ if both_claim(summary) => say!(lang, pages.overview.route_both),
        _ => {
            say!(lang, pages.overview.route_none, a = name(Side::A), a_state = state(Side::A), b = name(Side::B), b_state = state(Side::B))
        }
    }
}

fn loss(lang: Locale, summary: &Summary) -> String {
    let protection = &summary.protection;
    if protection.state == ProtectionState::SplitBrain {
        return say!(lang, pages.overview.loss_not_knowable);
    }
    let figure = protection.loss.map(|loss| words::duration(lang, loss)).or_else(|| protection.loss_bytes.map(words::bytes));
    match (protection.bound, figure) {
        (Bound::About | Bound::AtLeast, Some(figure)) => words::figures::bounded(lang, figure, protection.bound),
        (Bound::Was | Bound::NotKnown, _) | (_, None) => say!(lang, pages.overview.loss_not_known),
    }
}

fn loss_note(lang: Locale, summary: &Summary) -> String {
    let protection = &summary.protection;
    if protection.state == ProtectionState::SplitBrain {
        return say!(lang, pages.overview.loss_split);
    }
    let target = words::figures::target(lang, summary.loss_target);
    let figures = (protection.loss.map(|loss| words::duration(lang, loss)), protection.loss_bytes.map(words::bytes));
    match (protection.bound, figures) {
        (Bound::Was, (Some(loss), Some(bytes))) => say!(lang, pages.overview.loss_was, loss = loss, bytes = bytes),
        (Bound::Was, (Some(one), None) | (None, Some(one))) => say!(lang, pages.overview.loss_was_one, loss = one),
        (Bound::About | Bound::AtLeast, (Some(_), Some(bytes))) => say!(lang, pages.overview.loss_note, bytes = bytes, target = target),
        _ => say!(lang, pages.overview.loss_target, target = target),
    }
}

/// Lets the curves grow with what the lines say, once a second; a pool that tells nothing gets a gap.
fn keep_curves(live: Live<Vec<Summary>>, trusted: Memo<bool>, curves: RwSignal<BTreeMap<PoolId, Curve>>) {
    let clock = use_clock();
    Effect::new(move |first: Option<()>| {
        let now = clock.now();
        if first.is_none() || !trusted.get_untracked() {
            return;
        }
        let pools = live.value.get_untracked();
        curves.update(|curves| {
            for pool in pools.iter() {
                let known = matches!(pool.protection.bound, Bound::About | Bound::AtLeast);
                if let (Some(curve), Some(loss), true) = (curves.get_mut(&pool.pool), pool.protection.loss, known) {
                    add_value(curve, now, target(loss.0));
                }
            }
        });
    });
}

/// Says which pools changed for those who do not see it.
fn announce_changes(view: View) {
    let lang = use_lang();
    let announcer = use_announcer();
    let states = Memo::new(move |_| {
        let pools = view.pools.read();
        pools.iter().map(|pool| (pool.pool.clone(), pool.protection.state)).collect::<BTreeMap<_, _>>()
    });
    Effect::new(move |before: Option<BTreeMap<PoolId, ProtectionState>>| {
        let now = states.get();
        if let Some(before) = before {
            let changed: Vec<_> = now.iter().filter(|(pool, state)| before.get(pool).is_some_and(|before| before != *state)).collect();
            for (pool, _) in changed.iter().filter(|(_, state)| **state == ProtectionState::SplitBrain) {
                announcer.alert(say!(lang(), pages.announce.split_brain, pool = pool.to_string()));
            }
            if !changed.is_empty() {
                let tell = |(pool, state): &(&PoolId, &ProtectionState)| {
                    say!(lang(), pages.announce.pool, pool = pool.to_string(), state = words::protection::state(lang(), **state))
                };
                announcer.say(words::sentences(lang(), &changed.iter().map(tell).collect::<Vec<_>>()));
            }
        }
        now
    });
}
