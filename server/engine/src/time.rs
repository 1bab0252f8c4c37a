//! Waiting. The engine's only way to let time pass, so that what waits is easy to find.

use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Waits, unless everything stops first. Returns whether it goes on.
#[expect(clippy::disallowed_methods, reason = "loops of observation wait by nature; tests own this time by pausing it")]
pub(crate) async fn pause(length: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(length) => true,
    }
}

/// Milliseconds, as the domain counts them.
pub(crate) fn millis(length: Duration) -> switchback_domain::Millis {
    switchback_domain::Millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}
