//! What the overview shows.

use super::{ApiError, Text};
use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use switchback_domain::{PoolId, Summary, history::Series};

/// All pools and what would have been lost over the last quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The console's clock.
    pub at: Timestamp,
    /// The pools, worst first.
    pub pools: Vec<Summary>,
    /// For each pool, what would have been lost, in milliseconds.
    pub losses: Vec<(PoolId, Series)>,
}

/// All pools.
#[server(prefix = "/api/fn", endpoint = "overview")]
pub async fn all_pools() -> Result<Text, ApiError> {
    use super::door::{answered, signed_in};
    use switchback_domain::history::{Metric, Span};

    let look = async {
        let (console, caller) = signed_in()?;
        let pools = console.summaries(&caller);
        let mut losses = Vec::with_capacity(pools.len());
        for summary in &pools {
            let series = console.series(&caller, &summary.pool, &Metric::Loss, Span::Quarter).await?;
            losses.push((summary.pool.clone(), series));
        }
        Text::of(&Overview { at: console.now(), pools, losses })
    };
    answered(look.await)
}
