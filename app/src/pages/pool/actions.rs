//! The three guarded actions, and what else may be planned. Whether one can be taken is decided on the server; here its objections are
//! told, and each leads to its plan.

use super::{View, split::StopOneSide};
use crate::{
    live::Connection,
    pages::common::use_lang,
    paths,
    ui::{Actions, BlockedButton, ButtonLink, GuardedAction, Kind, Panel, Sign, Tone, Why, dynamic},
};
use leptos::prelude::*;
use switchback_domain::{Bound, Objection, Picture, Protection, ProtectionState, Side, SiteRole, Verdict};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, say};

/// More reasons than this are counted, not listed.
const REASONS_SHOWN: usize = 3;

/// The actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Switchover,
    Failover,
    Failback,
}

impl Action {
    fn objections(self, picture: &Picture) -> &[Objection] {
        match self {
            Action::Switchover => &picture.actions.switchover,
            Action::Failover => &picture.actions.failover,
            Action::Failback => &picture.actions.failback,
        }
    }

    /// What refuses it, leaving out what its own first steps put right.
    fn refusals(self, picture: &Picture) -> Vec<&Objection> {
        let first_reprotects = self == Action::Failback && !follows(picture, picture.home);
        let refuses = |objection: &&Objection| {
            let put_right = matches!(objection, Objection::HomeDoesNotFollow { .. } | Objection::CheckFails { .. });
            !(objection.is_advice() || first_reprotects && put_right)
        };
        self.objections(picture).iter().filter(refuses).collect()
    }

    /// Nothing that is known here stands in its way. Its plan looks again.
    fn is_open(self, picture: &Picture) -> bool {
        let pool_state = &picture.pool_state;
        // An emergency asks for no convenient time.
        let timely = self == Action::Failover || pool_state.cool_until.is_none() && pool_state.freeze.is_none();
        let free = pool_state.operation.is_none() && timely;
        free && self.refusals(picture).is_empty()
    }

    fn kind(self) -> &'static str {
        match self {
            Action::Switchover => "switchover",
            Action::Failover => "failover",
            Action::Failback => "failback",
        }
    }
}

/// A site follows, and nothing keeps it from coming back.
fn follows(picture: &Picture, side: Side) -> bool {
    picture.sites[side].role == SiteRole::Standby && picture.pool_state.fences.iter().all(|fence| fence.side != side)
}

/// A reason and its family.
pub(super) type Reason = (Tone, String);

/// The panel: while both sites accept writes there is only one thing to do.
#[component]
pub(super) fn PoolActions(view: View) -> impl IntoView {
    let split = view.part(Picture::is_split);
    dynamic(move || if split.get() { view! { <StopOneSide view /> }.into_any() } else { view! { <Guarded view /> }.into_any() })
}

#[component]
fn Guarded(view: View) -> impl IntoView {
    let lang = use_lang();
    let target = view.part(|picture| picture.target);
    let home = view.part(|picture| picture.home);
    let hot = view.part(|picture| {
        picture.protection.state == ProtectionState::SiteSilent && picture.actions.failover.iter().all(Objection::is_advice)
    });
    let switchover = move || say!(lang(), pages.actions.switchover_button, site = view.site(target.get()));
    let failover = move || say!(lang(), pages.actions.failover_button, site = view.site(target.get()));
    let failback = move || say!(lang(), pages.actions.failback_button, site = view.site(home.get()));
    view! {
        <Panel
            id="actions"
            title=Signal::derive(move || say!(lang(), pages.actions.title))
            class="acts"
            flush=true
            end=move || say!(lang(), pages.actions.end)
            foot=move || view! { <More view /> }
        >
            <Actions>
                <GuardedAction
                    id="act-switchover"
                    sign=Sign::Swap
                    title=Signal::derive(move || say!(lang(), pages.actions.switchover))
                    end=Signal::derive(move || say!(lang(), pages.actions.switchover_end))
                    why=move || view! { <Reasons view action=Action::Switchover /> }
                >
                    {door(view, Action::Switchover, "act-switchover-why", switchover)}
                </GuardedAction>
                <GuardedAction
                    id="act-failover"
                    sign=Sign::Bolt
                    title=Signal::derive(move || say!(lang(), pages.actions.failover))
                    end=Signal::derive(move || say!(lang(), pages.actions.failover_end))
                    why=move || view! { <Reasons view action=Action::Failover /> }
                    meta=Signal::derive(move || would_lose(lang(), &view.picture.read().protection))
                    hot
                >
                    {door(view, Action::Failover, "act-failover-why", failover)}
                    {other_way(view)}
                </GuardedAction>
                <GuardedAction
                    id="act-failback"
                    sign=Sign::Back
                    title=Signal::derive(move || say!(lang(), pages.actions.failback))
                    end=Signal::derive(move || say!(lang(), pages.actions.failback_end))
                    why=move || view! { <Reasons view action=Action::Failback /> }
                >
                    {door(view, Action::Failback, "act-failback-why", failback)}
                </GuardedAction>
            </Actions>
        </Panel>
    }
}

