//! What stands about a pool beside its readings: an operation that runs, fenced sites, and times in which none may begin.

use super::View;
use crate::{
    pages::common::use_lang,
    paths,
    ui::{Age, ButtonLink, Icon, Kind, Tone, dynamic},
    words::{self, Names, say},
};
use leptos::prelude::*;
use switchback_domain::{
    FreezeWindow, PoolId, Restored,
    operation::{Fence, Glance, LossWord, StageWord},
};

/// Everything of it; nothing at all when there is nothing.
#[component]
pub(super) fn Standing(view: View) -> impl IntoView {
    let lang = use_lang();
    let standing = view.part(|picture| picture.standing.clone());
    dynamic(move || {
        let standing = standing.get();
        let (names, pool) = (view.names.get_value(), view.pool.get_value());
        let mut strips = Vec::new();
        strips.extend(standing.restored.map(|restored| restored_strip(lang(), restored, &pool)));
        strips.extend(standing.operation.map(|glance| running(lang(), &glance, &names)));
        strips.extend(standing.fences.iter().map(|fence| fenced(lang(), fence, &names, &pool)));
        let quiet = |text: String| strip(Tone::Idle, text, ().into_any());
        let at = |time| words::figures::date_time(lang(), time);
        strips.extend(standing.cool_until.map(|until| quiet(say!(lang(), operations.list.cooling, time = at(until)))));
        let frozen = |window: FreezeWindow| say!(lang(), operations.list.frozen, reason = window.reason, time = at(window.until));
        strips.extend(standing.freeze.map(|window| quiet(frozen(window))));
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
    let class = format!("callout callout--strip st--{}", tone.word());
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
pub(in crate::pages) fn tone(stage: StageWord) -> Tone {
    match stage {
        StageWord::AwaitingApproval | StageWord::Paused | StageWord::Undoing => Tone::Warn,
        StageWord::NeedsPerson | StageWord::Unreadable | StageWord::ClosedUnread => Tone::Fail,
        StageWord::Running | StageWord::Done | StageWord::Cancelled | StageWord::Stopped | StageWord::Abandoned => Tone::Run,
    }
}

/// How far an operation has come, such as `Running · step 3 of 10`.
pub(in crate::pages) fn progress(lang: words::Locale, glance: &Glance) -> String {
    let stage = words::operation::stage(lang, glance.stage, glance.dry_run, LossWord::Nothing);
    match glance.step.filter(|_| glance.unreadable.is_none()) {
        Some(step) => {
            let step = say!(lang, operations.list.step, n = (step + 1).to_string(), steps = glance.steps.to_string());
            format!("{stage} · {step}")
        }
        None => stage,
    }
}

fn running(lang: words::Locale, glance: &Glance, names: &Names) -> AnyView {
    let id = glance.id.to_string();
    let text = match (glance.unreadable, glance.kind) {
        (Some(entry), _) => words::operation::unreadable(lang, glance.id, entry),
        (None, None) => say!(lang, operations.list.strip, operation = id.clone(), title = say!(lang, operations.unreadable.title)),
        (None, Some(kind)) => {
            let title = words::operation::title_of(lang, kind, glance.side, glance.dry_run, names);
            say!(lang, operations.list.strip, operation = id.clone(), title = title)
        }
    };
    let open = say!(lang, operations.list.open, operation = id);
    let age = Callback::new(move |age| words::duration(lang, age));
    let kind = if glance.stage == StageWord::NeedsPerson { Kind::Danger } else { Kind::Primary };
    let end = view! {
        <span class="sm nw">{progress(lang, glance)}</span>
        <span class="sm num nw">
            <Age since=glance.requested_at text=age />
        </span>
        <ButtonLink href=paths::operation(glance.id) kind small=true>
            {open}
        </ButtonLink>
    };
    strip(tone(glance.stage), text, end.into_any())
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
