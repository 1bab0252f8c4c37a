//! The short history that sparklines, charts and reports draw from: figures over time, and changes of state.

use crate::{LinkKind, LinkState, Millis, NodeName, NodeState, ProtectionState, Side, SiteRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A figure that is kept over time. Written as text in the store and in addresses, such as `lag_ms.cross_site.b1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// What would be lost if the active site died, in bytes.
    LossBytes,
    /// The same in milliseconds.
    Loss,
    /// How far the end of a link is behind, in bytes.
    LagBytes {
        /// The kind of link.
        kind: LinkKind,
        /// The node at its end.
        to: NodeName,
    },
    /// The same in milliseconds.
    Lag {
        /// The kind of link.
        kind: LinkKind,
        /// The node at its end.
        to: NodeName,
    },
    /// WAL written (primary) or replayed (standby), in bytes per second.
    WalRate {
        /// The node.
        node: NodeName,
    },
    /// Sessions on all members of a site.
    Sessions {
        /// The site.
        side: Side,
    },
}

/// Why a text names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no figure is kept under this name: {0:?}")]
pub struct BadMetric(pub String);

const KINDS: [(LinkKind, &str); 4] =
    [(LinkKind::Mirror, "mirror"), (LinkKind::CrossSite, "cross_site"), (LinkKind::Cascade, "cascade"), (LinkKind::Archive, "archive")];

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |kind: &LinkKind| KINDS.iter().find(|(known, _)| known == kind).map_or("", |(_, word)| word);
        match self {
            Metric::LossBytes => f.write_str("loss_bytes"),
            Metric::Loss => f.write_str("loss_ms"),
            Metric::LagBytes { kind, to } => write!(f, "lag_bytes.{}.{to}", word(kind)),
            Metric::Lag { kind, to } => write!(f, "lag_ms.{}.{to}", word(kind)),
            Metric::WalRate { node } => write!(f, "wal_rate.{node}"),
            Metric::Sessions { side: Side::A } => f.write_str("sessions.a"),
            Metric::Sessions { side: Side::B } => f.write_str("sessions.b"),
        }
    }
}

impl FromStr for Metric {
    type Err = BadMetric;
    fn from_str(text: &str) -> Result<Self, BadMetric> {
        let bad = || BadMetric(text.to_owned());
        let node = |name: &str| name.parse::<NodeName>().map_err(|_| bad());
        let link = |rest: &str| {
            let (word, to) = rest.split_once('.').ok_or_else(bad)?;
            let kind = KINDS.iter().find(|(_, known)| *known == word).ok_or_else(bad)?.0;
            Ok((kind, node(to)?))
        };
        match text.split_once('.') {
            None if text == "loss_bytes" => Ok(Metric::LossBytes),
            None if text == "loss_ms" => Ok(Metric::Loss),
            Some(("lag_bytes", rest)) => link(rest).map(|(kind, to)| Metric::LagBytes { kind, to }),
            Some(("lag_ms", rest)) => link(rest).map(|(kind, to)| Metric::Lag { kind, to }),
            Some(("wal_rate", name)) => Ok(Metric::WalRate { node: node(name)? }),
            Some(("sessions", "a")) => Ok(Metric::Sessions { side: Side::A }),
            Some(("sessions", "b")) => Ok(Metric::Sessions { side: Side::B }),
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = BadMetric;
    fn try_from(text: String) -> Result<Self, BadMetric> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

/// The figures of one span of time. A span without readings has no point: gaps are drawn as gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When the span began.
    pub at: Timestamp,
    /// The smallest value in it.
    pub min: i64,
    /// The largest value in it.
    pub max: i64,
    /// The last value in it.
    pub last: i64,
}

/// One figure over time, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Which figure.
    pub metric: Metric,
    /// The length of the span that each point stands for.
    pub step: Millis,
    /// From when on it was asked for.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Its points; where a span is missing there were no readings.
    pub points: Vec<Point>,
}

/// How far back a chart looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// 15 minutes in steps of 10 seconds.
    #[default]
    Quarter,
    /// 6 hours in steps of 2 minutes.
    Hours,
    /// 7 days in steps of an hour.
    Week,
}

impl Span {
    /// How long it is.
    pub fn length(self) -> Millis {
        Millis(match self {
            Span::Quarter => 15 * 60_000,
            Span::Hours => 6 * 3_600_000,
            Span::Week => 7 * 24 * 3_600_000,
        })
    }

    /// How long the span of each of its points is.
    pub fn step(self) -> Millis {
        Millis(match self {
            Span::Quarter => 10_000,
            Span::Hours => 120_000,
            Span::Week => 3_600_000,
        })
    }
}

/// Something about a pool that was one thing and became another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When the console noticed.
    pub at: Timestamp,
    /// What changed.
    pub what: Changed,
}

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Protection.
    Protection {
        /// Before.
        from: ProtectionState,
        /// After.
        to: ProtectionState,
    },
    /// A site's part.
    Site {
        /// Which site.
        side: Side,
        /// Before.
        from: SiteRole,
        /// After.
        to: SiteRole,
    },
    /// What a node is doing.
    Node {
        /// Which node.
        node: NodeName,
        /// Before.
        from: NodeState,
        /// After.
        to: NodeState,
    },
    /// What a link is doing.
    Link {
        /// Which kind.
        kind: LinkKind,
        /// The node at its end.
        to_node: Option<NodeName>,
        /// Before.
        from: LinkState,
        /// After.
        to: LinkState,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_reads_back_as_written() {
        let node: NodeName = "db.b-1".parse().expect("a name");
        let mut all = vec![Metric::LossBytes, Metric::Loss, Metric::WalRate { node: node.clone() }];
        all.extend(Side::BOTH.map(|side| Metric::Sessions { side }));
        for kind in LinkKind::ALL {
            all.push(Metric::LagBytes { kind, to: node.clone() });
            all.push(Metric::Lag { kind, to: node.clone() });
        }
        for metric in all {
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert!("lag_ms.sideways.b1".parse::<Metric>().is_err());
    }
}