/// The way to the plan, or the reasons why there is none.
fn door(view: View, action: Action, reasons: &'static str, text: impl Fn() -> String + Copy + Send + Sync + 'static) -> AnyView {
    let open = Memo::new(move |_| view.trusted.get() && action.is_open(&view.picture.read()));
    let hot = view.part(|picture| picture.protection.state == ProtectionState::SiteSilent);
    let href = view.pool.with_value(|pool| paths::plan(pool, action.kind()));
    dynamic(move || {
        if !open.get() {
            return view! { <BlockedButton reasons>{text}</BlockedButton> }.into_any();
        }
        let kind = match action {
            Action::Switchover => Kind::Primary,
            Action::Failover if hot.get() => Kind::Danger,
            Action::Failover => Kind::DangerLine,
            Action::Failback => Kind::Default,
        };
        view! { <ButtonLink href=href.clone() kind describedby=reasons>{text}</ButtonLink> }.into_any()
    })
}

/// Where nobody writes, the other site may be the way out as well. What speaks against it is on its plan.
fn other_way(view: View) -> AnyView {
    let lang = use_lang();
    let to = Memo::new(move |_| {
        let picture = view.picture.read();
        let objections = picture.actions.failover_other.as_ref()?;
        let open = view.trusted.get() && picture.pool_state.operation.is_none() && objections.iter().all(Objection::is_advice);
        open.then_some(picture.target.other())
    });
    dynamic(move || {
        let Some(to) = to.get() else { return ().into_any() };
        let site = view.site(to);
        let href = format!("{}?site={site}", view.pool.with_value(|pool| paths::plan(pool, Action::Failover.kind())));
        let text = say!(lang(), pages.actions.failover_button, site = site);
        view! { <ButtonLink href kind=Kind::DangerLine describedby="act-failover-why">{text}</ButtonLink> }.into_any()
    })
}

/// Plans that are asked for less often. Each says itself whether it is possible.
#[component]
fn More(view: View) -> impl IntoView {
    let lang = use_lang();
    let sides = view.part(|picture| (picture.active.unwrap_or(picture.home), picture.active.map_or(picture.target, Side::other)));
    let plan = move |kind: &str, site: Option<Side>| {
        let address = view.pool.with_value(|pool| paths::plan(pool, kind));
        site.map_or_else(|| address.clone(), |side| format!("{address}?site={}", view.site(side)))
    };
    dynamic(move || {
        let (active, other) = sides.get();
        view! {
            <a href=plan("reprotect", Some(other))>{say!(lang(), operations.list.reprotect, site = view.site(other))}</a>
            <a href=plan("local-switchover", Some(active))>{say!(lang(), operations.list.local, site = view.site(active))}</a>
            <a href=plan("members", None)>{say!(lang(), operations.list.members)}</a>
        }
        .into_any()
    })
}

#[component]
fn Reasons(view: View, action: Action) -> impl IntoView {
    let lang = use_lang();
    let reasons = Memo::new(move |_| {
        let picture = view.picture.read();
        let connection = (!view.trusted.get()).then(|| view.live.connection.get());
        reasons(lang(), &picture, action, connection, view)
    });
    move || {
        let reason = |(tone, text): Reason| view! { <Why tone>{text}</Why> };
        reasons.get().into_iter().map(reason).collect_view()
    }
}

