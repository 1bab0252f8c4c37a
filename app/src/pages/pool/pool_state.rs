//! What stands about a pool beside its readings: an operation that runs, fenced sites, and times in which none may begin.

use super::View;
use crate::{
    pages::common::use_lang,
    paths,
    ui::{Age, ButtonLink, Icon, Kind, Tone, dynamic},
};
use leptos::prelude::*;
use switchback_domain::{
    FreezeWindow, PoolId, Restored,
    operation::{Fence, LossCode, OperationSummary, StageCode},
};
use switchback_words::{self as words, Names, say};

/// Everything of it; nothing at all when there is nothing.
#[component]
pub(super) fn PoolState(view: View) -> impl IntoView {
    let lang = use_lang();
    let pool_state = view.part(|picture| picture.pool_state.clone());
    dynamic(move || {
        let pool_state = pool_state.get();
        let (names, pool) = (view.names.get_value(), view.pool.get_value());
        let mut strips = Vec::new();
        strips.extend(pool_state.restored.map(|restored| restored_strip(lang(), restored, &pool)));
        strips.extend(pool_state.operation.map(|summary| running(lang(), &summary, &names)));
        strips.extend(pool_state.fences.iter().map(|fence| fenced(lang(), fence, &names, &pool)));
        let quiet = |text: String| strip(Tone::Idle, text, ().into_any());
        let at = |time| words::figures::date_time(lang(), time);
        strips.extend(pool_state.cool_until.map(|until| quiet(say!(lang(), operations.list.cooling, time = at(until)))));
        let frozen = |window: FreezeWindow| say!(lang(), operations.list.frozen, reason = window.reason, time = at(window.until));
        strips.extend(pool_state.freeze.map(|window| quiet(frozen(window))));
        if strips.is_empty() {
            return ().into_any();
        }
        view! {
            <section class="stack" aria-label=say!(lang(), operations.list.standing)>
                {strips}
            </section>
        }
        .into_any()
    })
}

fn strip(tone: Tone, text: String, end: AnyView) -> AnyView {
    let class = format!("callout callout--strip st--{}", tone.as_code());
    view! {
        <div class=class>
            <Icon sign=tone.sign() />
            <p class="grow">{text}</p>
            {end}
        </div>
    }
    .into_any()
}

/// The family of a stage.
pub(in crate::pages) fn tone(stage: StageCode) -> Tone {
    match stage {
        StageCode::Paused | StageCode::Undoing => Tone::Warn,
        StageCode::NeedsPerson | StageCode::Unreadable | StageCode::ClosedUnread => Tone::Fail,
        StageCode::Running | StageCode::Done | StageCode::Cancelled | StageCode::Stopped | StageCode::Abandoned => Tone::Run,
    }
}

/// How far an operation has come, such as `Running · step 3 of 10`.
pub(in crate::pages) fn progress(lang: words::Locale, summary: &OperationSummary) -> String {
    let stage = words::operation::stage(lang, summary.stage, summary.dry_run, LossCode::Nothing);
    match summary.step.filter(|_| summary.unreadable.is_none()) {
        Some(step) => {
            let step = say!(lang, operations.list.step, n = (step + 1).to_string(), steps = summary.steps.to_string());
            format!("{stage} · {step}")
        }
        None => stage,
    }
}

fn running(lang: words::Locale, summary: &OperationSummary, names: &Names) -> AnyView {
    let id = summary.id.to_string();
    let text = match (summary.unreadable, summary.kind) {
        (Some(entry), _) => words::operation::unreadable(lang, summary.id, entry),
        (None, None) => say!(lang, operations.list.strip, operation = id.clone(), title = say!(lang, operations.unreadable.title)),
        (None, Some(kind)) => {
            let title = words::operation::title_of(lang, kind, summary.side, summary.dry_run, names);
            say!(lang, operations.list.strip, operation = id.clone(), title = title)
        }
    };
    let open = say!(lang, operations.list.open, operation = id);
    let age = Callback::new(move |age| words::duration(lang, age));
    let kind = if summary.stage == StageCode::NeedsPerson { Kind::Danger } else { Kind::Primary };
    let end = view! {
        <span class="sm nw">{progress(lang, summary)}</span>
        <span class="sm num nw">
            <Age since=summary.requested_at text=age />
        </span>
        <ButtonLink href=paths::operation(summary.id) kind small=true>
            {open}
        </ButtonLink>
    };
    strip(tone(summary.stage), text, end.into_any())
}

fn restored_strip(lang: words::Locale, restored: Restored, pool: &PoolId) -> AnyView {
    let text = say!(lang, operations.list.restored, time = words::figures::date_time(lang, restored.taken_at));
    let href = paths::restored(pool);
    let confirm = say!(lang, operations.list.confirm_restored);
    // A page of the server's own: the browser has to ask for it.
    let end = view! {
        <a class="btn btn--sm" href=href rel="external">
            {confirm}
        </a>
    };
    strip(Tone::Fail, text, end.into_any())
}

fn fenced(lang: words::Locale, fence: &Fence, names: &Names, pool: &PoolId) -> AnyView {
    let site = names[fence.side].to_string();
    let text = words::operation::fence(lang, fence, names);
    let href = format!("{}?site={site}", paths::plan(pool, "reprotect"));
    let plan = say!(lang, operations.list.reprotect, site = site);
    let end = view! {
        <ButtonLink href small=true>
            {plan}
        </ButtonLink>
    };
    strip(Tone::Warn, text, end.into_any())
}
