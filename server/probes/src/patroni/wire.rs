//! Patroni's JSON, translated.

use crate::failure::{Problem, bounded};
use reqwest::Url;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use std::collections::BTreeMap;
use switchback_domain::{DynamicConfig, Lsn, NodeName, PatroniFacts, PatroniRole, PatroniState, Promotion, StandbyCluster, Timeline};
use switchback_engine::ports::PatroniStatus;

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::json(&error))
}

/// `/patroni`.
#[derive(Deserialize)]
pub(crate) struct Status {
    state: String,
    role: String,
    server_version: Option<u32>,
    timeline: Option<u32>,
    database_system_identifier: Option<String>,
    #[serde(default)]
    pending_restart: bool,
    #[serde(default)]
    pause: bool,
    scheduled_restart: Option<IgnoredAny>,
    patroni: About,
}

#[derive(Deserialize)]
struct About {
    version: String,
    scope: String,
    /// Since Patroni 3.2.
    name: Option<NodeName>,
}

pub(crate) fn status(body: &[u8]) -> Result<Status, Problem> {
    read(body)
}

impl Status {
    /// The member about itself alone.
    pub(crate) fn member(&self) -> Result<PatroniStatus, Problem> {
        Ok(PatroniStatus {
            role: role(&self.role)?,
            state: state(&self.state),
            said: format!("{}, {}", bounded(&self.role, 64), bounded(&self.state, 64)),
            timeline: self.timeline.filter(|timeline| *timeline > 0).map(Timeline),
        })
    }

    /// `own` is where the member was asked, by which it is found in its cluster when it does not say its name.
    pub(super) fn facts(
        self,
        own: &Url,
        cluster: Cluster,
        config: DynamicConfig,
        history: Vec<Promotion>,
    ) -> Result<PatroniFacts, Problem> {
        Ok(PatroniFacts {
            name: self.patroni.name.or_else(|| cluster.name_at(own)),
            scope: bounded(&self.patroni.scope, 200),
            state: state(&self.state),
            role: role(&self.role)?,
            patroni_version: bounded(&self.patroni.version, 64),
            server_version: self.server_version,
            system_identifier: self.database_system_identifier.map(|text| bounded(&text, 64)),
            timeline: self.timeline.filter(|timeline| *timeline > 0).map(Timeline),
            pending_restart: self.pending_restart,
            paused: self.pause,
            scheduled_action: self.scheduled_restart.is_some() || cluster.scheduled,
            leader: cluster.leader,
            config,
            history,
        })
    }
}

fn state(word: &str) -> PatroniState {
    match word {
        "running" | "streaming" | "in archive recovery" => PatroniState::Running,
        "starting" | "restarting" | "starting after custom bootstrap" => PatroniState::Starting,
        "stopping" => PatroniState::Stopping,
        "stopped" | "crashed" => PatroniState::Stopped,
        "creating replica" | "initializing new cluster" | "running custom bootstrap script" => PatroniState::Creating,
        failed if failed.ends_with(" failed") => PatroniState::Failed,
        other => PatroniState::Other(bounded(other, 64)),
    }
}

fn role(word: &str) -> Result<PatroniRole, Problem> {
    match word {
        // Patroni 3 says "master"; "promoted" is what it says from the decision until the database is out of recovery.
        "primary" | "master" | "leader" | "promoted" => Ok(PatroniRole::Primary),
        "standby_leader" => Ok(PatroniRole::StandbyLeader),
        "replica" | "sync_standby" | "quorum_standby" => Ok(PatroniRole::Replica),
        "demoted" => Ok(PatroniRole::Demoted),
        "uninitialized" => Ok(PatroniRole::Uninitialized),
        other => Err(Problem::garbage(format!("the role {} is not one of Patroni's", bounded(other, 64)))),
    }
}

/// What is taken from `/cluster`. Its lags and timelines are not: they are up to `loop_wait` old and measured against the local leader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    leader: Option<NodeName>,
    scheduled: bool,
    /// Where each member's REST interface is, as its cluster is told.
    members: Vec<(NodeName, Url)>,
}

impl Cluster {
    /// The member whose REST interface is at the host and port of `own`.
    fn name_at(&self, own: &Url) -> Option<NodeName> {
        let place = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
        let mut there = self.members.iter().filter(|(_, url)| place(url) == place(own));
        // Two members at one place would be a mistake of theirs, and neither name can be believed.
        there.next().filter(|_| there.next().is_none()).map(|(name, _)| name.clone())
    }
}

