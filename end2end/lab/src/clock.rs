//! The few places in which the lab waits or reads a clock. It drives real engines, whose time nobody owns.

use std::time::Duration;

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the one place in which the lab waits for real engines")]
pub(crate) async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

/// A name that no other run of load has.
#[expect(clippy::disallowed_methods, reason = "only to be different each time; nothing is computed from it")]
pub(crate) fn run_name() -> String {
    format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_microsecond())
}
