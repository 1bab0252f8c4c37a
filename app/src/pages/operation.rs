//! An operation: how it stands, what it asks, each step with its evidence, and what may be wanted of it.
//!
//! The stream says that something has happened; what it means is then asked for in the reader's language. What people want of an
//! operation are plain forms, which need no script.

mod by_hand;
mod question;
mod side;
mod steps;

use super::plan::SiteRoute;
use crate::{
    api::operation::{self, Figure, OperationView},
    live::Live,
    pages::common::{Asking, LiveNotice, Marked, asked, for_title, use_lang},
    paths,
    ui::{Age, Banner, ButtonLink, Callout, Crumbs, Kind, PageHead, Tone, Verdict, VerdictNum, dynamic, use_announcer, use_clock},
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use switchback_domain::{Millis, operation::Outage};
use switchback_words::{self as words, say};

/// What the page takes from the stream: how many events the operation has seen, and what the outage meter sees, for which there is no
/// event while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pulse {
    events: u32,
    outage: Option<Outage>,
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub(super) struct View {
    told: RwSignal<OperationView>,
}

impl View {
    /// A part of the operation that is only passed on when it has changed.
    fn part<T: PartialEq + Send + Sync + 'static>(self, part: fn(&OperationView) -> T) -> Memo<T> {
        Memo::new(move |_| self.told.with(part))
    }
}

/// The page.
#[component]
pub fn OperationPage() -> impl IntoView {
    let lang = use_lang();
    let params = use_params_map();
    let query = use_query_map();
    let parts = move || {
        let (id, problem) = (params.read().get("operation"), query.read().get("problem"));
        vec![id.unwrap_or_default(), problem.unwrap_or_default(), words::tag(lang()).to_owned()]
    };
    asked(parts, ask, |told| view! { <Operation told /> }.into_any())
}

fn ask(parts: Vec<String>) -> Asking {
    let mut parts = parts.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    Box::pin(operation::one_operation(part(), part(), part()))
}

#[component]
fn Operation(told: OperationView) -> impl IntoView {
    let lang = use_lang();
    let view = View { told: RwSignal::new(told.clone()) };
    let finished = view.part(|told| told.finished);
    // What has ended does not change any more and needs no stream.
    let notice = (!told.finished).then(|| {
        let (live, failing) = follow(view, told.at, Pulse { events: told.events, outage: told.outage });
        dynamic(move || {
            if finished.get() {
                return ().into_any();
            }
            view! {
                <LiveNotice live />
                <Show when=move || failing.get()>
                    <Banner tone=Tone::Warn>
                        <p>{say!(lang(), operations.page.stale)}</p>
                    </Banner>
                </Show>
            }
            .into_any()
        })
    });
    let (id, pool) = (told.id, told.pool.clone());
    let crumbs = move || {
        let trail = vec![
            (paths::overview(), say!(lang(), pages.pool.pools)),
            (paths::pool(&pool), pool.to_string()),
            (paths::operations(), say!(lang(), operations.page.operations)),
        ];
        view! { <Crumbs label=say!(lang(), pages.pool.crumbs) trail here=id.to_string() /> }
    };
    let problem = told.problem.clone().map(|text| {
        view! {
            <div role="alert">
                <Callout tone=Tone::Warn title=text>""</Callout>
            </div>
        }
    });
    let route = view.part(|told| told.route.clone());
    let report = move || {
        let kind = if finished.get() { Kind::Primary } else { Kind::Default };
        // A page of its own, outside the app.
        view! {
            <ButtonLink href=paths::report(id) kind attr:rel="external">
                {say!(lang(), operations.page.report)}
            </ButtonLink>
        }
        .into_any()
    };
    let state = view.part(|told| told.state.clone());
    let page_title = {
        let (title, state) = (told.title.clone(), for_title(state));
        move || format!("{id}, {title}, {}", state())
    };
    view! {
        <Title text=page_title />
        {notice}
        <div class="page op">
            <PageHead title=told.title lede=move || told.lede.clone() crumbs>
                {dynamic(move || route.get().map(|route| view! { <SiteRoute route /> }).into_any())}
                {dynamic(report)}
            </PageHead>
            {problem}
            <PoolState view />
            <question::Open view />
            <by_hand::ByHand view />
            <steps::Progress view />
            <div class="oplay">
                <div class="first">
                    <side::Meter view />
                </div>
                <div class="steps-col">
                    <steps::Steps view />
                </div>
                <div class="rest">
                    <side::Controls view />
                    <by_hand::Evidence view />
                    <side::People view />
                    <side::Plan view />
                </div>
            </div>
        </div>
    }
}

