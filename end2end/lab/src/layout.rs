//! Where everything of one lab is: its folders, addresses, ports and names.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, LabError, Result};
use crate::places::{Node, Place, Service, Site};

/// Port of Patroni's REST API.
pub const PATRONI_PORT: u16 = 8008;
/// Port of PostgreSQL.
pub const POSTGRES_PORT: u16 = 5432;
/// Port of etcd's clients (and of its JSON gateway).
pub const ETCD_PORT: u16 = 2379;
/// Port of `HAProxy`'s runtime API.
pub const HAPROXY_API_PORT: u16 = 9999;
/// The site's write endpoint: closed while the other site has a primary.
pub const WRITE_PORT: u16 = 5000;
/// The endpoint that follows the primary in both sites, for members.
pub const POOL_PORT: u16 = 5001;
/// `HAProxy`'s page of figures, for a person with a browser.
pub const STATS_PORT: u16 = 7000;
/// XMPP, at `HAProxy` and at each member.
pub const XMPP_PORT: u16 = 5222;
/// A member's health over HTTP.
pub const HEALTH_PORT: u16 = 5280;
/// Port of the receiver of the other site's WAL files.
pub const SHARE_PORT: u16 = 7432;

/// What a person chooses about a lab.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Options {
    /// The folder that holds everything of this lab.
    pub dir: PathBuf,
    /// Tells labs on the same machine apart: 0 to 24.
    pub instance: u8,
    /// Patroni's REST API, PostgreSQL, etcd and `HAProxy`'s runtime API speak TLS, with certificates of the lab's own authority.
    pub tls: bool,
    /// Without namespaces, on loopback addresses, even as root.
    pub loopback: bool,
    /// The version of Patroni, where it is not the usual one; `./setup full` installs one.
    #[serde(default)]
    pub patroni: Option<String>,
    /// The lab's own program, for the services that are part of it; the running program when nothing. Tests are another program.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

impl Options {
    /// The usual lab in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), instance: 0, tls: true, loopback: !nix::unistd::geteuid().is_root(), patroni: None, program: None }
    }
}

/// Every path, address and name that follows from the options.
#[derive(Debug, Clone)]
pub struct Layout {
    /// What was chosen.
    pub options: Options,
}

impl Layout {
    /// Checks the options.
    pub fn new(options: Options) -> Result<Self> {
        if options.instance > 24 {
            return Err(LabError::Refused(format!("the instance must be 0 to 24, not {}", options.instance)));
        }
        if !options.loopback && !nix::unistd::geteuid().is_root() {
            return Err(LabError::Refused("this lab was made by root, and its networks can be touched by root only".to_owned()));
        }
        if !options.dir.is_absolute() {
            return Err(LabError::Refused(format!("the lab's folder must be an absolute path, not {}", options.dir.display())));
        }
        Ok(Self { options })
    }

    /// Reads back what `up` wrote, or nothing when there is no lab in `dir`.
    pub fn load(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("options.json");
        match std::fs::read(&path) {
            Ok(text) => Self::new(serde_json::from_slice(&text).doing(|| path.display().to_string())?).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(|| format!("reading {}", path.display())),
        }
    }

    /// Whether sites are networks of their own.
    pub fn has_networks(&self) -> bool {
        !self.options.loopback
    }

    /// The lab's folder.
    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// Folder of one site.
    pub fn site_dir(&self, site: Site) -> PathBuf {
        self.dir().join(site.letter())
    }

    /// Folder of one database node.
    pub fn node_dir(&self, node: Node) -> PathBuf {
        self.site_dir(node.site).join(node.to_string())
    }

    /// `PGDATA` of one node.
    pub fn data_dir(&self, node: Node) -> PathBuf {
        self.node_dir(node).join("data")
    }

    /// Patroni's configuration of one node.
    pub fn patroni_yml(&self, node: Node) -> PathBuf {
        self.node_dir(node).join("patroni.yml")
    }

    /// Where `site` keeps the WAL files that the other site's cluster ships: one folder per source cluster.
    pub fn share_dir(&self, site: Site) -> PathBuf {
        self.site_dir(site).join("share").join(site.peer().scope())
    }

    /// The configuration of the site's `HAProxy`.
    pub fn haproxy_cfg(&self, site: Site) -> PathBuf {
        self.site_dir(site).join("haproxy.cfg")
    }

    /// Where the site's `HAProxy` itself listens for commands. With TLS it stands in front of that, because it speaks none there.
    pub fn haproxy_socket(&self, site: Site) -> PathBuf {
        self.site_dir(site).join("haproxy.sock")
    }

    /// Where the states of the servers of the site's `HAProxy` outlive a restart.
    pub fn haproxy_state(&self, site: Site) -> PathBuf {
        self.site_dir(site).join("haproxy.state")
    }

    /// Folder of one member.
    pub fn member_dir(&self, site: Site, number: u8) -> PathBuf {
        self.site_dir(site).join(format!("member-{site}{number}"))
    }

    /// Scripts and the lab's own program, as the services use them.
    pub fn bin_dir(&self) -> PathBuf {
        self.dir().join("bin")
    }

    /// The lab's own program, as the services use it.
    pub fn program(&self) -> PathBuf {
        self.bin_dir().join("switchback-lab")
    }

    /// Folder of certificates and keys.
    pub fn tls_dir(&self) -> PathBuf {
        self.dir().join("tls")
    }

