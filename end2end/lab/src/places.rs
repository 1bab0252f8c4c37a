//! The things of the lab that a person can name: places, sites, nodes and services.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two data centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// Where the pool's database is primary after `up`.
    A,
    /// The other one.
    B,
}

impl Site {
    /// Both sites, a first.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other site.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `a` or `b`.
    pub fn letter(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The Patroni scope of the site's database cluster.
    pub fn scope(self) -> String {
        format!("pool-{self}")
    }

    /// The replication slot that this site uses on the other site's primary.
    pub fn slot(self) -> String {
        format!("site_{self}")
    }

    /// The two database nodes of the site.
    pub fn nodes(self) -> [Node; 2] {
        [Node { site: self, number: 1 }, Node { site: self, number: 2 }]
    }

    /// The two members of the site.
    pub fn members(self) -> [Service; 2] {
        [Service::Member(self, 1), Service::Member(self, 2)]
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// A database node: Patroni and the PostgreSQL it looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The site it is in.
    pub site: Site,
    /// 1 or 2.
    pub number: u8,
}

impl Node {
    /// All four nodes.
    pub fn all() -> impl Iterator<Item = Self> {
        Site::BOTH.into_iter().flat_map(Site::nodes)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.site, self.number)
    }
}

impl FromStr for Node {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all()
            .find(|node| node.to_string() == text)
            .ok_or_else(|| format!("there is no node `{text}`: the nodes are a1, a2, b1 and b2"))
    }
}

/// Something between which the network can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Site a.
    A,
    /// Site b.
    B,
    /// Where the console runs: the machine itself.
    Console,
    /// Where `load` runs.
    Clients,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::Console, Self::Clients];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Console => "console",
            Self::Clients => "clients",
        }
    }
}

impl From<Site> for Place {
    fn from(site: Site) -> Self {
        match site {
            Site::A => Self::A,
            Site::B => Self::B,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|place| place.name() == text)
            .ok_or_else(|| format!("there is no place `{text}`: the places are a, b, console and clients"))
    }
}

/// One process (or, for PostgreSQL, one family of processes) of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The site's etcd.
    Etcd(Site),
    /// The site's receiver of the other site's WAL files.
    Share(Site),
    /// The node's Patroni.
    Patroni(Node),
    /// The node's PostgreSQL: started by Patroni, never by the lab.
    Postgres(Node),
    /// The site's HAProxy.
    Haproxy(Site),
    /// A member (Prosody) of the site.
    Member(Site, u8),
}

impl Service {
    /// Every service, in the order in which a site starts.
    pub fn all() -> Vec<Self> {
        Site::BOTH.into_iter().flat_map(Self::of_site).collect()
    }

    /// The services of one site, in the order in which they start.
    pub fn of_site(site: Site) -> Vec<Self> {
        let [one, two] = site.nodes();
        vec![
            Self::Etcd(site),
            Self::Share(site),
            Self::Patroni(one),
            Self::Patroni(two),
            Self::Postgres(one),
            Self::Postgres(two),
            Self::Haproxy(site),
            Self::Member(site, 1),
            Self::Member(site, 2),
        ]
    }

    /// The site it runs in.
    pub fn site(self) -> Site {
        match self {
            Self::Etcd(site) | Self::Share(site) | Self::Haproxy(site) | Self::Member(site, _) => site,
            Self::Patroni(node) | Self::Postgres(node) => node.site,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Etcd(site) => write!(f, "etcd-{site}"),
            Self::Share(site) => write!(f, "share-{site}"),
            Self::Patroni(node) => write!(f, "patroni-{node}"),
            Self::Postgres(node) => write!(f, "postgres-{node}"),
            Self::Haproxy(site) => write!(f, "haproxy-{site}"),
            Self::Member(site, number) => write!(f, "member-{site}{number}"),
        }
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().into_iter().find(|service| service.to_string() == text).ok_or_else(|| {
            let names: Vec<String> = Self::all().iter().map(ToString::to_string).collect();
            format!("there is no service `{text}`: the services are {}", names.join(", "))
        })
    }
}

/// What `kill`, `revive`, `freeze` and `thaw` work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Everything in a site.
    Site(Site),
    /// Patroni and PostgreSQL of one node.
    Node(Node),
    /// One service.
    Service(Service),
}

impl Target {
    /// The services meant.
    pub fn services(self) -> Vec<Service> {
        match self {
            Self::Site(site) => Service::of_site(site),
            Self::Node(node) => vec![Service::Patroni(node), Service::Postgres(node)],
            Self::Service(service) => vec![service],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(site) => write!(f, "site {site}"),
            Self::Node(node) => write!(f, "node {node}"),
            Self::Service(service) => write!(f, "{service}"),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(site) = Site::BOTH.into_iter().find(|site| site.letter() == text) {
            return Ok(Self::Site(site));
        }
        if let Ok(node) = text.parse() {
            return Ok(Self::Node(node));
        }
        text.parse()
            .map(Self::Service)
            .map_err(|why: String| format!("`{text}` is neither a site (a, b) nor a node (a1, a2, b1, b2); {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_the_lab_prints_is_a_name_that_it_understands() {
        for service in Service::all() {
            assert_eq!(service.to_string().parse(), Ok(service));
            assert_eq!(service.to_string().parse(), Ok(Target::Service(service)));
        }
        for node in Node::all() {
            assert_eq!(node.to_string().parse(), Ok(Target::Node(node)));
        }
        for site in Site::BOTH {
            assert_eq!(site.to_string().parse(), Ok(Target::Site(site)));
        }
        for place in Place::ALL {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let why = "etcd-c".parse::<Target>().expect_err("there is no site c");
        assert!(why.contains("etcd-a") && why.contains("a1, a2, b1, b2"), "{why}");
    }
}