/// The sentence, and the figures behind it.
#[component]
fn PoolState(view: View) -> impl IntoView {
    let lang = use_lang();
    let (tone, state) = (view.part(|told| told.tone), view.part(|told| told.state.clone()));
    let small = view.part(|told| told.small.clone());
    let say = view.part(|told| told.say.clone());
    let figures = view.part(|told| (told.running_since, told.figures.clone()));
    let nums = move || {
        let (since, figures) = figures.get();
        let elapsed = since.map(|since| {
            let text = Callback::new(move |age| words::duration(lang(), age));
            view! {
                <div>
                    <dt>{say!(lang(), operations.num.elapsed)}</dt>
                    <dd>
                        <b>
                            <Age since=Some(since) text />
                        </b>
                    </dd>
                </div>
            }
        });
        let figure = |figure: Figure| view! { <VerdictNum name=figure.name value=figure.value note=figure.note /> };
        view! {
            {elapsed}
            {figures.into_iter().map(figure).collect_view()}
        }
        .into_any()
    };
    view! {
        <Verdict tone state small=move || small.get() nums>
            <Marked text=say />
        </Verdict>
    }
}

/// How long something has lasted, by the page's clock while it lasts.
fn lasting(from: Timestamp, until: Option<Timestamp>) -> Millis {
    let clock = use_clock();
    Millis::between(from, until.unwrap_or_else(|| clock.now()))
}

/// Follows the operation until it ends or the page is left. Tells whether the newest state could not be fetched.
fn follow(view: View, at: Timestamp, pulse: Pulse) -> (Live<Pulse>, RwSignal<bool>) {
    let lang = use_lang();
    let announcer = use_announcer();
    let failing = RwSignal::new(false);
    let id = view.told.with_untracked(|told| told.id);
    let live = Live::follow(format!("/live{}", paths::operation(id)), pulse, at, Callback::new(|_| {}));
    let fetch = Action::new(move |(): &()| operation::one_operation(id.to_string(), String::new(), words::tag(lang()).to_owned()));
    // The newest pulse that was asked about: the same one is not asked about twice, whatever the answer was.
    let asked = StoredValue::new(None::<Arc<Pulse>>);
    let ask = move || {
        let pulse = live.value.get_untracked();
        let behind =
            view.told.with_untracked(|told| pulse.events > told.events || (pulse.events == told.events && pulse.outage != told.outage));
        if behind && asked.get_value().as_ref() != Some(&pulse) && !fetch.pending().get_untracked() {
            asked.set_value(Some(pulse));
            fetch.dispatch(());
        }
    };
    Effect::new(move || {
        live.value.track();
        ask();
    });
    Effect::new(move || match fetch.value().get().map(|answer| answer.and_then(|text| text.read::<OperationView>())) {
        Some(Ok(told)) => {
            failing.set(false);
            view.told.update(|before| {
                // An answer that was overtaken by a newer one is dropped.
                if told.events >= before.events {
                    *before = told;
                }
            });
            if view.told.with_untracked(|told| told.finished) {
                live.end();
            } else {
                ask();
            }
        }
        Some(Err(_)) => {
            failing.set(true);
            set_timeout(
                move || {
                    if view.told.try_with_untracked(|told| !told.finished).unwrap_or(false) {
                        fetch.dispatch(());
                    }
                },
                std::time::Duration::from_secs(1),
            );
        }
        None => {}
    });
    let announcement = view.part(|told| (told.announcement.clone(), told.alarming));
    Effect::new(move |first: Option<()>| {
        let (text, alarming) = announcement.get();
        if first.is_none() {
            return;
        }
        if alarming { announcer.alert(text) } else { announcer.say(text) }
    });
    (live, failing)
}
