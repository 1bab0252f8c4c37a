//! What stands where there is nothing, or nothing yet.

use leptos::prelude::*;

/// There is nothing to show, and that is an answer.
#[component]
pub fn Empty(
    /// What there is none of.
    #[prop(into)]
    title: Signal<String>,
    /// Why, and what to do about it.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <svg class="empty__art" viewBox="0 0 120 72" aria-hidden="true">
                <path d="M20 58h56a14 14 0 0 0 0-28H48a10 10 0 0 1 0-20h46" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-dasharray="6 7"></path>
                <circle cx="20" cy="58" r="6" fill="none" stroke="currentColor" stroke-width="3"></circle>
                <circle cx="100" cy="10" r="7" fill="currentColor"></circle>
            </svg>
            <h2>{title}</h2>
            {children()}
        </div>
    }
}

/// Rows that are on their way.
#[component]
pub fn SkeletonRows(
    /// How many.
    rows: usize,
) -> impl IntoView {
    let row = |_| {
        view! {
            <div class="sk-row">
                <span class="sk sk--h"></span>
                <span class="sk"></span>
                <span class="sk"></span>
                <span class="sk"></span>
            </div>
        }
        .into_any()
    };
    view! { <div aria-hidden="true">{(0..rows).map(row).collect_view()}</div> }
}

/// A part of a page that is on its way.
#[component]
pub fn SkeletonPanel() -> impl IntoView {
    view! {
        <div class="panel" aria-hidden="true">
            <div class="panel__body">
                <span class="sk sk--b"></span>
            </div>
        </div>
    }
}
