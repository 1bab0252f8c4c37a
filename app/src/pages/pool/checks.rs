//! The readiness checks, worst first, each with evidence, age, source and remedy.

use super::View;
use crate::{
    pages::{
        common::{Ago, use_lang},
        tones,
    },
    ui::{CheckRow, Checks, Look, Panel, Status},
};
use leptos::prelude::*;
use switchback_domain::{Check, CheckKind, Verdict};
use switchback_words::{self as words, say};

/// The panel.
#[component]
pub(super) fn PoolChecks(view: View) -> impl IntoView {
    let lang = use_lang();
    let order = view.part(|picture| picture.checks.iter().map(|check| check.kind).collect::<Vec<_>>());
    let counts = view.part(|picture| {
        [Verdict::Fail, Verdict::Unknown, Verdict::Warn, Verdict::Pass]
            .map(|verdict| (verdict, picture.checks.iter().filter(|check| check.verdict == verdict).count()))
    });
    let chips = move || {
        let chip = |(verdict, n): (Verdict, usize)| {
            let n_text = n.to_string();
            let text = match verdict {
                Verdict::Fail => say!(lang(), pages.checks.fail, n = n_text),
                Verdict::Unknown => say!(lang(), pages.checks.unknown, n = n_text),
                Verdict::Warn if n == 1 => say!(lang(), pages.checks.warn, n = n_text),
                Verdict::Warn => say!(lang(), pages.checks.warn_many, n = n_text),
                Verdict::Pass => say!(lang(), pages.checks.pass, n = n_text),
            };
            view! {
                <Status tone=tones::verdict(verdict) look=Look::Chip>
                    {text}
                </Status>
            }
        };
        counts.get().into_iter().filter(|(_, n)| *n > 0).map(chip).collect_view()
    };
    view! {
        <Panel
            id="checks"
            title=say!(lang(), pages.checks.title)
            class="checks"
            flush=true
            beside=chips
        >
            <Checks label=say!(lang(), pages.checks.list)>
                <For each=move || order.get() key=|kind| *kind let:kind>
                    <Row view kind />
                </For>
            </Checks>
        </Panel>
    }
}

#[component]
fn Row(view: View, kind: CheckKind) -> impl IntoView {
    let lang = use_lang();
    let check = view.part(move |picture| picture.checks.iter().find(|check| check.kind == kind).cloned());
    let verdict = Memo::new(move |_| check.read().as_ref().map_or(Verdict::Unknown, |check| check.verdict));
    let sources = Memo::new(move |_| check.read().as_ref().map(|check| check.sources.clone()).unwrap_or_default());
    let seen = Signal::derive(move || check.read().as_ref().and_then(|check| check.seen_at));
    let sentence = Memo::new(move |_| {
        let told = |check: &Check| view.names.with_value(|names| words::readiness::evidence(lang(), check, names));
        check.read().as_ref().map_or_else(String::new, told)
    });
    let read_from = move || say!(lang(), pages.checks.read_from, sources = words::list(lang(), sources.get()));
    let evidence = move || {
        view! {
            <details class="more">
                <summary>{sentence}</summary>
                <p>{words::readiness::remedy(lang(), kind)}</p>
                <p class="muted">{move || read_from()}</p>
            </details>
        }
        .into_any()
    };
    let age = move || match seen.get() {
        Some(_) => view! { <Ago since=seen /> }.into_any(),
        None => say!(lang(), pages.checks.never).into_any(),
    };
    view! {
        <CheckRow
            tone=Signal::derive(move || tones::verdict(verdict.get()))
            word=Signal::derive(move || words::readiness::verdict(lang(), verdict.get()))
            what=move || words::readiness::title(lang(), kind)
            evidence
            age
        />
    }
}