pub(super) fn cluster(body: &[u8]) -> Result<Cluster, Problem> {
    #[derive(Deserialize)]
    struct Said {
        members: Vec<Member>,
        scheduled_switchover: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Member {
        name: String,
        role: String,
        api_url: Option<String>,
        scheduled_restart: Option<IgnoredAny>,
    }
    let said: Said = read(body)?;
    let leads = |member: &&Member| matches!(member.role.as_str(), "leader" | "standby_leader" | "master" | "primary");
    let leader = said.members.iter().find(leads).map(|member| member.name.parse()).transpose();
    Ok(Cluster {
        leader: leader.map_err(|error: switchback_domain::BadName| Problem::garbage(error.to_string()))?,
        scheduled: said.scheduled_switchover.is_some() || said.members.iter().any(|member| member.scheduled_restart.is_some()),
        members: said
            .members
            .iter()
            .filter_map(|member| Some((member.name.parse().ok()?, member.api_url.as_ref()?.parse().ok()?)))
            .collect(),
    })
}

/// People write this by hand, so numbers and switches may be quoted as YAML allows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Flag(bool),
    Number(i64),
    Text(String),
    Else(IgnoredAny),
}

impl Loose {
    /// As Patroni's own `parse_bool` has it.
    fn is_on(&self) -> bool {
        match self {
            Loose::Flag(flag) => *flag,
            Loose::Number(number) => *number == 1,
            Loose::Text(text) => ["on", "true", "yes", "1"].contains(&text.to_ascii_lowercase().as_str()),
            Loose::Else(_) => false,
        }
    }

    /// As Python has it: what is empty, zero, false or null counts as nothing.
    fn has_value(&self) -> bool {
        match self {
            Loose::Flag(flag) => *flag,
            Loose::Number(number) => *number != 0,
            Loose::Text(text) => !text.is_empty(),
            Loose::Else(_) => false,
        }
    }

    fn number<T: TryFrom<i64>>(&self) -> Option<T> {
        let number = match self {
            Loose::Number(number) => Some(*number),
            Loose::Text(text) => text.trim().parse().ok(),
            Loose::Flag(_) | Loose::Else(_) => None,
        };
        number.and_then(|number| T::try_from(number).ok())
    }

    fn text(self) -> Option<String> {
        match self {
            Loose::Text(text) => Some(bounded(&text, 1000)),
            Loose::Number(number) => Some(number.to_string()),
            Loose::Flag(_) | Loose::Else(_) => None,
        }
    }
}

pub(super) fn config(body: &[u8]) -> Result<DynamicConfig, Problem> {
    #[derive(Deserialize)]
    struct Said {
        ttl: Option<Loose>,
        loop_wait: Option<Loose>,
        synchronous_mode: Option<Loose>,
        slots: Option<BTreeMap<String, Loose>>,
        standby_cluster: Option<BTreeMap<String, Loose>>,
        postgresql: Option<Postgresql>,
    }
    #[derive(Deserialize)]
    struct Postgresql {
        pre_promote: Option<IgnoredAny>,
    }
    let said: Said = read(body)?;
    // By Patroni's own rule: a section that names nobody to follow makes no standby.
    let names_somebody = |section: &BTreeMap<String, Loose>| {
        ["host", "port", "restore_command"].iter().any(|key| section.get(*key).is_some_and(Loose::has_value))
    };
    let standby_cluster = said.standby_cluster.filter(names_somebody).map(|mut section| StandbyCluster {
        port: section.get("port").and_then(Loose::number),
        host: section.remove("host").and_then(Loose::text).unwrap_or_default(),
        slot: section.remove("primary_slot_name").and_then(Loose::text),
    });
    Ok(DynamicConfig {
        standby_cluster,
        // "quorum" is a kind of synchronous mode too.
        synchronous_mode: said
            .synchronous_mode
            .as_ref()
            .is_some_and(|mode| mode.is_on() || matches!(mode, Loose::Text(text) if text.eq_ignore_ascii_case("quorum"))),
        slots: said.slots.unwrap_or_default().into_keys().collect(),
        pre_promote: said.postgresql.is_some_and(|section| section.pre_promote.is_some()),
        ttl_s: said.ttl.as_ref().and_then(Loose::number),
        loop_wait_s: said.loop_wait.as_ref().and_then(Loose::number),
    })
}

/// `[[timeline, position, reason, time, leader], …]`, or `null`; old entries have no time and no leader.
pub(crate) fn history(body: &[u8]) -> Result<Vec<Promotion>, Problem> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Part {
        Number(u64),
        Text(String),
        Else(IgnoredAny),
    }
    let lines: Option<Vec<Vec<Part>>> = read(body)?;
    let text = |part: Option<&Part>| match part {
        Some(Part::Text(text)) => Some(bounded(text, 200)),
        _ => None,
    };
    let promotion = |line: &Vec<Part>| match (line.first(), line.get(1)) {
        (Some(Part::Number(parent)), Some(Part::Number(position))) => Some(Promotion {
            parent: Timeline(u32::try_from(*parent).ok()?),
            switched_at: Lsn(*position),
            at: text(line.get(3)).and_then(|time| time.parse().ok()),
            leader: text(line.get(4)),
        }),
        _ => None,
    };
    let all: Option<Vec<Promotion>> = lines.unwrap_or_default().iter().map(promotion).collect();
    all.ok_or_else(|| Problem::garbage("an entry of /history has no timeline and position"))
}

#[cfg(test)]
mod tests;
