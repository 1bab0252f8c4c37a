//! What several pages share: the language, errors, the live bar, curves that grow.

use crate::{
    api::{ApiError, Text},
    live::{Connection, Live},
    paths,
    ui::{
        Age, Banner, Button, ButtonLink, ChartWords, ChoiceItem, Curve, Dot, Empty, Kind, LiveState, SkeletonPanel, Spark, Tone,
        ceiling_of_bytes, ceiling_of_time, dynamic, use_announcer, use_clock, use_live_bar,
    },
};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, pin::Pin, sync::Arc};
use switchback_domain::{
    ByteLag, Millis,
    error::ConsoleError,
    history::{Metric, Point, Series, Span},
};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, Piece, say};

pub(super) use crate::preferences::use_lang;

/// A text with its marked parts in bold.
#[component]
pub(super) fn Marked(
    /// The text, marked as in `locales/`.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let marked = move || {
        let pieces = words::pieces(&text.get()).into_iter().map(|piece| match piece {
            Piece::Plain(text) => text.into_any(),
            Piece::Strong(text) => view! { <b>{text}</b> }.into_any(),
        });
        pieces.collect_view().into_any()
    };
    dynamic(marked)
}

/// An age such as `0.4 s ago` that grows by itself.
#[component]
pub(super) fn Ago(
    /// When it began; nothing is shown without.
    #[prop(into)]
    since: Signal<Option<Timestamp>>,
) -> impl IntoView {
    let lang = use_lang();
    view! { <Age since text=Callback::new(move |age| words::ago(lang(), age)) /> }
}

/// A duration such as `41 d 06 h` that grows by itself.
#[component]
pub(super) fn Lasting(
    /// When it began; nothing is shown without.
    #[prop(into)]
    since: Signal<Option<Timestamp>>,
) -> impl IntoView {
    let lang = use_lang();
    view! { <Age since text=Callback::new(move |age| words::duration(lang(), age)) /> }
}

/// Shown while the answer is on its way, after a link within the console was followed.
#[component]
pub(super) fn Waiting() -> impl IntoView {
    let lang = use_lang();
    view! {
        <div class="page" aria-busy="true">
            <p class="vh" role="status">{say!(lang(), pages.live.loading)}</p>
            <SkeletonPanel />
        </div>
    }
}

/// An answer of the console on its way.
pub(super) type Asking = Pin<Box<dyn Future<Output = Result<Text, ApiError>> + Send>>;

/// A page that is drawn from an answer of the console. `parts` is what the address says; when it says something else, `ask` asks again.
pub(super) fn asked<T: DeserializeOwned + 'static>(
    parts: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ask: fn(Vec<String>) -> Asking,
    draw: fn(T) -> AnyView,
) -> AnyView {
    let draw = move |text: &Text| text.read().map(draw);
    answered(Memo::new(move |_| parts()), ask, Arc::new(draw))
}

/// Draws a page from its answer.
type Draw = Arc<dyn Fn(&Text) -> Result<AnyView, ApiError> + Send + Sync>;

