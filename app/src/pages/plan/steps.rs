//! The steps of a plan, before it runs.

use crate::{api::operation::PhaseView, pages::common::use_lang};
use leptos::prelude::*;
use switchback_words::say;

/// The phases with their steps and the line of no return.
#[component]
pub(in crate::pages) fn Phases(
    /// The phases.
    phases: Vec<PhaseView>,
) -> impl IntoView {
    let lang = use_lang();
    let phase = |phase: PhaseView| {
        let first = phase.steps.first().map(|step| step.number.to_string());
        let steps = phase.steps.into_iter().map(|step| {
            view! {
                <li data-n=step.number.to_string()>
                    <span>{step.text}</span>
                    <span class="est">{step.took}</span>
                </li>
            }
        });
        view! {
            {phase.gate.map(|note| gate(say!(lang(), operations.page.no_return), note))}
            <h3>
                {phase.title}
                <small>{phase.note}</small>
            </h3>
            <ol start=first>{steps.collect_view()}</ol>
        }
    };
    view! { <div class="plan">{phases.into_iter().map(phase).collect_view()}</div> }
}

/// The line of no return.
pub(in crate::pages) fn gate(title: String, note: String) -> AnyView {
    view! {
        <div class="ponr">
            <span>
                {title}
                <small>{note}</small>
            </span>
        </div>
    }
    .into_any()
}
