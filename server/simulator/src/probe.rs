//! Probes into the world, and the facts they bring.

use crate::{
    console_handle::ConsoleHandle,
    world::{Ms, NAMES, NodeId, Order, STREAM_TIMEOUT, Server, World, orders_clock, side_of},
};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use switchback_domain::{
    Archiver, DynamicConfig, Endpoint, Facts, HELD_HOST, HELD_PORT, Heartbeat, Lsn, Millis, PatroniFacts, PostgresFacts, ProbeFailure,
    Receiver, RoleRights, Sender, Side, Slot, StandbyCluster,
};
use switchback_engine::ports::{ClusterMode, ControlError, Probe};

use crate::world::{Answer, Ask};

/// Looks at one endpoint of the world.
pub struct WorldProbe {
    /// Which.
    pub endpoint: Endpoint,
    /// The console's room in the world.
    pub room: ConsoleHandle,
}

impl Probe for WorldProbe {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn look(&mut self, now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        async move {
            let order = Order { to: self.endpoint.name.clone(), ask: Ask::Look(now) };
            match self.room.ask(order).await {
                Ok(Answer::Facts(facts)) => Ok(*facts),
                Ok(_) => Err(ProbeFailure::Garbage),
                Err(ControlError::Failed { failure, .. } | ControlError::NotSent { failure, .. }) => Err(failure),
                Err(ControlError::Refused { .. }) => Err(ProbeFailure::Status { code: 503 }),
            }
        }
        .boxed()
    }
}

fn letter(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

fn host(node: NodeId) -> String {
    format!("198.18.{}.{}", node / 2 + 1, node % 2 + 11)
}

fn slot_between(side: Side) -> String {
    format!("dc_{}", letter(side))
}

impl World {
    pub(crate) fn patroni_facts(&self, node: NodeId) -> PatroniFacts {
        let side = side_of(node);
        let status = self.status(node);
        let running = matches!(self.nodes[node].server, Server::Running { .. });
        let name = NAMES[node].parse().expect("a name");
        PatroniFacts {
            name: Some(name),
            scope: format!("pool-{}", letter(side)),
            state: status.state,
            role: status.role,
            patroni_version: self.setting.patroni.to_owned(),
            server_version: running.then_some(150_018),
            system_identifier: Some("7711095993085523164".to_owned()),
            timeline: Some(self.nodes[node].shown),
            pending_restart: false,
            paused: false,
            scheduled_action: false,
            leader: self.places[side].etcd.leader.map(|(leader, _)| NAMES[leader].parse().expect("a name")),
            config: DynamicConfig {
                standby_cluster: match self.places[side].etcd.mode {
                    ClusterMode::Primary => None,
                    ClusterMode::Held => {
                        Some(StandbyCluster { host: HELD_HOST.to_owned(), port: Some(HELD_PORT), slot: Some("held".to_owned()) })
                    }
                    ClusterMode::Standby => Some(StandbyCluster {
                        host: "198.18.1.11,198.18.1.12".to_owned(),
                        port: Some(5432),
                        slot: Some(slot_between(side)),
                    }),
                },
                synchronous_mode: true,
                slots: vec![slot_between(side.other())],
                pre_promote: self.setting.guard,
                ttl_s: u32::try_from(self.setting.ttl / 1_000).ok(),
                loop_wait_s: u32::try_from(self.setting.loop_wait / 1_000).ok(),
            },
            history: self.history(side),
        }
    }

    pub(crate) fn postgres_facts(&self, node: NodeId) -> PostgresFacts {
        let this = &self.nodes[node];
        let side = side_of(node);
        let recovery = this.server == Server::Running { recovery: true };
        let receiver = this.stream.map(|stream| Receiver {
            // The status stays for up to a minute after the line was cut.
            status: "streaming".to_owned(),
            sender_host: Some(host(stream.from)),
            timeline: Some(self.timeline(node)),
            flushed: Some(self.end(node)),
            message_age: Some(Millis(self.now.saturating_sub(stream.heard))),
            slot: Some(if side_of(stream.from) == side { NAMES[node].to_owned() } else { slot_between(side) }),
        });
        let connected = self.connected(node);
        let end = self.end(node);
        let slot = |name: String, user: Option<NodeId>| Slot {
            name,
            active: user.is_some(),
            wal_status: Some("reserved".to_owned()),
            restart: Some(user.map_or(end, |user| self.end(user))),
        };
        let mut slots: Vec<Slot> =
            connected.iter().filter(|other| side_of(**other) == side).map(|other| slot(NAMES[*other].to_owned(), Some(*other))).collect();
        if !self.is_standby(side) {
            slots.push(slot(slot_between(side.other()), connected.iter().copied().find(|other| side_of(*other) != side)));
        }
        PostgresFacts {
            in_recovery: recovery,
            system_identifier: "7711095993085523164".to_owned(),
            server_version: 150_018,
            clock: orders_clock(self.now),
            // No two are started in the same microsecond.
            started_at: orders_clock(this.started_at) + jiff::SignedDuration::from_micros(i64::try_from(node).unwrap_or(0)),
            timeline: Some(self.said_timeline(node)),
            written: (!recovery).then_some(end),
            received: recovery.then(|| self.received(node)),
            replayed: recovery.then(|| self.replayed(node)),
            replay_paused: false,
            receiver: receiver.filter(|_| recovery),
            senders: connected.iter().map(|other| self.sender(*other, this.waits_for == Some(*other))).collect(),
            slots,
            archiver: Some(self.archiver(node, end, recovery)),
            heartbeat: self.heartbeat(node).map(|(beat, beat_at)| Heartbeat { beat, beat_at }),
            unreadable: (!recovery).then(Box::default),
            lineage: self.lineage(node).history,
            settings: [("max_connections", 100), ("max_wal_senders", 10)].map(|(name, value)| (name.to_owned(), value)).into(),
            rights: RoleRights { excess: Vec::new(), reads_histories: true },
        }
    }

    fn sender(&self, other: NodeId, synchronous: bool) -> Sender {
        let heard: Ms = self.nodes[other].stream.map_or(0, |stream| stream.heard);
        Sender {
            application_name: NAMES[other].to_owned(),
            client: Some(host(other)),
            state: "streaming".to_owned(),
            synchronous,
            flushed: Some(self.end(other)),
            replayed: Some(self.replayed(other)),
            flush_lag: None,
            reply_age: Some(Millis(self.now.saturating_sub(heard).min(STREAM_TIMEOUT))),
        }
    }

    /// Everything but the file being written is shipped.
    fn archiver(&self, node: NodeId, end: Lsn, recovery: bool) -> Archiver {
        let file = (end.0 >> 24).saturating_sub(1);
        let name = format!("{:08X}{:08X}{:08X}", self.timeline(node).0, file >> 8, file & 0xFF);
        Archiver {
            enabled: true,
            last_file: (!recovery).then_some(name),
            last_at: (!recovery).then(|| orders_clock(self.now.saturating_sub(5_000))),
            last_failed_at: None,
        }
    }
}
