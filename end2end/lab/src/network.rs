//! The lab's networks: one namespace per place, a router between them, and rules in the router that cut links.
//!
//! ```text
//!   swlab-a  198.18.1.0/24 ──┐            ┌── 198.18.3.0/24  the machine itself (console)
//!                            ├─ swlab-wan ┤
//!   swlab-b  198.18.2.0/24 ──┘            └── 198.18.4.0/24  swlab-clients
//! ```
//!
//! Rules work on networks, not on interfaces: a slow link sends its packets through a device of its own, and a cut must hold there too.

use std::future::Future;
use std::path::Path;

use crate::command::{run, run_with_input};
use crate::error::{Doing, LabError, Result};
use crate::layout::{Layout, POSTGRES_PORT};
use crate::places::{Place, Site};

/// Last number of the router's address in every network.
const ROUTER: u8 = 254;
/// Last number of the address of a place that is not a site.
const GUEST: u8 = 10;

/// Makes namespaces, links, addresses and routes.
pub(crate) fn create(layout: &Layout) -> Result<()> {
    if !layout.has_networks() {
        return Ok(());
    }
    let wan = layout.wan();
    run("ip", &["netns", "add", &wan])?;
    run("ip", &["-n", &wan, "link", "set", "lo", "up"])?;
    for place in Place::ALL {
        connect(layout, place)?;
    }
    in_namespace(&wan, "sysctl", &["-qw", "net.ipv4.ip_forward=1"])?;
    // What is not one of our networks ends at the router, and on the machine itself nothing of this range ever leaves it.
    run("ip", &["-n", &wan, "route", "replace", "unreachable", "default"])?;
    run("ip", &["route", "replace", "unreachable", "198.18.0.0/15", "metric", "4278198272"])?;
    run_with_input("ip", &["netns", "exec", &wan, "nft", "-f", "-"], &rules(layout))?;
    Ok(())
}

/// Connects one place to the router.
fn connect(layout: &Layout, place: Place) -> Result<()> {
    let wan = layout.wan();
    let inner = if place == Place::Console { layout.prefix() } else { "eth0".to_owned() };
    let outer = format!("to-{place}");
    let router = layout.address(place, ROUTER).to_string();
    // Both ends are born where they belong, so that the machine never has two devices of one name.
    let mut link = vec!["-n", &wan, "link", "add", &outer, "type", "veth", "peer", "name", &inner];
    let namespace = layout.namespace(place);
    let own = std::process::id().to_string();
    match &namespace {
        Some(namespace) => {
            run("ip", &["netns", "add", namespace])?;
            link.extend(["netns", namespace]);
        }
        // The network that this very process is in.
        None => link.extend(["netns", &own]),
    }
    run("ip", &link)?;
    run("ip", &["-n", &wan, "addr", "add", &format!("{router}/24"), "dev", &outer])?;
    run("ip", &["-n", &wan, "link", "set", &outer, "up"])?;

    let addresses = match place {
        Place::A => layout.site_addresses(Site::A),
        Place::B => layout.site_addresses(Site::B),
        Place::Console | Place::Clients => vec![layout.address(place, GUEST)],
    };
    let mut batch: Vec<String> = addresses.into_iter().map(|address| format!("addr add {address}/24 dev {inner}")).collect();
    batch.push(format!("link set {inner} up"));
    if let Some(namespace) = &namespace {
        batch.push("link set lo up".to_owned());
        batch.push(format!("route add default via {router}"));
        run_with_input("ip", &["-n", namespace, "-batch", "-"], &batch.join("\n"))?;
        // A silently dropped connection attempt must fail within seconds: PostgreSQL's walreceiver has no time-out of its own
        // there, and while it waits the standby does not look into the archive.
        in_namespace(namespace, "sysctl", &["-qw", "net.ipv4.tcp_syn_retries=1"])?;
        acknowledge_at_once(namespace, &inner)?;
    } else {
        let others = Place::ALL.into_iter().filter(|other| *other != place);
        batch.extend(others.map(|other| format!("route add {} via {router}", layout.network(other))));
        run_with_input("ip", &["-batch", "-"], &batch.join("\n"))?;
    }
    Ok(())
}

