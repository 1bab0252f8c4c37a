//! Figures over time on the pages of single nodes and links.

use crate::{
    pages::common::{Trends, Unit, chart_words, span_choice, target, use_lang},
    ui::{Choice, LagChart, Panel},
};
use jiff::Timestamp;
use leptos::prelude::*;
use switchback_domain::{
    LinkKind, Millis,
    history::{Metric, Series, Span},
};
use switchback_words::i18n::Locale;
use switchback_words::{self as words, say};

/// A chart for each figure, and how far back they go.
#[component]
pub(super) fn Charts(
    /// The figures, in the order of the page.
    series: Vec<Series>,
    /// The same, growing.
    trends: Trends,
    /// The page, for the links that look further back.
    address: String,
    /// How far back it looks.
    span: Span,
    /// The target for lag between the sites.
    loss_target: Millis,
) -> impl IntoView {
    let lang = use_lang();
    let choice = move || view! { <Choice label=say!(lang(), pages.node.span) items=span_choice(lang(), &address, span) /> };
    let charts = series.into_iter().enumerate().map(|(index, series)| {
        let metric = series.metric;
        let unit = Unit::of(&metric);
        let curve = trends.curve(metric.clone());
        let goal = matches!(metric, Metric::Loss | Metric::Lag { kind: LinkKind::CrossSite, .. }).then(|| target(loss_target.0));
        let label = title(lang(), &metric);
        let value_text = Callback::new(move |value: f64| unit.text(lang(), value));
        let time_text = Callback::new(move |ms: i64| time(lang(), ms, span));
        let tick_text = Callback::new(move |ms: i64| tick(lang(), ms, span));
        let ceiling_of = Callback::new(move |highest: f64| unit.ceiling(highest));
        let empty = move || curve.read().dots.is_empty();
        let id = format!("chart-{index}");
        view! {
            <section class="stack">
                <h3>{label.clone()}</h3>
                {move || empty().then(|| view! { <p class="muted">{say!(lang(), pages.node.no_points)}</p> }.into_any())}
                <LagChart
                    id
                    curve
                    label
                    target=goal
                    value_text
                    time_text
                    tick_text
                    ceiling_of
                    words=chart_words(lang())
                />
            </section>
        }
        .into_any()
    });
    let charts = charts.collect_view();
    view! {
        <Panel id="charts" title=say!(lang(), pages.node.over_time) end=choice>
            {charts}
        </Panel>
    }
}

fn title(lang: Locale, metric: &Metric) -> String {
    match metric {
        Metric::LossBytes => say!(lang, words.metric.loss_bytes),
        Metric::Loss => say!(lang, words.metric.loss),
        Metric::LagBytes { to, .. } => say!(lang, words.metric.lag_bytes, node = to.to_string()),
        Metric::Lag { to, .. } => say!(lang, words.metric.lag, node = to.to_string()),
        Metric::WalRate { node } => say!(lang, words.metric.wal_rate, node = node.to_string()),
        Metric::Sessions { side } => say!(lang, words.metric.sessions, site = side.letter().to_owned()),
    }
}

/// A time of the chart: a day is only worth telling where there are several.
fn time(lang: Locale, ms: i64, span: Span) -> String {
    let Ok(at) = Timestamp::from_millisecond(ms) else { return String::new() };
    match span {
        Span::Quarter | Span::Hours => words::clock_time(lang, at),
        Span::Week => words::figures::date_time(lang, at),
    }
}

/// A time of the axis, in short: over several days the day is enough.
fn tick(lang: Locale, ms: i64, span: Span) -> String {
    let Ok(at) = Timestamp::from_millisecond(ms) else { return String::new() };
    match span {
        Span::Quarter | Span::Hours => words::clock_time(lang, at),
        Span::Week => words::figures::date(lang, at),
    }
}
