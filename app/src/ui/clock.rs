//! The server's time in the browser. Ages are shown by it, so a wrong clock on a desk does not matter.

use crate::ui::dynamic;
use jiff::Timestamp;
use leptos::prelude::*;
use switchback_domain::Millis;

/// The server's time, once a second. Starts at the time the page was rendered and stands still on the server, so that
/// both render the same.
#[derive(Clone, Copy)]
pub struct Clock {
    now: RwSignal<Timestamp>,
    base: StoredValue<Option<(Timestamp, f64)>>,
    running: RwSignal<bool>,
}

impl Clock {
    /// Starts at the server's time. Ticks in the browser only.
    pub fn starting_at(at: Timestamp) -> Clock {
        let clock = Clock { now: RwSignal::new(at), base: StoredValue::new(None), running: RwSignal::new(true) };
        clock.tick();
        clock
    }

    /// The server's time now; read reactively it changes once a second.
    pub fn now(&self) -> Timestamp {
        self.now.get()
    }

    /// The same without following it.
    pub fn now_untracked(&self) -> Timestamp {
        self.now.get_untracked()
    }

    /// A message brought the server's time.
    pub fn set(&self, at: Timestamp) {
        self.base.set_value(Some((at, milliseconds_since_start())));
    }

    /// Whether it ticks.
    pub fn is_running(&self) -> bool {
        self.running.get()
    }

    #[cfg(feature = "hydrate")]
    fn tick(self) {
        Effect::new(move || {
            self.set(self.now.get_untracked());
            let ticking = set_interval_with_handle(
                move || {
                    let Some((at, then)) = self.base.get_value() else { return };
                    let passed = milliseconds_since_start() - then;
                    #[expect(clippy::cast_possible_truncation, reason = "a page is not open for 200 million years")]
                    let passed = jiff::SignedDuration::from_millis(passed.max(0.0) as i64);
                    if let Ok(now) = at.checked_add(passed) {
                        self.now.set(now);
                    }
                },
                std::time::Duration::from_secs(1),
            );
            if let Ok(ticking) = ticking {
                on_cleanup(move || ticking.clear());
            }
        });
    }

    #[cfg(not(feature = "hydrate"))]
    fn tick(self) {
        let _ = self;
    }
}

#[cfg(feature = "hydrate")]
fn milliseconds_since_start() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

#[cfg(not(feature = "hydrate"))]
fn milliseconds_since_start() -> f64 {
    0.0
}

/// The clock of the page.
pub fn use_clock() -> Clock {
    expect_context::<Clock>()
}

/// An age in words that grows by itself.
#[component]
pub fn Age(
    /// When it began; nothing is shown without.
    #[prop(into)]
    since: Signal<Option<Timestamp>>,
    /// The age in words.
    text: Callback<Millis, String>,
) -> impl IntoView {
    let clock = use_clock();
    let age = move || match since.get() {
        Some(since) => view! { <time datetime=since.to_string()>{move || text.run(Millis::between(since, clock.now()))}</time> }.into_any(),
        None => ().into_any(),
    };
    dynamic(age)
}

/// The time of day, UTC.
#[component]
pub fn UtcClock() -> impl IntoView {
    let clock = use_clock();
    view! {
        <span class="clock sm muted nw">
            <time datetime=move || clock.now().to_string()>{move || time_of_day(clock.now())}</time>
        </span>
    }
}

/// Such as `02:41:07 UTC`.
pub fn time_of_day(at: Timestamp) -> String {
    let seconds = at.as_second().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_utc_and_has_leading_zeros() {
        let at: Timestamp = "2026-03-14T02:41:07.9Z".parse().expect("a time");
        assert_eq!(time_of_day(at), "02:41:07 UTC");
        let before_1970: Timestamp = "1969-12-31T23:59:58Z".parse().expect("a time");
        assert_eq!(time_of_day(before_1970), "23:59:58 UTC");
    }
}