/// Patroni's client for etcd sends each request in two packets without `TCP_NODELAY` (4.1.5, `dcs/etcd3.py`, `set_socket_options`), so that
/// the second one waits for the first one to be acknowledged: 44 ms for each request, three or more of them before a promotion. Where etcd
/// runs, the routes to its clients can ask for immediate acknowledgements instead; the README tells people to do the same.
fn acknowledge_at_once(namespace: &str, device: &str) -> Result<()> {
    let routes = run("ip", &["-n", namespace, "-o", "route", "show", "table", "local", "type", "local", "dev", device])?;
    let each = routes.lines().map(|route| format!("route change {} dev {device} table local quickack 1", route.trim()));
    run_with_input("ip", &["-n", namespace, "-batch", "-"], &each.collect::<Vec<_>>().join("\n"))?;
    Ok(())
}

/// The router's rules with no link cut.
fn rules(layout: &Layout) -> String {
    let proxies: Vec<String> = Site::BOTH.iter().map(|site| layout.haproxy(*site).to_string()).collect();
    let proxies = proxies.join(", ");
    format!(
        "table ip lab {{
           # Pairs of networks between which every packet is dropped, without a word to either side.
           set cuts {{ type ipv4_addr . ipv4_addr; flags interval; }}
           # Pairs of networks between which every TCP packet is answered with a reset, as firewalls and dead load balancers do.
           set resets {{ type ipv4_addr . ipv4_addr; flags interval; }}
           # Pairs of networks between which only replication is dropped.
           set stalls {{ type ipv4_addr . ipv4_addr; flags interval; }}
           chain forward {{
             type filter hook forward priority 0; policy accept;
             ip saddr . ip daddr @cuts drop
             ip saddr . ip daddr @resets meta l4proto tcp reject with tcp reset
             # Members reach the primary through HAProxy, which is not replication.
             ip saddr {{ {proxies} }} accept
             ip daddr {{ {proxies} }} accept
             ip saddr . ip daddr @stalls tcp dport {POSTGRES_PORT} drop
             ip saddr . ip daddr @stalls tcp sport {POSTGRES_PORT} drop
           }}
         }}"
    )
}

/// A set of the router's rules.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Every packet.
    Cut,
    /// Every TCP packet, with a reset as the answer.
    Reset,
    /// Replication only.
    Stall,
}

impl Rule {
    fn set(self) -> &'static str {
        match self {
            Self::Cut => "cuts",
            Self::Reset => "resets",
            Self::Stall => "stalls",
        }
    }
}

/// Both directions between two places, as elements of a set.
fn pair(layout: &Layout, x: Place, y: Place) -> String {
    let (x, y) = (layout.network(x), layout.network(y));
    format!("{x} . {y}, {y} . {x}")
}

/// Adds the pair to a set of rules. Asking twice changes nothing.
pub(crate) fn forbid(layout: &Layout, rule: Rule, x: Place, y: Place) -> Result<()> {
    check(layout, x, y)?;
    if forbidden(layout, rule)?.contains(&ordered(x, y)) {
        return Ok(());
    }
    nft(layout, &format!("add element ip lab {} {{ {} }}", rule.set(), pair(layout, x, y)))
}

/// Removes the pair from a set of rules. Asking twice changes nothing.
pub(crate) fn allow(layout: &Layout, rule: Rule, x: Place, y: Place) -> Result<()> {
    check(layout, x, y)?;
    if !forbidden(layout, rule)?.contains(&ordered(x, y)) {
        return Ok(());
    }
    nft(layout, &format!("delete element ip lab {} {{ {} }}", rule.set(), pair(layout, x, y)))
}

/// The pairs that are in a set of rules, each once.
pub(crate) fn forbidden(layout: &Layout, rule: Rule) -> Result<Vec<(Place, Place)>> {
    if !layout.has_networks() {
        return Ok(Vec::new());
    }
    let text = run("ip", &["netns", "exec", &layout.wan(), "nft", "list", "set", "ip", "lab", rule.set()])?;
    let mut found = Vec::new();
    for (index, x) in Place::ALL.into_iter().enumerate() {
        for y in Place::ALL.into_iter().skip(index + 1) {
            if text.contains(&format!("{} . {}", layout.network(x), layout.network(y))) {
                found.push((x, y));
            }
        }
    }
    Ok(found)
}

