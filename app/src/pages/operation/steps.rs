//! The progress road and the list of steps.

use super::View;
use crate::{
    api::operation::StepView,
    pages::{common::use_lang, plan::gate},
    ui::{Age, Icon, Panel, Sign, dynamic},
};
use leptos::prelude::*;
use switchback_words::{self as words, say};

/// The road: a segment for each step, and the gate.
#[component]
pub(super) fn Progress(view: View) -> impl IntoView {
    let lang = use_lang();
    let road = view.part(|told| (told.road.clone(), told.road_label.clone(), told.road_ends.clone()));
    let drawn = move || {
        let (road, label, [begin, middle, end]) = road.get();
        let segment = |(state, width, gate): (String, u8, bool)| {
            view! {
                {gate.then(|| view! { <span class="strip__gate"></span> })}
                <span class="strip__seg" data-s=state data-w=width.to_string()></span>
            }
        };
        let middle = (!middle.is_empty()).then(|| {
            view! {
                <span class="mid">
                    <Icon sign=Sign::Flag />
                    {middle}
                </span>
            }
        });
        view! {
            <div class="strip__road" role="img" aria-label=label>
                {road.into_iter().map(segment).collect_view()}
            </div>
            <div class="strip__cap">
                <span>{begin}</span>
                {middle}
                <span>{end}</span>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="panel strip" aria-label=say!(lang(), operations.page.progress)>
            {dynamic(drawn)}
        </section>
    }
}

/// The steps in their phases. A step that has not changed is not drawn again, so that evidence which was opened stays open.
#[component]
pub(super) fn Steps(view: View) -> impl IntoView {
    let lang = use_lang();
    let count = view.part(|told| told.phases.len());
    let phase = move |index: usize| {
        let head = Memo::new(move |_| {
            view.told.with(|told| {
                let phase = told.phases.get(index)?;
                Some((phase.gate.clone(), phase.title.clone(), phase.note.clone()))
            })
        });
        let steps = move || view.told.with(|told| told.phases.get(index).map(|phase| phase.steps.clone()).unwrap_or_default());
        let heading = move || {
            let Some((gated, title, note)) = head.get() else { return ().into_any() };
            view! {
                {gated.map(|note| gate(say!(lang(), operations.page.no_return), note))}
                <div class="phase">
                    <h3>{title}</h3>
                    <span>{note}</span>
                </div>
            }
            .into_any()
        };
        view! {
            {dynamic(heading)}
            <ol>
                <For each=steps key=Clone::clone let:step>
                    <Step step />
                </For>
            </ol>
        }
    };
    view! {
        <Panel id="steps" title=say!(lang(), operations.page.steps) flush=true end=move || say!(lang(), operations.page.steps_end)>
            <div class="steps">
                <For each=move || 0..count.get() key=|index| *index let:index>
                    {phase(index)}
                </For>
            </div>
        </Panel>
    }
}

#[component]
fn Step(step: StepView) -> impl IntoView {
    let lang = use_lang();
    let running = step.state == "run";
    let icon = match step.state.as_str() {
        "done" => Some(Sign::Ok),
        "run" => Some(Sign::Run),
        "fail" => Some(Sign::Fail),
        "skip" => Some(Sign::Arrow),
        _ => None,
    };
    let icon_class = match (icon, running) {
        (None, _) => "step__ic n",
        (Some(_), true) => "step__ic spin",
        (Some(_), false) => "step__ic",
    };
    // Whether a step is done can be seen; who cannot see it is told.
    let word_class = if matches!(step.state.as_str(), "run" | "fail") { "w" } else { "w vh" };
    let note = (!step.note.is_empty()).then(|| view! { <small>{step.note}</small> });
    let took = match step.running_since {
        Some(since) => {
            let text = Callback::new(move |age| words::duration(lang(), age));
            view! { <Age since=Some(since) text /> }.into_any()
        }
        None => step.took.into_any(),
    };
    let limit = (!step.limit.is_empty()).then(|| view! { <small>{step.limit}</small> });
    let label = say!(lang(), operations.page.evidence, n = step.number.to_string());
    let line = view! {
        <span class=icon_class>{icon.map(|sign| view! { <Icon sign /> })}</span>
        <span class="step__b">
            <span class="step__t">
                <span class="n">{step.number}</span>
                " "
                {step.text}
            </span>
            " "
            <span class=word_class>{step.word}</span>
            {note}
        </span>
        <span class="step__d">{took} {limit}</span>
    }
    .into_any();
    let body = if step.evidence.is_empty() && step.earlier.is_empty() {
        view! { <div class="step__row">{line}</div> }.into_any()
    } else {
        let list = |facts: Vec<String>| facts.into_iter().map(|fact| view! { <li>{fact}</li> }).collect_view();
        let evidence = (!step.evidence.is_empty()).then(|| {
            view! {
                <ul class="log" aria-label=label>
                    {list(step.evidence)}
                </ul>
            }
        });
        let earlier = step.earlier.into_iter().map(|(attempt, facts)| {
            let facts = (!facts.is_empty()).then(|| view! { <ul class="log">{list(facts)}</ul> });
            view! {
                <p class="sm">{attempt}</p>
                {facts}
            }
        });
        let remedy = (!step.remedy.is_empty()).then(|| {
            view! {
                <p class="sm">
                    <b>{say!(lang(), operations.page.what_to_do)}</b>
                    " "
                    {step.remedy}
                </p>
            }
        });
        view! {
            <details open=matches!(step.state.as_str(), "run" | "fail")>
                <summary>{line} <Icon sign=Sign::Chevron attr:class="i chev" /></summary>
                <div class="evid">
                    {remedy} {evidence} {earlier.collect_view()}
                </div>
            </details>
        }
        .into_any()
    };
    view! {
        <li class="step" data-s=step.state aria-current=running.then_some("step")>
            {body}
        </li>
    }
}