/// Everything that stands in the way, at most three lines; when nothing does, what speaks for it and against it.
fn reasons(lang: Locale, picture: &Picture, action: Action, connection: Option<Connection>, view: View) -> Vec<Reason> {
    if let Some(connection) = connection {
        return vec![not_followed(lang, connection)];
    }
    let tell = |objection: &Objection| view.names.with_value(|names| words::readiness::objection(lang, objection, names));
    let pool_state = pool_state(lang, picture, action);
    if !pool_state.is_empty() {
        return pool_state;
    }
    let (advice, refusals) = (action.objections(picture).iter().filter(|objection| objection.is_advice()), action.refusals(picture));
    if !refusals.is_empty() {
        let shown = if refusals.len() > REASONS_SHOWN { REASONS_SHOWN - 1 } else { refusals.len() };
        let mut told: Vec<Reason> = refusals.iter().take(shown).map(|objection| (Tone::Block, tell(objection))).collect();
        match refusals.len() - shown {
            0 => {}
            1 => told.push((Tone::Block, say!(lang, pages.actions.more_single))),
            more => told.push((Tone::Block, say!(lang, pages.actions.more, n = more.to_string()))),
        }
        return told;
    }
    let mut told: Vec<Reason> = Vec::new();
    match action {
        Action::Failover => {
            let alive = action.objections(picture).iter().any(|objection| matches!(objection, Objection::SeenAlive { .. }));
            if !alive {
                told.push((Tone::Ok, say!(lang, pages.actions.can_take_over, site = view.site(picture.target))));
            }
        }
        Action::Failback if !follows(picture, picture.home) => {
            told.push((Tone::Warn, say!(lang, pages.actions.reprotects_first, site = view.site(picture.home))));
        }
        Action::Switchover | Action::Failback => told.push(ready(lang, picture)),
    }
    told.extend(advice.map(|objection| (Tone::Warn, tell(objection))));
    told
}

/// Nothing is begun from a page that does not follow the pool.
pub(super) fn not_followed(lang: Locale, connection: Connection) -> Reason {
    let text = match connection {
        Connection::Paused { .. } => say!(lang, pages.actions.paused),
        Connection::Ended { .. } => say!(lang, pages.actions.ended),
        Connection::Live | Connection::Lost { .. } => say!(lang, pages.actions.not_live),
    };
    (Tone::Block, text)
}

/// What stands in the way beside the situation.
fn pool_state(lang: Locale, picture: &Picture, action: Action) -> Vec<Reason> {
    let pool_state = &picture.pool_state;
    let mut told = Vec::new();
    let unreadable = pool_state.operation.as_ref().and_then(|summary| Some((summary.id, summary.unreadable?)));
    if let Some(summary) = pool_state.operation.as_ref().filter(|_| unreadable.is_none()) {
        told.push(say!(lang, operations.objection.operation_runs, operation = summary.id.to_string()));
    }
    let timely = action != Action::Failover;
    if let Some(until) = pool_state.cool_until.filter(|_| timely) {
        told.push(say!(lang, operations.objection.cooling_down, time = words::clock_time(lang, until)));
    }
    if let Some(window) = pool_state.freeze.as_ref().filter(|_| timely) {
        let time = words::figures::date_time(lang, window.until);
        told.push(say!(lang, operations.objection.freeze_window, reason = window.reason.clone(), time = time));
    }
    let advice = unreadable.map(|(operation, entry)| (Tone::Warn, words::operation::unreadable(lang, operation, entry)));
    told.into_iter().map(|text| (Tone::Block, text)).chain(advice).collect()
}

fn ready(lang: Locale, picture: &Picture) -> Reason {
    let count = |verdict| picture.checks.iter().filter(|check| check.verdict == verdict).count();
    let (pass, warnings, total) = (count(Verdict::Pass), count(Verdict::Warn), picture.checks.len());
    let (pass, total) = (pass.to_string(), total.to_string());
    if warnings == 0 {
        (Tone::Ok, say!(lang, pages.actions.ready, n = pass, total = total))
    } else {
        (Tone::Ok, say!(lang, pages.actions.ready_warnings, n = pass, total = total, warnings = warnings.to_string()))
    }
}

/// What a failover would lose, as far as it is known.
fn would_lose(lang: Locale, protection: &Protection) -> String {
    let figures = (protection.loss.map(|loss| words::duration(lang, loss)), protection.loss_bytes.map(words::bytes));
    match (protection.bound, figures) {
        (Bound::About, (Some(loss), Some(bytes))) => say!(lang, pages.actions.would_lose_both, loss = loss, bytes = bytes),
        (Bound::About, (Some(loss), None) | (None, Some(loss))) => say!(lang, pages.actions.would_lose_one, loss = loss),
        (Bound::AtLeast, (Some(loss), Some(bytes))) => say!(lang, pages.actions.would_lose_at_least_both, loss = loss, bytes = bytes),
        (Bound::AtLeast, (Some(loss), None) | (None, Some(loss))) => say!(lang, pages.actions.would_lose_at_least_one, loss = loss),
        (Bound::Was | Bound::NotKnown, _) | (_, (None, None)) => say!(lang, pages.actions.would_lose_unknown),
    }
}