fn ordered(x: Place, y: Place) -> (Place, Place) {
    if x < y { (x, y) } else { (y, x) }
}

fn check(layout: &Layout, x: Place, y: Place) -> Result<()> {
    if !layout.has_networks() {
        return Err(LabError::Refused("a link can be cut only when the lab has networks of its own: run it as root".to_owned()));
    }
    if x == y {
        return Err(LabError::Refused(format!("{x} has no link to itself")));
    }
    Ok(())
}

fn nft(layout: &Layout, script: &str) -> Result<()> {
    run_with_input("ip", &["netns", "exec", &layout.wan(), "nft", "-f", "-"], script).map(drop)
}

/// Runs a helper program in a namespace.
pub(crate) fn in_namespace(namespace: &str, program: &str, args: &[&str]) -> Result<String> {
    let mut all = vec!["netns", "exec", namespace, program];
    all.extend(args);
    run("ip", &all)
}

/// All namespaces that this lab may have.
pub(crate) fn namespaces(layout: &Layout) -> Vec<String> {
    if !layout.has_networks() {
        return Vec::new();
    }
    let places = Place::ALL.into_iter().filter_map(|place| layout.namespace(place));
    places.chain([layout.wan()]).filter(|name| Path::new("/run/netns").join(name).exists()).collect()
}

/// The processes in a namespace of the lab.
pub(crate) fn pids(namespace: &str) -> Vec<i32> {
    run("ip", &["netns", "pids", namespace]).unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Removes namespaces, links and routes. Whatever is not there is no error.
pub(crate) fn destroy(layout: &Layout) -> Result<()> {
    for namespace in namespaces(layout) {
        run("ip", &["netns", "del", &namespace])?;
    }
    // The machine's end of the console's link goes with the router, unless somebody still held that namespace open.
    if layout.has_networks() && Path::new("/sys/class/net").join(layout.prefix()).exists() {
        let _ = run("ip", &["link", "del", &layout.prefix()]);
    }
    let others = std::fs::read_dir("/run/netns")
        .map(|entries| entries.filter_map(std::result::Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("swlab")));
    if layout.has_networks() && !others.unwrap_or(false) {
        let _ = run("ip", &["route", "del", "unreachable", "198.18.0.0/15", "metric", "4278198272"]);
    }
    Ok(())
}

/// Runs a future as if its program were started in `place`: on a thread of its own that has moved into that network.
pub(crate) fn within<T, F, Fut>(layout: &Layout, place: Place, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = T>,
{
    let namespace = layout.namespace(place);
    let thread = std::thread::spawn(move || -> Result<T> {
        if let Some(namespace) = namespace {
            let path = Path::new("/run/netns").join(&namespace);
            let file = std::fs::File::open(&path).doing(|| format!("opening the network {namespace}"))?;
            nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET).doing(|| format!("entering the network {namespace}"))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing(|| "making a runtime".to_owned())?;
        Ok(runtime.block_on(work()))
    });
    thread.join().map_err(|_| LabError::Refused(format!("what ran in {place} panicked")))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Options;

    #[test]
    fn a_cut_covers_both_directions_and_replication_of_members_is_left_alone() {
        let layout =
            Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls: false, loopback: false, patroni: None, program: None } };
        assert_eq!(pair(&layout, Place::A, Place::B), "198.18.1.0/24 . 198.18.2.0/24, 198.18.2.0/24 . 198.18.1.0/24");
        let rules = rules(&layout);
        let resets = "ip saddr . ip daddr @resets meta l4proto tcp reject with tcp reset";
        let proxies = rules.find("ip saddr { 198.18.1.20, 198.18.2.20 } accept").expect("the proxies' rule");
        assert!(rules.find("@cuts drop").expect("the cut") < proxies, "a cut holds for proxies too");
        assert!(rules.find(resets).expect("the resets") < proxies, "and so do resets");
        assert!(proxies < rules.find("@stalls").expect("the stall"), "a stall does not");
    }

    #[test]
    fn without_networks_a_cut_is_refused_in_one_sentence() {
        let layout =
            Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls: false, loopback: true, patroni: None, program: None } };
        let why = forbid(&layout, Rule::Cut, Place::A, Place::B).expect_err("there is nothing to cut").to_string();
        assert!(why.contains("run it as root"), "{why}");
    }
}
