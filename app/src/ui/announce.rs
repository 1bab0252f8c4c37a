//! What is read out without being asked for: changes only, and not too often.

use leptos::prelude::*;

/// Polite messages come no more often than this; the latest wins.
#[cfg(feature = "hydrate")]
const QUIET: std::time::Duration = std::time::Duration::from_secs(5);

/// Says things to screen readers.
#[derive(Clone, Copy)]
pub struct Announcer {
    polite: RwSignal<String>,
    urgent: RwSignal<String>,
    waiting: StoredValue<Option<String>>,
    quiet: StoredValue<bool>,
}

impl Default for Announcer {
    fn default() -> Announcer {
        Announcer {
            polite: RwSignal::new(String::new()),
            urgent: RwSignal::new(String::new()),
            waiting: StoredValue::new(None),
            quiet: StoredValue::new(false),
        }
    }
}

impl Announcer {
    /// Says that something has changed, within five seconds, unless something newer is to be said by then.
    pub fn say(&self, message: String) {
        if self.quiet.get_value() {
            self.waiting.set_value(Some(message));
        } else {
            self.speak(message);
        }
    }

    /// Says at once that something is badly wrong. Say each occurrence once, without figures that change.
    pub fn alert(&self, message: String) {
        self.urgent.set(message);
    }

    fn speak(self, message: String) {
        self.polite.set(message);
        self.quiet.set_value(true);
        #[cfg(feature = "hydrate")]
        set_timeout(
            move || {
                self.quiet.set_value(false);
                if let Some(message) = self.waiting.try_update_value(Option::take).flatten() {
                    self.speak(message);
                }
            },
            QUIET,
        );
    }
}

/// The announcer of the page.
pub fn use_announcer() -> Announcer {
    expect_context::<Announcer>()
}

/// Where messages appear for screen readers; once per page, empty at first, so that changes are noticed.
#[component]
pub fn AnnouncerRegions() -> impl IntoView {
    let announcer = use_announcer();
    view! {
        <div class="vh" role="status">{move || announcer.polite.get()}</div>
        <div class="vh" role="alert">{move || announcer.urgent.get()}</div>
    }
}
