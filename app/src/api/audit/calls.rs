//! What the page about the audit history asks for.

use crate::api::{ApiError, Text};
use leptos::prelude::*;

/// The newest entries, newest first.
#[server(prefix = "/api/fn", endpoint = "audit")]
pub async fn newest_entries(lang: String) -> Result<Text, ApiError> {
    crate::api::door::answered(super::present::newest_entries(&lang).await.and_then(|entries| Text::of(&entries)))
}
