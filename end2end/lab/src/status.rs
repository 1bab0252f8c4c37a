//! What the lab looks like now.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::lab::Lab;
use crate::network::{self, Rule};
use crate::places::{Node, Place, Service, Site};
use crate::process;
use crate::runtime_api;
use crate::slow::{Slow, slow_links};

/// Everything that `status` shows.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// What is missing until the pool is whole; nothing when it is.
    pub unsettled: Option<String>,
    /// The pairs of places that are cut from each other.
    pub cuts: Vec<(Place, Place)>,
    /// The pairs of places between which everything is answered with a reset.
    pub resets: Vec<(Place, Place)>,
    /// Whether replication between the sites is dropped.
    pub replication_stalled: bool,
    /// The links that are slower or worse than the wire.
    pub slow: Vec<Slow>,
    /// Both sites.
    pub sites: Vec<SiteStatus>,
}

/// One site.
#[derive(Debug, Clone, Serialize)]
pub struct SiteStatus {
    /// Which.
    pub site: Site,
    /// Its processes.
    pub services: Vec<ServiceStatus>,
    /// Its database nodes.
    pub nodes: Vec<NodeStatus>,
    /// Its members.
    pub members: Vec<MemberStatus>,
}

/// One service.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// `running`, `frozen` or `stopped`.
    pub state: &'static str,
    /// Its process, when it has one.
    pub pid: Option<i32>,
}

/// What a node's Patroni says; empty when it does not answer.
#[derive(Debug, Clone, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// `primary`, `replica`, `standby_leader`, or `silent`.
    pub role: String,
    /// Patroni's word for its state.
    pub state: String,
    /// `streaming`, `in archive recovery`, or empty.
    pub replication: String,
    /// Its timeline.
    pub timeline: Option<u64>,
    /// Last replayed or written position in bytes.
    pub position: Option<u64>,
}

/// One member, as its site's `HAProxy` and itself see it.
#[derive(Debug, Clone, Serialize)]
pub struct MemberStatus {
    /// Its name.
    pub name: String,
    /// State in `HAProxy`, or `unknown`.
    pub proxy: String,
    /// Sessions through `HAProxy`.
    pub sessions: u32,
    /// Its own health: `rw`, `ro`, `away`, `drained` or `silent`.
    pub health: String,
}

impl Lab {
    /// Looks at everything once.
    pub async fn status(&self) -> Result<Status> {
        let (a, b, unsettled) = futures::join!(self.site_status(Site::A), self.site_status(Site::B), self.unsettled());
        Ok(Status {
            unsettled,
            cuts: network::forbidden(&self.layout, Rule::Cut)?,
            resets: network::forbidden(&self.layout, Rule::Reset)?,
            replication_stalled: !network::forbidden(&self.layout, Rule::Stall)?.is_empty(),
            slow: slow_links(&self.layout),
            sites: vec![a, b],
        })
    }

    async fn site_status(&self, site: Site) -> SiteStatus {
        let services = Service::of_site(site).into_iter().map(|service| self.service_status(service)).collect();
        let [one, two] = site.nodes();
        let (one, two, members) = futures::join!(self.node_status(one), self.node_status(two), self.member_statuses(site));
        SiteStatus { site, services, nodes: vec![one, two], members }
    }

    fn service_status(&self, service: Service) -> ServiceStatus {
        let first = process::of_service(&self.layout, service).first().copied();
        let state = match first.and_then(process::Process::state) {
            Some('T') => "frozen",
            Some(_) => "running",
            None => "stopped",
        };
        ServiceStatus { name: service.to_string(), state, pid: first.map(|process| process.pid) }
    }

    async fn node_status(&self, node: Node) -> NodeStatus {
        let seen = self.http.get_json(&format!("{}/patroni", self.layout.patroni_url(node))).await.unwrap_or(Value::Null);
        let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
        let xlog = &seen["xlog"];
        NodeStatus {
            name: node.to_string(),
            role: if seen.is_null() { "silent".to_owned() } else { text("role") },
            state: text("state"),
            replication: text("replication_state"),
            timeline: seen["timeline"].as_u64(),
            position: xlog["location"].as_u64().or_else(|| xlog["replayed_location"].as_u64()),
        }
    }

    async fn member_statuses(&self, site: Site) -> Vec<MemberStatus> {
        let proxied = runtime_api::member_states(&self.layout, site).await.unwrap_or_default();
        let mut found = Vec::new();
        for number in [1, 2] {
            let member = Service::Member(site, number);
            let (proxy, sessions) = proxied
                .iter()
                .find(|(name, ..)| *name == member)
                .map_or_else(|| ("unknown".to_owned(), 0), |(_, state, sessions)| (state.clone(), *sessions));
            let answer = self.http.get_json(&self.layout.health_url(site, number)).await.unwrap_or(Value::Null);
            let health = if answer.is_null() {
                "silent".to_owned()
            } else if answer["drained"] == true {
                "drained".to_owned()
            } else {
                answer["db"].as_str().unwrap_or("away").to_owned()
            };
            found.push(MemberStatus { name: member.to_string(), proxy, sessions, health });
        }
        found
    }
}

impl Status {
    /// A table for a person.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}",
            self.unsettled.as_deref().map_or("everything streams, all members are healthy".to_owned(), |why| format!("not whole: {why}"))
        );
        for (x, y) in &self.cuts {
            let _ = writeln!(text, "cut: {x} | {y}");
        }
        for (x, y) in &self.resets {
            let _ = writeln!(text, "reset: {x} | {y}");
        }
        for link in &self.slow {
            let _ = writeln!(text, "slow: {} | {}, {} ms each way, {} % lost", link.x, link.y, link.delay_ms, link.loss_percent);
        }
        if self.replication_stalled {
            text.push_str("replication between the sites is stalled\n");
        }
        for site in &self.sites {
            let _ = writeln!(text, "\nsite {}", site.site);
            for node in &site.nodes {
                let _ = writeln!(
                    text,
                    "  {:<11} {:<15} {:<10} {:<20} timeline {:<4} at {}",
                    node.name,
                    node.role,
                    node.state,
                    node.replication,
                    node.timeline.map_or("-".to_owned(), |timeline| timeline.to_string()),
                    node.position.map_or("-".to_owned(), |position| format!("{:X}/{:X}", position >> 32, position & 0xffff_ffff)),
                );
            }
            for member in &site.members {
                let _ = writeln!(text, "  {:<11} {:<15} {:<10} {} sessions", member.name, member.proxy, member.health, member.sessions);
            }
            for (state, title) in [("stopped", "stopped"), ("frozen", "frozen")] {
                let names: Vec<&str> =
                    site.services.iter().filter(|service| service.state == state).map(|service| service.name.as_str()).collect();
                if !names.is_empty() {
                    let _ = writeln!(text, "  {title}: {}", names.join(", "));
                }
            }
        }
        text
    }
}
