//! The three guarded actions. Whether one can be taken is decided on the server; here its objections are told.

use super::View;
use crate::{
    i18n::Locale,
    live::Connection,
    pages::common::use_lang,
    ui::{Actions, BlockedButton, GuardedAction, Panel, Sign, Tone, Why},
    words::{self, say},
};
use leptos::prelude::*;
use switchback_domain::{Bound, Objection, Picture, Protection, ProtectionState, Verdict};

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
}

/// A reason and its family.
type Reason = (Tone, String);

/// The panel.
#[component]
pub(super) fn PoolActions(view: View) -> impl IntoView {
    let lang = use_lang();
    let target = view.part(|picture| picture.target);
    let home = view.part(|picture| picture.home);
    let split = view.part(|picture| picture.protection.state == ProtectionState::SplitBrain);
    let hot = view
        .part(|picture| picture.protection.state == ProtectionState::SiteLost && picture.actions.failover.iter().all(Objection::is_advice));
    let switchover = move || {
        if split.get() {
            say!(lang(), pages.actions.switchover_button_bare)
        } else {
            say!(lang(), pages.actions.switchover_button, site = view.site(target.get()))
        }
    };
    let failover = move || {
        if split.get() {
            say!(lang(), pages.actions.failover_button_bare)
        } else {
            say!(lang(), pages.actions.failover_button, site = view.site(target.get()))
        }
    };
    let failback = move || say!(lang(), pages.actions.failback_button, site = view.site(home.get()));
    view! {
        <Panel
            id="actions"
            title=Signal::derive(move || say!(lang(), pages.actions.title))
            class="acts"
            flush=true
            end=move || say!(lang(), pages.actions.end)
        >
            <Actions>
                <GuardedAction
                    id="act-switchover"
                    sign=Sign::Swap
                    title=Signal::derive(move || say!(lang(), pages.actions.switchover))
                    end=Signal::derive(move || say!(lang(), pages.actions.switchover_end))
                    why=move || view! { <Reasons view action=Action::Switchover /> }
                >
                    <BlockedButton reasons="act-switchover-why">{switchover}</BlockedButton>
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
                    <BlockedButton reasons="act-failover-why">{failover}</BlockedButton>
                </GuardedAction>
                <GuardedAction
                    id="act-failback"
                    sign=Sign::Back
                    title=Signal::derive(move || say!(lang(), pages.actions.failback))
                    end=Signal::derive(move || say!(lang(), pages.actions.failback_end))
                    why=move || view! { <Reasons view action=Action::Failback /> }
                >
                    <BlockedButton reasons="act-failback-why">{failback}</BlockedButton>
                </GuardedAction>
            </Actions>
        </Panel>
    }
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

/// Everything that stands in the way, at most three lines; when nothing does, what speaks for it, and why it still cannot be run here.
fn reasons(lang: Locale, picture: &Picture, action: Action, connection: Option<Connection>, view: View) -> Vec<Reason> {
    if let Some(connection) = connection {
        let text = match connection {
            Connection::Paused { .. } => say!(lang, pages.actions.paused),
            Connection::Ended { .. } => say!(lang, pages.actions.ended),
            Connection::Live | Connection::Lost { .. } => say!(lang, pages.actions.not_live),
        };
        return vec![(Tone::Block, text)];
    }
    let tell = |objection: &Objection| view.names.with_value(|names| words::readiness::objection(lang, objection, names));
    let (advice, refusals): (Vec<_>, Vec<_>) = action.objections(picture).iter().partition(|objection| objection.is_advice());
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
            told.push((Tone::Ok, say!(lang, pages.actions.can_take_over, site = view.site(picture.target))));
        }
        Action::Switchover | Action::Failback => told.push(ready(lang, picture)),
    }
    told.extend(advice.into_iter().map(|objection| (Tone::Warn, tell(objection))));
    told.push((Tone::Block, say!(lang, pages.actions.not_in_version)));
    told
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
