//! The one JSON value that `observe.sql` answers with, translated.

use crate::{ANSWER_LIMIT, failure::Problem};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use switchback_domain::{Archiver, Heartbeat, PostgresFacts, ProbeFailure, Receiver, RoleRights, Sender, Slot};

const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Field by field what the query names; the words are those of [`PostgresFacts`], so most parts are read as they are.
#[derive(Deserialize)]
struct Row {
    may_see_all: bool,
    in_recovery: bool,
    system_identifier: String,
    server_version: u32,
    clock: Timestamp,
    started_at: Timestamp,
    timeline: Option<switchback_domain::Timeline>,
    written: Option<switchback_domain::Lsn>,
    received: Option<switchback_domain::Lsn>,
    replayed: Option<switchback_domain::Lsn>,
    replay_paused: bool,
    receiver: Option<Receiver>,
    #[serde(deserialize_with = "list")]
    senders: Vec<Sender>,
    #[serde(deserialize_with = "list")]
    slots: Vec<Slot>,
    archiver: Option<Archiver>,
    settings: BTreeMap<String, i64>,
    rights: RoleRights,
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(from).map(Option::unwrap_or_default)
}

pub(super) fn facts(text: &str) -> Result<PostgresFacts, Problem> {
    if text.len() > ANSWER_LIMIT {
        return Err(Problem::too_large(ANSWER_LIMIT));
    }
    let row: Row = serde_json::from_str(text).map_err(|error| Problem::json(&error))?;
    if !row.may_see_all {
        let state = INSUFFICIENT_PRIVILEGE.to_owned();
        return Err(Problem::new(ProbeFailure::Sql { state }, "the role must be a member of pg_monitor"));
    }
    Ok(PostgresFacts {
        in_recovery: row.in_recovery,
        system_identifier: row.system_identifier,
        server_version: row.server_version,
        clock: row.clock,
        started_at: row.started_at,
        timeline: row.timeline,
        written: row.written,
        received: row.received,
        replayed: row.replayed,
        replay_paused: row.replay_paused,
        receiver: row.receiver,
        senders: row.senders,
        slots: row.slots,
        archiver: row.archiver,
        heartbeat: None,
        unreadable: None,
        settings: row.settings,
        rights: row.rights,
        lineage: None,
    })
}

pub(super) fn heartbeat(text: &str) -> Option<Heartbeat> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests;
