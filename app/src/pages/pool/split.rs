//! What is done while both sites accept writes: one of them is stopped. The advised one comes first; a person decides.

use super::{
    View,
    actions::{Reason, not_followed},
    site::sessions_text,
};
use crate::{
    pages::common::use_lang,
    paths,
    ui::{Actions, BlockedButton, ButtonLink, GuardedAction, Kind, Panel, Sign, Tone, Why, dynamic},
};
use leptos::prelude::*;
use switchback_domain::{Picture, Side};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, say};

/// The panel.
#[component]
pub(super) fn StopOneSide(view: View) -> impl IntoView {
    let lang = use_lang();
    let first = view.part(|picture| picture.advice().map_or(picture.home, |advice| advice.keep));
    let since = view.part(|picture| picture.pool_state.split.as_ref().map(|split| split.since));
    let end = move || since.get().map(|since| say!(lang(), pages.actions.split_since, time = words::clock_time(lang(), since)));
    view! {
        <Panel
            id="actions"
            title=Signal::derive(move || say!(lang(), pages.actions.split_title))
            class="acts"
            flush=true
            end=end
        >
            <Actions>
                {dynamic(move || {
                    let keep = first.get();
                    view! {
                        <Keep view keep />
                        <Keep view keep=keep.other() />
                    }
                        .into_any()
                })}
            </Actions>
        </Panel>
    }
}

/// One of the two ways out.
#[component]
fn Keep(view: View, keep: Side) -> impl IntoView {
    let lang = use_lang();
    let (kept, other) = (view.site(keep), view.site(keep.other()));
    let id = format!("act-keep-{}", keep.letter());
    let why = format!("{id}-why");
    let advice = view.part(|picture| picture.advice().map(|advice| advice.keep));
    let open = Memo::new(move |_| {
        let picture = view.picture.read();
        view.trusted.get() && picture.pool_state.operation.is_none() && !is_fenced(&picture, keep)
    });
    let reasons = Memo::new(move |_| {
        let picture = view.picture.read();
        let connection = (!view.trusted.get()).then(|| view.live.connection.get());
        connection.map_or_else(|| reasons(lang(), &picture, keep, view), |connection| vec![not_followed(lang(), connection)])
    });
    let end = move || match advice.get() {
        Some(side) if side == keep => say!(lang(), pages.actions.advised),
        Some(_) => say!(lang(), pages.actions.not_advised),
        None => String::new(),
    };
    let title = {
        let (kept, other) = (kept.clone(), other.clone());
        move || say!(lang(), pages.actions.keep, keep = kept.clone(), other = other.clone())
    };
    let href = view.pool.with_value(|pool| format!("{}?site={kept}", paths::plan(pool, "resolve")));
    let button = move || {
        let text = say!(lang(), pages.actions.keep_button, keep = kept.clone(), other = other.clone());
        if !open.get() {
            return view! { <BlockedButton reasons=why.clone()>{text}</BlockedButton> }.into_any();
        }
        let kind = if advice.get() == Some(keep) { Kind::Danger } else { Kind::DangerLine };
        view! { <ButtonLink href=href.clone() kind describedby=why.clone()>{text}</ButtonLink> }.into_any()
    };
    view! {
        <GuardedAction
            id=id
            sign=Sign::Fence
            title=Signal::derive(title)
            end=Signal::derive(end)
            why=move || {
                let reason = |(tone, text): Reason| view! { <Why tone>{text}</Why> };
                reasons.get().into_iter().map(reason).collect_view()
            }
        >
            {dynamic(button)}
        </GuardedAction>
    }
}

fn is_fenced(picture: &Picture, side: Side) -> bool {
    picture.pool_state.fences.iter().any(|fence| fence.side == side)
}

/// What stands in the way; when nothing does, what speaks for it and what it costs.
fn reasons(lang: Locale, picture: &Picture, keep: Side, view: View) -> Vec<Reason> {
    let (kept, other) = (view.site(keep), view.site(keep.other()));
    let mut told = Vec::new();
    if let Some(summary) = &picture.pool_state.operation {
        told.push(match summary.unreadable {
            Some(entry) => (Tone::Warn, words::operation::unreadable(lang, summary.id, entry)),
            None => (Tone::Block, say!(lang, operations.objection.operation_runs, operation = summary.id.to_string())),
        });
    }
    if is_fenced(picture, keep) {
        told.push((Tone::Block, say!(lang, operations.objection.fenced, site = kept)));
    }
    if !told.is_empty() {
        return told;
    }
    if let Some(advice) = picture.advice() {
        let tone = if advice.keep == keep { Tone::Ok } else { Tone::Warn };
        told.push((tone, view.names.with_value(|names| words::operation::advice(lang, &advice, names))));
    }
    let members = &picture.sites[keep.other()].members;
    let known = !members.is_empty() && members.iter().all(|member| member.knowledge.is_fresh());
    let sessions = members.iter().map(|member| u64::from(member.sessions)).sum();
    let cuts = if known {
        say!(lang, pages.actions.cuts, sessions = sessions_text(lang, sessions), other = other.clone())
    } else {
        say!(lang, pages.actions.cuts_unknown, other = other.clone())
    };
    told.push((Tone::Warn, cuts));
    told.push((Tone::Warn, say!(lang, pages.actions.sets_aside, other = other)));
    told
}
