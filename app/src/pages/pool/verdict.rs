//! The sentence that the page opens with, and the three figures behind it.

use super::View;
use crate::{
    pages::{
        common::{Marked, figure, use_lang},
        tones,
    },
    ui::{Age, Verdict, VerdictNum},
};
use leptos::prelude::*;
use switchback_domain::{Bound, ByteLag, Finding, Millis, Verdict as Outcome, history::Metric};
use switchback_words::{self as words, say};

/// The verdict.
#[component]
pub(super) fn PoolVerdict(view: View) -> impl IntoView {
    let lang = use_lang();
    let protection = view.part(|picture| picture.protection.clone());
    let sentence = move || {
        let picture = view.picture.read();
        view.names.with_value(|names| words::sentences(lang(), &words::protection::verdict(lang(), &picture, names)))
    };
    let sentence = Memo::new(move |_| sentence());
    let tone = Signal::derive(move || tones::protection(protection.read().state));
    let measured = Signal::derive(move || protection.read().measured_at);
    let small = move || {
        let text = Callback::new(move |age| say!(lang(), pages.pool.worked_out, age = words::ago(lang(), age)));
        view! { <Age since=measured text /> }.into_any()
    };
    let silent = view.part(|picture| match picture.findings.first() {
        Some(Finding::ActiveSiteSilent { side, heard_at: Some(at) } | Finding::StandbySiteSilent { side, heard_at: Some(at) }) => {
            Some((*side, *at))
        }
        _ => None,
    });
    let nums = move || {
        view! {
            <Loss view />
            {move || match silent.get() {
                Some((side, at)) => view! { <Silent view side at /> }.into_any(),
                None => view! { <Worst view /> }.into_any(),
            }}
            <Readiness view />
        }
        .into_any()
    };
    view! {
        <Verdict tone state=Signal::derive(move || words::protection::state(lang(), protection.read().state)) small nums>
            <Marked text=sentence />
        </Verdict>
    }
}

#[component]
fn Loss(view: View) -> impl IntoView {
    let lang = use_lang();
    let protection = view.part(|picture| picture.protection.clone());
    let target = view.part(|picture| picture.loss_target);
    let name = move || match protection.read().bound {
        Bound::About | Bound::NotKnown => say!(lang(), pages.pool.num_loss),
        Bound::AtLeast => say!(lang(), pages.pool.num_loss_at_least),
        Bound::Was => say!(lang(), pages.pool.num_loss_was),
    };
    let value = move || {
        let protection = protection.read();
        match (protection.bound, protection.loss, protection.loss_bytes) {
            (Bound::NotKnown, ..) | (_, None, None) => say!(lang(), pages.pool.num_not_known),
            (_, Some(loss), _) => words::duration(lang(), loss),
            (_, None, Some(lost)) => words::bytes(lost),
        }
    };
    let note = move || {
        let target = words::figures::target(lang(), target.get());
        let protection = protection.read();
        match (protection.bound, protection.loss, protection.loss_bytes) {
            (Bound::About | Bound::AtLeast | Bound::Was, Some(_), Some(lost)) => {
                say!(lang(), pages.pool.num_loss_note, bytes = words::bytes(lost), target = target)
            }
            _ => say!(lang(), pages.pool.num_loss_target, target = target),
        }
    };
    view! { <VerdictNum name=Signal::derive(name) value=Signal::derive(value) note=Signal::derive(note) /> }
}

/// The worst of the last quarter of an hour, in time where the heartbeat row tells it, else in bytes.
#[component]
fn Worst(view: View) -> impl IntoView {
    let lang = use_lang();
    let (time, bytes) = (view.trends.curve(Metric::Loss), view.trends.curve(Metric::LossBytes));
    let target = view.part(|picture| (picture.loss_target, picture.loss_target_bytes));
    let highest = move || (time.read().range().map(|(_, high)| figure(high)), bytes.read().range().map(|(_, high)| figure(high)));
    let value = move || match highest() {
        (Some(time), _) => words::duration(lang(), Millis(time)),
        (None, Some(bytes)) => words::bytes(ByteLag(bytes)),
        (None, None) => say!(lang(), pages.pool.num_worst_none),
    };
    let note = move || {
        let (time, bytes) = target.get();
        let target = match highest() {
            (None, Some(_)) => say!(lang(), words.unit.at_most, figure = words::bytes(bytes)),
            _ => words::figures::target(lang(), time),
        };
        say!(lang(), pages.pool.num_worst_note, target = target)
    };
    let name = move || say!(lang(), pages.pool.num_worst);
    view! { <VerdictNum name=Signal::derive(name) value=Signal::derive(value) note=Signal::derive(note) /> }
}

#[component]
fn Silent(view: View, side: switchback_domain::Side, at: jiff::Timestamp) -> impl IntoView {
    let lang = use_lang();
    let clock = crate::ui::use_clock();
    let name = move || say!(lang(), pages.pool.num_silent, site = view.site(side));
    let value = move || words::duration(lang(), Millis::between(at, clock.now()));
    let note = move || say!(lang(), pages.pool.num_silent_note, time = words::when(lang(), at, clock.now_untracked()));
    view! { <VerdictNum name=Signal::derive(name) value=Signal::derive(value) note=Signal::derive(note) /> }
}

#[component]
fn Readiness(view: View) -> impl IntoView {
    let lang = use_lang();
    let checks = view.part(|picture| (picture.checks.iter().filter(|check| check.verdict == Outcome::Pass).count(), picture.checks.len()));
    let name = move || say!(lang(), pages.pool.num_checks);
    let value = move || {
        let (pass, total) = checks.get();
        say!(lang(), pages.pool.num_checks_value, n = pass.to_string(), total = total.to_string())
    };
    let note = move || say!(lang(), pages.pool.num_checks_note);
    view! { <VerdictNum name=Signal::derive(name) value=Signal::derive(value) note=Signal::derive(note) /> }
}
