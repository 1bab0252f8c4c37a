//! What somebody has to do by hand, and what was saved before.

use super::View;
use crate::{
    api::operation::{ByHandView, EvidenceView},
    pages::common::use_lang,
    ui::{Panel, dynamic},
};
use leptos::prelude::*;
use switchback_words::say;

/// What is to be done, one after the other, with its commands.
#[component]
pub(super) fn ByHand(view: View) -> impl IntoView {
    let lang = use_lang();
    let told = view.part(|told| told.by_hand.clone());
    dynamic(move || {
        let told = told.get();
        if told.is_empty() {
            return ().into_any();
        }
        let one = |ByHandView { text, command }: ByHandView| {
            let command = command.map(|command| view! { <code>{command}</code> });
            view! {
                <li>
                    <p>{text}</p>
                    {command}
                </li>
            }
        };
        view! {
            <Panel id="by-hand" title=say!(lang(), operations.by_hand.title)>
                <p class="sm ink2">{say!(lang(), operations.by_hand.note)}</p>
                <ol class="byhand">{told.into_iter().map(one).collect_view()}</ol>
            </Panel>
        }
        .into_any()
    })
}

/// What the operation keeps, to be downloaded.
#[component]
pub(super) fn Evidence(view: View) -> impl IntoView {
    let lang = use_lang();
    let told = view.part(|told| told.evidence.clone());
    dynamic(move || {
        let told = told.get();
        if told.is_empty() {
            return ().into_any();
        }
        let one = |EvidenceView { name, address }: EvidenceView| {
            let file = name.clone();
            view! {
                <li>
                    <a href=address download=file rel="external">
                        {name}
                    </a>
                </li>
            }
        };
        view! {
            <Panel id="evidence" title=say!(lang(), operations.by_hand.evidence)>
                <ul class="kept">{told.into_iter().map(one).collect_view()}</ul>
                <p class="sm ink2">{say!(lang(), operations.by_hand.evidence_note)}</p>
            </Panel>
        }
        .into_any()
    })
}