/// The same for all pages.
fn answered(parts: Memo<Vec<String>>, ask: fn(Vec<String>) -> Asking, draw: Draw) -> AnyView {
    let answer = Resource::new_blocking(move || parts.get(), ask);
    view! {
        <Suspense fallback=Waiting>
            {move || {
                let draw = Arc::clone(&draw);
                Suspend::new(async move {
                    answer.await.and_then(|text| draw(&text)).unwrap_or_else(|error| view! { <Problem error /> }.into_any())
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// An error as a page of its own: what is wrong and where to go.
#[component]
pub(super) fn Problem(
    /// Why the page could not be shown.
    error: ApiError,
) -> impl IntoView {
    let lang = use_lang();
    let signed_out = error == ApiError::from(ConsoleError::NotSignedIn);
    let title = match error {
        ApiError::NoSuchPool { .. } | ApiError::Console { error: ConsoleError::UnknownPool { .. } } => {
            say!(lang(), pages.problem.unknown_pool_title)
        }
        ApiError::NoSuchNode { .. } => say!(lang(), pages.problem.unknown_node_title),
        ApiError::NoSuchLink { .. } => say!(lang(), pages.problem.unknown_link_title),
        ApiError::NoSuchOperation { .. } | ApiError::Console { error: ConsoleError::UnknownOperation { .. } } => {
            say!(lang(), operations.page.initial_no_such)
        }
        ApiError::NoSuchPlan { .. } => say!(lang(), operations.dialog.unknown_kind),
        ApiError::Console { error: ConsoleError::UnreadableOperation { .. } } => say!(lang(), operations.unreadable.title),
        ApiError::Console { .. } | ApiError::BadRequest | ApiError::Transport => say!(lang(), pages.problem.title),
    };
    let back = match &error {
        ApiError::NoSuchNode { pool, .. } | ApiError::NoSuchLink { pool } | ApiError::NoSuchPlan { pool } => pool.parse().ok(),
        _ => None,
    };
    let back = back.map(|pool: switchback_domain::PoolId| {
        view! { <ButtonLink href=paths::pool(&pool)>{say!(lang(), pages.problem.to_pool, pool = pool.to_string())}</ButtonLink> }.into_any()
    });
    // Whoever is signed out is told so and can go on there; the address is not kept, because this page may be stale anyway.
    let sign_in = signed_out.then(|| {
        view! {
            <ButtonLink href=paths::sign_in() kind=Kind::Primary attr:rel="external">
                {say!(lang(), pages.problem.to_sign_in)}
            </ButtonLink>
        }
        .into_any()
    });
    view! {
        <Title text=title.clone() />
        <div class="page page--narrow">
            <h1 class="vh">{title.clone()}</h1>
            <Empty title>
                <p>{error.sentence(lang())}</p>
                <div class="btn-row">
                    {sign_in} {back}
                    <ButtonLink href=paths::overview()>{say!(lang(), pages.problem.to_pools)}</ButtonLink>
                </div>
            </Empty>
        </div>
    }
}

/// Shows in the bar whether the page is live, and a banner while it is not.
#[component]
pub(super) fn LiveNotice<T: Send + Sync + 'static>(
    /// What the page follows.
    live: Live<T>,
) -> impl IntoView {
    let lang = use_lang();
    let clock = use_clock();
    let (bar, announcer) = (use_live_bar(), use_announcer());
    let connection = live.connection;
    let age = move |since| words::figures::age(lang(), Millis::between(since, clock.now()));
    let state = Signal::derive(move || match connection.get() {
        Connection::Live => LiveState::Live,
        Connection::Paused { .. } => LiveState::Paused,
        Connection::Lost { .. } | Connection::Ended { .. } => LiveState::Lost,
    });
    let text = Signal::derive(move || match connection.get() {
        Connection::Live => say!(lang(), pages.live.live),
        Connection::Paused { .. } => say!(lang(), pages.live.paused),
        Connection::Lost { since } => say!(lang(), pages.live.not_live, age = age(since)),
        Connection::Ended { .. } => say!(lang(), pages.live.ended),
    });
    let hint = Signal::derive(move || match connection.get() {
        Connection::Live => say!(lang(), pages.live.hint_pause),
        Connection::Paused { .. } => say!(lang(), pages.live.hint_go_on),
        Connection::Lost { .. } | Connection::Ended { .. } => say!(lang(), pages.live.hint_retry),
    });
    let press = Callback::new(move |()| match connection.get_untracked() {
        Connection::Live | Connection::Paused { .. } => live.toggle(),
        Connection::Lost { .. } | Connection::Ended { .. } => live.retry(),
    });
    Effect::new(move || bar.show(state, text, hint, press));
    Effect::new(move |before: Option<LiveState>| {
        let now = state.get();
        match before {
            Some(before) if before != now => match now {
                LiveState::Live => announcer.say(say!(lang(), pages.announce.live_again)),
                LiveState::Paused => {}
                LiveState::Lost => announcer.alert(say!(lang(), pages.announce.not_live)),
            },
            _ => {}
        }
        now
    });
    dynamic(move || {
        let (tone, button) = match connection.get() {
            Connection::Live => return ().into_any(),
            Connection::Paused { .. } => {
                let go_on = view! { <Button small=true on:click=move |_| live.toggle()>{say!(lang(), pages.live.go_on)}</Button> };
                (Tone::Warn, go_on.into_any())
            }
            Connection::Lost { .. } => {
                let retry = view! { <Button small=true on:click=move |_| live.retry()>{say!(lang(), pages.live.retry)}</Button> };
                (Tone::Warn, retry.into_any())
            }
            Connection::Ended { .. } => {
                let sign_in = view! {
                    // A whole new page: what this one holds belongs to a session that is over.
                    <ButtonLink href=paths::sign_in() small=true attr:rel="external">
                        {say!(lang(), pages.live.sign_in)}
                    </ButtonLink>
                };
                (Tone::Fail, sign_in.into_any())
            }
        };
        let text = move || match connection.get() {
            Connection::Live => String::new(),
            Connection::Paused { since } => say!(lang(), pages.live.banner_paused, time = words::clock_time(lang(), since)),
            Connection::Lost { since } => say!(lang(), pages.live.banner_not_live, age = age(since)),
            Connection::Ended { .. } => say!(lang(), pages.live.banner_ended),
        };
        view! {
            <Banner tone>
                <p>
                    <Marked text=Signal::derive(text) />
                </p>
                {button}
            </Banner>
        }
        .into_any()
    })
}

/// Figures over time by what they are, growing while the page is followed.
#[derive(Clone, Copy)]
pub(super) struct Trends {
    curves: RwSignal<BTreeMap<Metric, Curve>>,
}

impl Trends {
    /// From what the server knew when it rendered the page.
    pub(super) fn new(series: &[Series]) -> Trends {
        Trends { curves: RwSignal::new(series.iter().map(|series| (series.metric.clone(), Curve::from(series))).collect()) }
    }

    /// Takes in newly closed spans. A figure that was never asked for is not drawn.
    pub(super) fn add(self, points: &[(Metric, Point)]) {
        self.curves.update(|curves| {
            for (metric, point) in points {
                if let Some(curve) = curves.get_mut(metric) {
                    curve.push(dot(point));
                }
            }
        });
    }

    /// One of them; empty when it was never asked for.
    pub(super) fn curve(self, metric: Metric) -> Memo<Curve> {
        Memo::new(move |_| self.curves.read().get(&metric).cloned().unwrap_or_default())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing has fewer than a thousand steps")]
fn dot(point: &Point) -> Dot {
    Dot { at_ms: point.at.as_millisecond(), low: point.min as f64, high: point.max as f64, last: point.last as f64 }
}

/// Adds one value to the span it falls into. For figures whose points the stream does not bring.
pub(super) fn add_value(curve: &mut Curve, at: Timestamp, value: f64) {
    let step = curve.step_ms.max(1);
    let at_ms = at.as_millisecond().div_euclid(step) * step;
    let merged = match curve.dots.iter().find(|dot| dot.at_ms == at_ms) {
        Some(dot) => Dot { low: dot.low.min(value), high: dot.high.max(value), last: value, ..*dot },
        None => Dot { at_ms, low: value, high: value, last: value },
    };
    curve.push(merged);
}

/// Milliseconds or bytes from a drawing back to a figure; drawings never go below zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "drawings hold figures that came from u64")]
pub(super) fn figure(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// A target for a drawing.
#[expect(clippy::cast_precision_loss, reason = "a target is far below 2^53")]
pub(super) fn target(figure: u64) -> f64 {
    figure as f64
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds.
    Time,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    Rate,
}

impl Unit {
    /// The unit in which a metric is kept; sessions are counted and have none, and no page draws them yet.
    pub(super) fn of(metric: &Metric) -> Unit {
        match metric {
            Metric::Loss | Metric::Lag { .. } => Unit::Time,
            Metric::LossBytes | Metric::LagBytes { .. } | Metric::Sessions { .. } => Unit::Bytes,
            Metric::WalRate { .. } => Unit::Rate,
        }
    }

    /// The top of an axis for a highest figure.
    pub(super) fn ceiling(self, highest: f64) -> f64 {
        match self {
            Unit::Time => ceiling_of_time(highest),
            Unit::Bytes | Unit::Rate => ceiling_of_bytes(highest),
        }
    }

    /// A figure with it.
    pub(super) fn text(self, lang: Locale, value: f64) -> String {
        match self {
            Unit::Time => words::duration(lang, Millis(figure(value))),
            Unit::Bytes => words::bytes(ByteLag(figure(value))),
            Unit::Rate => words::rate(lang, ByteLag(figure(value))),
        }
    }
}

/// The last quarter of an hour as a small curve that is also told in words.
#[component]
pub(super) fn Trend(
    /// The curve.
    curve: Memo<Curve>,
    /// Its unit.
    unit: Unit,
    /// The target, if there is one.
    #[prop(into, optional)]
    goal: Signal<Option<f64>>,
    /// The family of the state it belongs to.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Taller than the line of text it stands in.
    #[prop(optional)]
    tall: bool,
) -> impl IntoView {
    let lang = use_lang();
    let label = move || {
        let Some((low, high)) = curve.read().range() else { return say!(lang(), pages.spark.nothing) };
        let (low, high) = (unit.text(lang(), low), unit.text(lang(), high));
        match (unit, goal.get()) {
            (Unit::Rate, _) => say!(lang(), pages.spark.rate, low = low, high = high),
            (_, Some(goal)) => say!(lang(), pages.spark.loss, low = low, high = high, target = unit.text(lang(), goal)),
            (_, None) => say!(lang(), pages.spark.lag, low = low, high = high),
        }
    };
    view! { <Spark curve label=Signal::derive(label) target=goal tone tall /> }
}

/// The words around a chart.
pub(super) fn chart_words(lang: Locale) -> ChartWords {
    ChartWords {
        at: say!(lang, pages.chart.at),
        table: say!(lang, pages.chart.table),
        time: say!(lang, pages.chart.time),
        least: say!(lang, pages.chart.least),
        most: say!(lang, pages.chart.most),
        last: say!(lang, pages.chart.last),
        no_reading: say!(lang, pages.chart.no_reading),
        target: say!(lang, pages.chart.target),
    }
}

/// What a page follows, for its title. The server writes the document's head last, when what the page follows may be gone already: then
/// it is told as it was at first.
pub(super) fn for_title<T: Clone + Send + Sync + 'static>(followed: Memo<T>) -> impl Fn() -> T {
    let at_first = followed.get_untracked();
    move || followed.try_get().unwrap_or_else(|| at_first.clone())
}

/// How far back the address of the page looks: `?span=hours`.
pub(super) fn use_span() -> Memo<Span> {
    let query = use_query_map();
    Memo::new(move |_| span_named(query.read().get("span").as_deref().unwrap_or_default()))
}

/// How an address names a span.
pub(super) fn span_query(span: Span) -> &'static str {
    match span {
        Span::Quarter => "quarter",
        Span::Hours => "hours",
        Span::Week => "week",
    }
}

/// The span that an address names.
pub(super) fn span_named(name: &str) -> Span {
    match name {
        "hours" => Span::Hours,
        "week" => Span::Week,
        _ => Span::Quarter,
    }
}

/// Links to the same page that look further back.
pub(super) fn span_choice(lang: Locale, address: &str, current: Span) -> Vec<ChoiceItem> {
    [(Span::Quarter, ""), (Span::Hours, "?span=hours"), (Span::Week, "?span=week")]
        .into_iter()
        .map(|(span, query)| ChoiceItem { href: format!("{address}{query}"), text: span_text(lang, span), current: span == current })
        .collect()
}

fn span_text(lang: Locale, span: Span) -> String {
    match span {
        Span::Quarter => say!(lang, words.span.quarter),
        Span::Hours => say!(lang, words.span.hours),
        Span::Week => say!(lang, words.span.week),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_span_become_one_dot_with_their_range() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let mut curve = Curve { from_ms: 0, until_ms: 900_000, step_ms: 10_000, dots: Vec::new() };
        add_value(&mut curve, at("2026-03-14T02:41:01Z"), 300.0);
        add_value(&mut curve, at("2026-03-14T02:41:09Z"), 100.0);
        add_value(&mut curve, at("2026-03-14T02:41:10Z"), 200.0);
        let figures: Vec<_> = curve.dots.iter().map(|dot| (figure(dot.low), figure(dot.high), figure(dot.last))).collect();
        assert_eq!(figures, [(100, 300, 100), (200, 200, 200)]);
        assert_eq!(curve.until_ms - curve.from_ms, 900_000);
    }

    #[test]
    fn every_figure_that_is_drawn_has_its_unit() {
        let text = |metric: &Metric, value| Unit::of(metric).text(Locale::en, value);
        assert_eq!(text(&Metric::Loss, 300.0), "0.3 s");
        assert_eq!(text(&Metric::LossBytes, 24_576.0), "24 KiB");
        assert_eq!(text(&Metric::WalRate { node: "a1".parse().expect("a name") }, 82_944.0), "81 KiB/s");
    }
}