    /// What a service writes.
    pub fn log(&self, service: impl std::fmt::Display) -> PathBuf {
        self.dir().join("log").join(format!("{service}.log"))
    }

    /// The record of a running process.
    pub fn pid_file(&self, service: impl std::fmt::Display) -> PathBuf {
        self.dir().join("run").join(format!("{service}.pid"))
    }

    /// The prefix of this lab's namespaces and interfaces.
    pub fn prefix(&self) -> String {
        match self.options.instance {
            0 => "swlab".to_owned(),
            n => format!("swlab{n}"),
        }
    }

    /// The network namespace of a place; the console's is the machine's own, and so is everything's without networks.
    pub fn namespace(&self, place: Place) -> Option<String> {
        (self.has_networks() && place != Place::Console).then(|| format!("{}-{place}", self.prefix()))
    }

    /// The namespace of the router between the places.
    pub fn wan(&self) -> String {
        format!("{}-wan", self.prefix())
    }

    /// The user that runs the site's services, when the lab may choose one.
    pub fn user(&self, site: Site) -> Option<String> {
        nix::unistd::geteuid().is_root().then(|| format!("swlab-{site}"))
    }

    fn third_octet(&self, place: Place) -> u8 {
        let offset = match place {
            Place::A => 1,
            Place::B => 2,
            Place::Console => 3,
            Place::Clients => 4,
        };
        self.options.instance * 10 + offset
    }

    /// The network of a place, as `a.b.c.0/24`.
    pub fn network(&self, place: Place) -> String {
        format!("{}/24", self.address(place, 0))
    }

    /// The host `last` in the network of a place.
    pub fn address(&self, place: Place, last: u8) -> Ipv4Addr {
        if self.has_networks() {
            Ipv4Addr::new(198, 18, self.third_octet(place), last)
        } else {
            Ipv4Addr::new(127, 0, self.third_octet(place), last)
        }
    }

    /// The address at which the site's etcd listens.
    pub fn etcd(&self, site: Site) -> Ipv4Addr {
        self.address(site.into(), 5)
    }

    /// The address of a node.
    pub fn node(&self, node: Node) -> Ipv4Addr {
        self.address(node.site.into(), 10 + node.number)
    }

    /// The address of the site's `HAProxy`.
    pub fn haproxy(&self, site: Site) -> Ipv4Addr {
        self.address(site.into(), 20)
    }

    /// The address of a member.
    pub fn member(&self, site: Site, number: u8) -> Ipv4Addr {
        self.address(site.into(), 30 + number)
    }

    /// The address of the site's share for the other site's WAL files.
    pub fn share(&self, site: Site) -> Ipv4Addr {
        self.address(site.into(), 40)
    }

    /// The address of the bare PostgreSQL server that measurements start in the site.
    pub fn bare(&self, site: Site) -> Ipv4Addr {
        self.address(site.into(), 50)
    }

    /// Every address that a site needs.
    pub fn site_addresses(&self, site: Site) -> Vec<Ipv4Addr> {
        [1, 5, 11, 12, 20, 31, 32, 40, 50].into_iter().map(|last| self.address(site.into(), last)).collect()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.options.tls { "https" } else { "http" }
    }

    /// The address of a node's Patroni REST API.
    pub fn patroni_url(&self, node: Node) -> String {
        format!("{}://{}:{PATRONI_PORT}", self.scheme(), self.node(node))
    }

    /// The address of the site's etcd.
    pub fn etcd_url(&self, site: Site) -> String {
        format!("{}://{}:{ETCD_PORT}", self.scheme(), self.etcd(site))
    }

    /// The address of a member's health.
    pub fn health_url(&self, site: Site, number: u8) -> String {
        format!("http://{}:{HEALTH_PORT}/health", self.member(site, number))
    }

    /// The place a service is in.
    pub fn place_of(service: Service) -> Place {
        service.site().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(instance: u8, loopback: bool) -> Layout {
        Layout { options: Options { dir: "/tmp/x".into(), instance, tls: false, loopback, patroni: None, program: None } }
    }

    #[test]
    fn two_labs_on_one_machine_share_no_address_and_no_name() {
        let (one, two) = (layout(0, false), layout(1, false));
        for place in Place::ALL {
            assert_ne!(one.network(place), two.network(place));
        }
        assert_ne!(one.wan(), two.wan());
        assert_ne!(one.namespace(Place::A), two.namespace(Place::A));
    }

    #[test]
    fn every_address_stays_in_the_benchmark_range_or_on_loopback() {
        for instance in 0..=24 {
            for site in Site::BOTH {
                for address in layout(instance, false).site_addresses(site) {
                    assert_eq!(address.octets()[..2], [198, 18], "{address}");
                }
                for address in layout(instance, true).site_addresses(site) {
                    assert!(address.is_loopback(), "{address}");
                }
            }
        }
    }

    #[test]
    fn without_networks_nothing_runs_in_a_namespace() {
        assert!(Place::ALL.iter().all(|place| layout(0, true).namespace(*place).is_none()));
        assert_eq!(layout(0, false).namespace(Place::Console), None);
    }

    #[test]
    fn each_source_cluster_has_a_share_of_its_own() {
        let layout = layout(0, false);
        assert!(layout.share_dir(Site::B).ends_with("b/share/pool-a"));
        assert!(layout.share_dir(Site::A).ends_with("a/share/pool-b"));
    }
}
