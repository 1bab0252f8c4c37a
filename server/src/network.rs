//! Whose address a request comes from: the client's, or that of a proxy that says whose request it passes on.

use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// What counts as one address: of IPv6 the first 64 bits, because everybody has as many of the rest as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V6(address) => Network(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            address @ IpAddr::V4(_) => Network(address),
        }
    }
}

/// Whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedProxies {
    /// Proxies in these networks; nobody's when there is none.
    Listed(Vec<IpNet>),
    /// Whoever connects, for one step (`behind_proxy = true` of older configurations).
    WhoeverConnects,
}

impl TrustedProxies {
    /// Nobody's.
    pub fn none() -> TrustedProxies {
        TrustedProxies::Listed(Vec::new())
    }

    /// Those in these networks.
    pub fn listed(networks: impl IntoIterator<Item = IpNet>) -> TrustedProxies {
        TrustedProxies::Listed(networks.into_iter().collect())
    }

    /// Many people may come from this address, because it may be a proxy's.
    pub(crate) fn may_be_proxy(&self, address: IpAddr) -> bool {
        match self {
            TrustedProxies::Listed(networks) => networks.iter().any(|network| network.contains(&address.to_canonical())),
            TrustedProxies::WhoeverConnects => true,
        }
    }

    /// Whose request this is. `X-Forwarded-For` is read from its end, where the proxy next to us has written: each address is believed as
    /// long as the one after it is a trusted proxy's. What is no address ends the search: everything before it may be made up.
    pub(crate) fn client(&self, headers: &HeaderMap, connected: IpAddr) -> IpAddr {
        let mut client = connected.to_canonical();
        let all: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim).collect();
        for (steps, told) in all.into_iter().rev().enumerate() {
            let believed = match self {
                TrustedProxies::Listed(_) => self.may_be_proxy(client),
                TrustedProxies::WhoeverConnects => steps == 0,
            };
            let Some(address) = address(told).filter(|_| believed) else { break };
            client = address;
        }
        client
    }
}

/// An address as proxies write it: some add the port, and put IPv6 into brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn client(proxies: &TrustedProxies, connected: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).expect("a header"));
        }
        proxies.client(&headers, connected.parse().expect("an address")).to_string()
    }

    fn listed(networks: &[&str]) -> TrustedProxies {
        TrustedProxies::listed(networks.iter().map(|network| network.parse().expect("a network")))
    }

    #[test]
    fn a_forwarded_address_is_believed_hop_by_hop_from_the_right() {
        let proxies = listed(&["10.0.0.0/8", "2001:db8:1::/64"]);
        let told = |connected, forwarded: &[&str]| client(&proxies, connected, forwarded);
        assert_eq!(told("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(told("10.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9", "what the client wrote itself does not count");
        assert_eq!(told("10.0.0.1", &["1.2.3.4, 203.0.113.9, 10.0.0.2"]), "203.0.113.9", "through two proxies of ours");
        assert_eq!(told("10.0.0.1", &["1.2.3.4", "203.0.113.9,10.0.0.2"]), "203.0.113.9", "several headers are one list");
        assert_eq!(told("203.0.113.7", &["10.0.0.1"]), "203.0.113.7", "from elsewhere nothing is believed");
        assert_eq!(told("10.0.0.1", &["203.0.113.9, nonsense"]), "10.0.0.1", "before what is no address everything may be made up");
        assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(told("2001:db8:1::7", &["[2001:db8:2::1]:443"]), "2001:db8:2::1");
        assert_eq!(told("::ffff:10.0.0.1", &["203.0.113.9:50000"]), "203.0.113.9");
    }

    #[test]
    fn without_a_list_nothing_or_one_step_is_believed() {
        assert_eq!(client(&TrustedProxies::none(), "127.0.0.1", &["203.0.113.9"]), "127.0.0.1");
        assert_eq!(client(&TrustedProxies::WhoeverConnects, "127.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn the_whole_ipv6_network_of_somebody_counts_as_one() {
        let network = |text: &str| Network::of(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    proptest! {
        /// Whatever a client writes, the address that counts is the one that the outermost proxy of ours saw.
        #[test]
        fn nobody_makes_up_an_address(made_up in "[ -~]{0,60}", octet in 1u8..255, through in 0usize..3) {
            let proxies = listed(&["10.0.0.0/8"]);
            let real = format!("203.0.113.{octet}");
            let mut list = format!("{made_up}, {real}");
            for proxy in 0..through { list = format!("{list}, 10.0.0.{}", 2 + proxy); }
            prop_assert_eq!(client(&proxies, "10.0.0.1", &[&list]), real);
        }
    }
}
