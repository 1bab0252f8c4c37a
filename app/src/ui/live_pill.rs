//! Whether the page follows what happens, and the button that stops and starts it.

use crate::ui::{Icon, Sign, dynamic};
use leptos::prelude::*;

/// Whether a page follows what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveState {
    /// It does.
    Live,
    /// Somebody stopped it.
    Paused,
    /// The connection is lost.
    Lost,
}

#[derive(Clone, Copy)]
struct Shown {
    state: Signal<LiveState>,
    text: Signal<String>,
    hint: Signal<String>,
    toggle: Callback<()>,
}

/// The place in the top bar where a page that follows what happens says so. Without a script nothing is live, so the
/// server leaves it empty.
#[derive(Clone, Copy)]
pub struct LiveBar(RwSignal<Option<Shown>>);

impl Default for LiveBar {
    fn default() -> LiveBar {
        LiveBar(RwSignal::new(None))
    }
}

impl LiveBar {
    /// Shows the button until the page is left. To be called in an effect.
    pub fn show(&self, state: Signal<LiveState>, text: Signal<String>, hint: Signal<String>, toggle: Callback<()>) {
        let place = self.0;
        place.set(Some(Shown { state, text, hint, toggle }));
        on_cleanup(move || {
            // The bar may be gone before the page.
            let _ = place.try_set(None);
        });
    }
}

/// The bar of the page.
pub fn use_live_bar() -> LiveBar {
    expect_context::<LiveBar>()
}

/// Draws what the page has shown in the bar.
#[component]
pub fn LivePlace() -> impl IntoView {
    let bar = use_live_bar();
    dynamic(move || match bar.0.get() {
        Some(Shown { state, text, hint, toggle }) => view! { <LivePill state text hint toggle /> }.into_any(),
        None => ().into_any(),
    })
}

/// The button that stops and starts updates.
#[component]
pub fn LivePill(
    /// Whether the page follows.
    #[prop(into)]
    state: Signal<LiveState>,
    /// The same in words.
    #[prop(into)]
    text: Signal<String>,
    /// What the button does, for screen readers.
    #[prop(into)]
    hint: Signal<String>,
    /// It was pressed.
    toggle: Callback<()>,
) -> impl IntoView {
    let word = move || match state.get() {
        LiveState::Live => "live",
        LiveState::Paused => "paused",
        LiveState::Lost => "lost",
    };
    let sign = move || match state.get() {
        LiveState::Live => Sign::Pause,
        LiveState::Paused => Sign::Play,
        LiveState::Lost => Sign::Warn,
    };
    view! {
        <button
            type="button"
            class="live"
            data-state=move || word()
            aria-pressed=move || (state.get() == LiveState::Paused).to_string()
            on:click=move |_| toggle.run(())
        >
            <Icon sign />
            <span>{text}</span>
            <span class="vh">{hint}</span>
        </button>
    }
}
