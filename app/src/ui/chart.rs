//! A curve with axes, a readout for pointer and keyboard, and a table that says the same.

use crate::ui::{Curve, curve::Frame};
use leptos::prelude::*;

/// The curve is stretched to the room there is; letters and lines are drawn over it and are not.
const FRAME: Frame = Frame { left: 0.0, top: 0.0, width: 1000.0, height: 100.0, ceiling: 1.0 };
/// Parts of an axis between two numbers.
const PARTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// More rows than this nobody reads; the table then shows every second, third, … span.
const MOST_ROWS: usize = 60;

/// The words of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChartWords {
    /// Names the slider that moves along the curve.
    pub at: String,
    /// Opens the table.
    pub table: String,
    /// Heads the column of times.
    pub time: String,
    /// Heads the column of smallest values.
    pub least: String,
    /// Heads the column of largest values.
    pub most: String,
    /// Heads the column of last values.
    pub last: String,
    /// Stands where there was no reading.
    pub no_reading: String,
    /// Names the line of the target.
    pub target: String,
}

/// A curve with axes.
#[component]
pub fn LagChart(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// What to draw.
    #[prop(into)]
    curve: Signal<Curve>,
    /// The curve in words.
    #[prop(into)]
    label: Signal<String>,
    /// A value that is drawn as a line.
    #[prop(into, optional)]
    target: Signal<Option<f64>>,
    /// A value with its unit.
    value_text: Callback<f64, String>,
    /// A time, in milliseconds since 1970, as people write it.
    time_text: Callback<i64, String>,
    /// The same in short, for the axis.
    tick_text: Callback<i64, String>,
    /// The value at the top for a highest value: round, and so are its quarters.
    ceiling_of: Callback<f64, f64>,
    /// The words around it.
    #[prop(into)]
    words: Signal<ChartWords>,
) -> impl IntoView {
    let mut slider = id;
    slider.push_str("-at");
    // The time under the pointer or the slider, as a step from the left edge. None: nobody points at anything.
    let step = RwSignal::new(None::<i64>);
    let ceiling = Memo::new(move |_| {
        let highest = curve.read().range().map_or(0.0, |(_, high)| high);
        ceiling_of.run(highest.max(target.get().unwrap_or(0.0)) * 1.05)
    });
    let frame = move || Frame { ceiling: ceiling.get(), ..FRAME };
    let pointed = move || {
        let step = step.get()?;
        let curve = curve.read();
        let at = curve.from_ms + step * curve.step_ms + curve.step_ms / 2;
        Some((at, curve.nearest(at)))
    };
    let readout = move || {
        pointed().map_or_else(String::new, |(at, dot)| {
            let words = words.read();
            match dot {
                Some(dot) => format!(
                    "{} · {} {} · {} {}",
                    time_text.run(dot.at_ms),
                    words.last,
                    value_text.run(dot.last),
                    words.most,
                    value_text.run(dot.high)
                ),
                None => format!("{} · {}", time_text.run(at), words.no_reading),
            }
        })
    };
    let steps = move || {
        let curve = curve.read();
        ((curve.until_ms - curve.from_ms) / curve.step_ms.max(1)).max(1)
    };
    let slide = move |event: leptos::ev::Targeted<leptos::ev::Event, leptos::web_sys::HtmlInputElement>| {
        step.set(event.target().value().parse().ok());
    };
    // A slider that nobody has moved yet says where it stands too: at the newest span.
    let spoken = move || {
        let readout = readout();
        if readout.is_empty() { label.get() } else { readout }
    };
    view! {
        <figure class="chart">
            <figcaption class="chart__read">
                <output for=slider.clone()>{move || readout()}</output>
            </figcaption>
            <div class="chart__plot">
                <svg role="img" aria-label=label>
                    {move || axes(&curve.read(), frame(), value_text, tick_text)}
                    <svg
                        class="spark"
                        viewBox=format!("0 0 {} {}", FRAME.width, FRAME.height)
                        width="100%"
                        height="100%"
                        preserveAspectRatio="none"
                        aria-hidden="true"
                    >
                        {move || lines(&curve.read(), frame())}
                    </svg>
                    {move || target.get().map(|target| goal(frame(), target, words.read().target.clone()))}
                    {move || pointed().map(|(at, dot)| cursor(&curve.read(), frame(), at, dot.map(|dot| dot.high)))}
                </svg>
                <input
                    class="chart__at"
                    id=slider
                    type="range"
                    min="0"
                    max=move || steps() - 1
                    value=move || steps() - 1
                    aria-label=move || words.read().at.clone()
                    aria-valuetext=move || spoken()
                    on:input:target=slide
                    on:pointermove=move |event| step.set(step_under(&event, steps()))
                    on:pointerleave=move |_| step.set(None)
                />
            </div>
            <details class="chart__table">
                <summary>{move || words.read().table.clone()}</summary>
                <div class="scroll-x">
                    <table class="tbl tbl--plain">
                        <thead>
                            <tr>
                                <th scope="col">{move || words.read().time.clone()}</th>
                                <th scope="col" class="num">{move || words.read().least.clone()}</th>
                                <th scope="col" class="num">{move || words.read().most.clone()}</th>
                                <th scope="col" class="num">{move || words.read().last.clone()}</th>
                            </tr>
                        </thead>
                        <tbody>{move || rows(&curve.read(), value_text, time_text, &words.read().no_reading)}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}

/// The span under the pointer: the slider covers the curve.
#[cfg(feature = "hydrate")]
fn step_under(event: &leptos::ev::PointerEvent, steps: i64) -> Option<i64> {
    use wasm_bindgen::JsCast;
    let covered = event.target()?.dyn_into::<web_sys::HtmlElement>().ok()?.offset_width();
    let within = f64::from(event.offset_x()) / f64::from(covered.max(1));
    #[expect(clippy::cast_possible_truncation, reason = "a chart has fewer than a thousand steps")]
    let step = (within * crate::ui::curve::to_float(steps)).floor() as i64;
    (0..steps).contains(&step).then_some(step)
}

#[cfg(not(feature = "hydrate"))]
fn step_under(_: &leptos::ev::PointerEvent, _: i64) -> Option<i64> {
    None
}

fn axes(curve: &Curve, frame: Frame, value_text: Callback<f64, String>, tick_text: Callback<i64, String>) -> impl IntoView + use<> {
    let rules = PARTS.map(|share| {
        let value = frame.ceiling * share;
        let y = down(frame, value);
        view! {
            <line class="chart__rule" x1="0" x2="100%" y1=y.clone() y2=y.clone()></line>
            <text class="chart__num" x="-8" y=y dy="4" text-anchor="end">
                {value_text.run(value)}
            </text>
        }
        .into_any()
    });
    let width = curve.until_ms - curve.from_ms;
    let times = (0..=4_i64).map(|quarter| {
        let at = curve.from_ms + width * quarter / 4;
        let anchor = match quarter {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        view! {
            <text class="chart__num" x=across(curve, frame, at) y="100%" dy="20" text-anchor=anchor>
                {tick_text.run(at)}
            </text>
        }
    });
    view! { <g aria-hidden="true">{rules.collect_view()} {times.collect_view()}</g> }
}

fn lines(curve: &Curve, frame: Frame) -> impl IntoView + use<> {
    let (line, area) = frame.paths(curve);
    let gap = |(from, until)| {
        let x = frame.x(curve, from);
        let width = frame.x(curve, until) - x;
        view! {
            <rect class="gap" x=short(x) y=short(frame.top) width=short(width) height=short(frame.height)></rect>
        }
        .into_any()
    };
    let gaps = curve.gaps().into_iter().map(gap).collect_view();
    view! {
        {gaps}
        <path class="area" d=area></path>
        <path class="line" d=line></path>
    }
}

fn goal(frame: Frame, target: f64, word: String) -> impl IntoView {
    let y = down(frame, target);
    view! {
        <g aria-hidden="true">
            <line class="chart__goal" x1="0" x2="100%" y1=y.clone() y2=y.clone()></line>
            <text class="chart__num" x="6" y=y dy="-5">
                {word}
            </text>
        </g>
    }
}

fn cursor(curve: &Curve, frame: Frame, at: i64, value: Option<f64>) -> impl IntoView + use<> {
    let x = across(curve, frame, at);
    let dot = value.map(|value| view! { <circle cx=x.clone() cy=down(frame, value) r="4"></circle> }.into_any());
    view! {
        <g class="chart__cursor" aria-hidden="true">
            <line x1=x.clone() x2=x.clone() y1="0" y2="100%"></line>
            {dot}
        </g>
    }
}

/// How far a time is from the left, as a share of the width.
fn across(curve: &Curve, frame: Frame, at_ms: i64) -> String {
    format!("{:.2}%", frame.x(curve, at_ms) / frame.width * 100.0)
}

/// How far a value is from the top, as a share of the height.
fn down(frame: Frame, value: f64) -> String {
    format!("{:.2}%", frame.y(value) / frame.height * 100.0)
}

/// Newest first, with a row for each stretch without readings.
fn rows(curve: &Curve, value_text: Callback<f64, String>, time_text: Callback<i64, String>, no_reading: &str) -> Vec<AnyView> {
    let every = curve.dots.len().div_ceil(MOST_ROWS).max(1);
    let dots = curve.dots.iter().rev().step_by(every).map(|dot| {
        let row = view! {
            <tr>
                <th scope="row">{time_text.run(dot.at_ms)}</th>
                <td class="num">{value_text.run(dot.low)}</td>
                <td class="num">{value_text.run(dot.high)}</td>
                <td class="num">{value_text.run(dot.last)}</td>
            </tr>
        };
        (dot.at_ms, row.into_any())
    });
    let gaps = curve.gaps().into_iter().map(|(from, until)| {
        let row = view! {
            <tr>
                <th scope="row">{format!("{} – {}", time_text.run(from), time_text.run(until))}</th>
                <td colspan="3">{no_reading.to_owned()}</td>
            </tr>
        };
        (from, row.into_any())
    });
    let mut rows: Vec<_> = dots.chain(gaps).collect();
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn short(value: f64) -> String {
    format!("{value:.1}")
}
