//! What stands beside the steps: the outage meter, controls, people and plan.

use super::{View, lasting};
use crate::{
    api::operation::{ControlView, MeterView},
    pages::common::use_lang,
    paths,
    ui::{BlockedButton, Button, Panel, Sign, Status, Tone, dynamic},
};
use leptos::prelude::*;
use switchback_domain::Millis;
use switchback_words::{self as words, say};

/// How long clients could not write, against the target.
#[component]
pub(super) fn Meter(view: View) -> impl IntoView {
    let lang = use_lang();
    let meter = view.part(|told| told.meter.clone());
    dynamic(move || {
        let Some(meter) = meter.get() else { return ().into_any() };
        let MeterView { from, until, ended, target_ms, target, title, words: [counting, over], notes } = meter;
        let length = move || from.map(|from| lasting(from, until));
        let (told, judged, verdict) = match ended {
            Some((told, tone, word)) => (Some(told), Some(tone), Some(word)),
            None => (None, None, None),
        };
        let tone = move || match (judged, length()) {
            (Some(tone), _) => tone,
            (None, None) => Tone::Idle,
            (None, Some(length)) if length.0 > target_ms => Tone::Fail,
            (None, Some(_)) => Tone::Run,
        };
        let word = move || verdict.clone().unwrap_or_else(|| if tone() == Tone::Fail { over.clone() } else { counting.clone() });
        let word = Signal::derive(word);
        let chip = move || from.map(|_| view! { <Status tone=Signal::derive(tone)>{word}</Status> }).into_any();
        let figure = StoredValue::new(told);
        let figure = move || figure.get_value().unwrap_or_else(|| words::duration(lang(), length().unwrap_or(Millis(0))));
        let share = move || {
            let length = length().unwrap_or(Millis(0)).0.min(target_ms);
            (length * 1_000 / target_ms.max(1)).to_string()
        };
        let label = {
            let target = target.clone();
            move || say!(lang(), operations.meter.bar, length = figure(), target = target.clone())
        };
        view! {
            <Panel id="meter" title end=chip>
                <div class="budget" data-s=move || tone().as_code()>
                    <div class="budget__top">
                        <b>{figure}</b>
                        <span class="sm ink2">{say!(lang(), operations.num.target, target = target)}</span>
                    </div>
                    <svg class="budget__bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=label>
                        <rect height="10" width=share></rect>
                    </svg>
                </div>
                {notes.into_iter().map(|note| view! { <p class="sm ink2">{note}</p> }).collect_view()}
            </Panel>
        }
        .into_any()
    })
}

/// What may be wanted of the operation.
#[component]
pub(super) fn Controls(view: View) -> impl IntoView {
    let lang = use_lang();
    let controls = view.part(|told| told.controls.clone());
    let action = format!("{}/wish", view.told.with_untracked(|told| paths::operation(told.id)));
    dynamic(move || {
        let controls = controls.get();
        if controls.is_empty() {
            return ().into_any();
        }
        let controls: Vec<AnyView> = controls.into_iter().map(|control| one(&action, control)).collect();
        view! {
            <Panel id="controls" title=say!(lang(), operations.page.controls)>
                <div class="controls">{controls}</div>
            </Panel>
        }
        .into_any()
    })
}

fn one(action: &str, control: ControlView) -> AnyView {
    let why_id = format!("why-{}", control.wish);
    let why = (!control.why.is_empty()).then(|| view! { <p class="why" id=why_id.clone() tabindex="-1">{control.why}</p> });
    if control.blocked {
        return view! {
            <BlockedButton reasons=why_id>{control.text}</BlockedButton>
            {why}
        }
        .into_any();
    }
    let sign = match control.wish.as_str() {
        "pause" => Sign::Pause,
        "resume" => Sign::Play,
        _ => Sign::Back,
    };
    view! {
        <form method="post" action=action.to_owned()>
            <input type="hidden" name="wish" value=control.wish />
            <Button submit=true sign>{control.text}</Button>
        </form>
        {why}
    }
    .into_any()
}

/// Who did what.
#[component]
pub(super) fn People(view: View) -> impl IntoView {
    let lang = use_lang();
    let people = view.part(|told| told.people.clone());
    let rows = move || {
        let row = |(initials, name, text): (String, String, String)| {
            view! {
                <li>
                    <span class="ava" aria-hidden="true">{initials}</span>
                    <div>
                        <b>{name}</b>
                        <p>{text}</p>
                    </div>
                </li>
            }
        };
        view! { <ul class="people">{people.get().into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! { <Panel id="people" title=say!(lang(), operations.page.people)>{dynamic(rows)}</Panel> }
}

/// The plan and why it was asked for.
#[component]
pub(super) fn Plan(view: View) -> impl IntoView {
    let lang = use_lang();
    let facts = view.told.with_untracked(|told| told.plan.clone());
    let fact = |(name, value, hash): (String, String, bool)| {
        view! {
            <dt>{name}</dt>
            <dd class=if hash { "hash" } else { "wrap-any" }>{value}</dd>
        }
    };
    view! {
        <Panel id="plan" title=say!(lang(), operations.page.plan)>
            <dl class="kv kv--rows">{facts.into_iter().map(fact).collect_view()}</dl>
        </Panel>
    }
}
