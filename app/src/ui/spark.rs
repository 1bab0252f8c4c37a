//! A small curve: is it getting worse?

use crate::ui::{
    Curve, Tone,
    curve::{Frame, round_up},
};
use leptos::prelude::*;

const WIDTH: f64 = 120.0;

/// A curve without axes. Gaps are drawn as gaps.
#[component]
pub fn Spark(
    /// What to draw.
    #[prop(into)]
    curve: Signal<Curve>,
    /// The curve in words: its range and its target.
    #[prop(into)]
    label: Signal<String>,
    /// A value that is drawn as a line.
    #[prop(into, optional)]
    target: Signal<Option<f64>>,
    /// The family of its colour.
    #[prop(into)]
    tone: Signal<Tone>,
    /// Higher, as in a table.
    #[prop(optional)]
    tall: bool,
) -> impl IntoView {
    let height = if tall { 28.0 } else { 20.0 };
    let frame = Memo::new(move |_| {
        let highest = curve.read().range().map_or(0.0, |(_, high)| high);
        // A far-off target would flatten the curve: it is drawn only where the figure comes near it.
        let seen = target.get().filter(|target| highest > target / 4.0);
        (round_up(highest.max(seen.unwrap_or(0.0)) * 1.15), seen)
    });
    let drawing = move || {
        let (ceiling, seen) = frame.get();
        let frame = Frame { left: 0.0, top: 1.0, width: WIDTH, height: height - 1.0, ceiling };
        curve.with(|curve| {
            let (line, area) = frame.paths(curve);
            let gaps = curve.gaps().into_iter().map(|(from, until)| {
                let x = frame.x(curve, from);
                let width = frame.x(curve, until) - x;
                view! { <rect class="gap" x=short(x) y="0" width=short(width) height=short(height)></rect> }.into_any()
            });
            view! {
                {gaps.collect_view()}
                <path class="area" d=area></path>
                {seen.map(|target| view! { <path class="goal" d=format!("M0 {:.1}H{WIDTH}", frame.y(target))></path> }.into_any())}
                <path class="line" d=line></path>
            }
        })
    };
    view! {
        <svg
            class="spark"
            data-s=move || tone.get().as_code()
            viewBox=format!("0 0 {WIDTH} {height}")
            preserveAspectRatio="none"
            role="img"
            aria-label=label
        >
            {move || drawing()}
        </svg>
    }
}

fn short(value: f64) -> String {
    format!("{value:.1}")
}
