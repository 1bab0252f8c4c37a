//! What the pages of a pool, its nodes and its links show.

use super::{ApiError, Text};
use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use switchback_domain::{
    LinkKind, NodeName, Picture,
    history::{Change, Series, Span},
};

/// A pool, its last quarter of an hour and its newest changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolPage {
    /// The console's clock.
    pub at: Timestamp,
    /// The pool.
    pub picture: Picture,
    /// Loss, lag and log rates over the last quarter of an hour.
    pub trends: Vec<Series>,
    /// The newest changes, newest first.
    pub changes: Vec<Change>,
}

/// A node within its pool, and its figures over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCharts {
    /// The console's clock.
    pub at: Timestamp,
    /// The pool.
    pub picture: Picture,
    /// The node.
    pub node: NodeName,
    /// How far back its figures go.
    pub span: Span,
    /// Its figures.
    pub series: Vec<Series>,
}

/// A link within its pool, and its figures over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCharts {
    /// The console's clock.
    pub at: Timestamp,
    /// The pool.
    pub picture: Picture,
    /// The kind of link.
    pub kind: LinkKind,
    /// How far back its figures go.
    pub span: Span,
    /// Its figures.
    pub series: Vec<Series>,
}

/// A pool.
#[server(prefix = "/api/fn", endpoint = "pool")]
pub async fn one_pool(pool: String) -> Result<Text, ApiError> {
    use super::door::{answered, pool_id, signed_in};

    let look = async {
        let (console, caller) = signed_in()?;
        let pool = pool_id(&pool)?;
        let picture = Picture::clone(&*console.picture(&caller, &pool)?);
        let trends = console.trends(&caller, &pool).await?;
        let changes = console.changes(&caller, &pool).await?;
        Text::of(&PoolPage { at: console.now(), picture, trends, changes })
    };
    answered(look.await)
}

/// A pool's newest changes, newest first.
#[server(prefix = "/api/fn", endpoint = "changes")]
pub async fn changes(pool: String) -> Result<Text, ApiError> {
    use super::door::{answered, pool_id, signed_in};

    let look = async {
        let (console, caller) = signed_in()?;
        Text::of(&console.changes(&caller, &pool_id(&pool)?).await?)
    };
    answered(look.await)
}

/// A node.
#[server(prefix = "/api/fn", endpoint = "node")]
pub async fn one_node(pool: String, node: String, span: Span) -> Result<Text, ApiError> {
    use super::door::{answered, pool_id, signed_in};
    use switchback_domain::history::Metric;

    let look = async {
        let (console, caller) = signed_in()?;
        let id = pool_id(&pool)?;
        let picture = Picture::clone(&*console.picture(&caller, &id)?);
        let known = node.parse::<NodeName>().ok().filter(|name| picture.node(name).is_some());
        let name = known.ok_or_else(|| ApiError::NoSuchNode { pool: pool.clone(), node: node.clone() })?;
        let mut metrics: Vec<Metric> = Vec::new();
        for link in picture.links.iter().filter(|link| link.to.as_ref() == Some(&name) && link.kind != LinkKind::Archive) {
            metrics.push(Metric::Lag { kind: link.kind, to: name.clone() });
            metrics.push(Metric::LagBytes { kind: link.kind, to: name.clone() });
        }
        metrics.push(Metric::WalRate { node: name.clone() });
        let mut series = Vec::with_capacity(metrics.len());
        for metric in &metrics {
            series.push(console.series(&caller, &id, metric, span).await?);
        }
        Text::of(&NodeCharts { at: console.now(), picture, node: name, span, series })
    };
    answered(look.await)
}

/// A link.
#[server(prefix = "/api/fn", endpoint = "link")]
pub async fn one_link(pool: String, kind: String, span: Span) -> Result<Text, ApiError> {
    use super::{
        door::{answered, pool_id, signed_in},
        link_kind,
    };
    use switchback_domain::history::Metric;

    let look = async {
        let (console, caller) = signed_in()?;
        let id = pool_id(&pool)?;
        let kind = link_kind(&pool, &kind)?;
        let picture = Picture::clone(&*console.picture(&caller, &id)?);
        if picture.link(kind).is_none() {
            return Err(ApiError::NoSuchLink { pool: pool.clone() });
        }
        let mut series = Vec::new();
        for to in picture.links.iter().filter(|link| link.kind == kind).filter_map(|link| link.to.clone()) {
            for metric in [Metric::Lag { kind, to: to.clone() }, Metric::LagBytes { kind, to }] {
                series.push(console.series(&caller, &id, &metric, span).await?);
            }
        }
        Text::of(&LinkCharts { at: console.now(), picture, kind, span, series })
    };
    answered(look.await)
}

/// Whether the browser's session is still good; an error when it is not.
#[server(prefix = "/api/fn", endpoint = "session")]
pub async fn session_is_open() -> Result<(), ApiError> {
    use super::door::{answered, signed_in};
    let look = async { signed_in().map(|_| ()) };
    answered(look.await)
}
