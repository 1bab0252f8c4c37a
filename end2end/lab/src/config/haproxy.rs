//! `HAProxy`: one per site, for the database's clients, for members and for chat users.

use std::fmt::Write;

use crate::layout::{HAPROXY_API_PORT, HEALTH_PORT, Layout, PATRONI_PORT, POOL_PORT, POSTGRES_PORT, STATS_PORT, WRITE_PORT, XMPP_PORT};
use crate::places::Site;

/// The configuration file of the site's `HAProxy`.
pub(crate) fn file(layout: &Layout, site: Site) -> String {
    let (own, peer) = (site, site.peer());
    let address = layout.haproxy(site);
    // Where `source` matters: what a stalled replication drops does not come from here.
    let check = if layout.options.tls {
        format!(
            "check port {PATRONI_PORT} check-ssl ca-file {} verify required source {address}",
            layout.tls_dir().join("ca.crt").display()
        )
    } else {
        format!("check port {PATRONI_PORT} source {address}")
    };
    // `stats socket … ssl` is taken without a word, and speaks no TLS all the same (HAProxy 2.6.12). So it stands in front of itself.
    let (socket, runtime_api) = if layout.options.tls {
        let (certificate, authority) = (layout.tls_dir().join(format!("site-{own}.pem")), layout.tls_dir().join("ca.crt"));
        let socket = layout.haproxy_socket(site).display().to_string();
        let listen = format!(
            "\n# The runtime API for the console: it has no password, so that only a certificate of our authority opens it.\n\
             listen runtime_api\n  bind {address}:{HAPROXY_API_PORT} ssl crt {} ca-file {} verify required\n  server own unix@{socket}\n",
            certificate.display(),
            authority.display()
        );
        (format!("{socket} mode 600"), listen)
    } else {
        (format!("ipv4@{address}:{HAPROXY_API_PORT}"), String::new())
    };
    let database = |of: Site| {
        of.nodes().iter().fold(String::new(), |mut text, node| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  server {node} {}:{POSTGRES_PORT} {check}", layout.node(*node));
            text
        })
    };
    let follow = |of: Site, checked_in: &str| {
        of.nodes().iter().fold(String::new(), |mut text, node| {
            let _ = writeln!(text, "  server {node} {}:{POSTGRES_PORT} track {checked_in}/{node} source {address}", layout.node(*node));
            text
        })
    };
    let members = [1, 2].iter().fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "  server member-{own}{number} {}:{XMPP_PORT} check port {HEALTH_PORT}", layout.member(own, *number));
        text
    });
    format!(
        "global
  maxconn 2000
  nbthread 1
  # No authentication here: it must be reachable from the management network only.
  stats socket {socket} level admin
  stats timeout 1m
  # What was set through that port survives a restart.
  server-state-file {state}

defaults
  mode tcp
  load-server-state-from-file global
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  timeout check 1s
  option redispatch
  retries 2
  default-server inter 500ms fastinter 200ms downinter 300ms fall 2 rise 1 on-marked-down shutdown-sessions

# The write endpoint of this site. It stays shut while the other site has a primary, so that a returning site that believes
# itself to be active gets no writes this way.
listen pg_write
  bind {address}:{WRITE_PORT}
  tcp-request connection reject if {{ nbsrv(peer_pg) gt 0 }}
  option httpchk OPTIONS /primary
  http-check expect status 200
{own_checked}
# Who is primary in the other site; takes no traffic itself.
backend peer_pg
  option httpchk OPTIONS /primary
  http-check expect status 200
{peer_checked}
# Follows the primary wherever it is, for members. With a primary in each site it takes nobody: neither is right by itself.
listen pg_pool
  bind {address}:{POOL_PORT}
  tcp-request connection reject if {{ nbsrv(pg_write) gt 0 }} {{ nbsrv(peer_pg) gt 0 }}
  timeout client 24h
  timeout server 24h
{own_followed}{peer_followed}
# Chat users. In the standby site the members are drained: checked, but without traffic.
listen members
  bind {address}:{XMPP_PORT}
  balance leastconn
  option httpchk GET /health
  http-check expect status 200
{members}
listen stats
  mode http
  bind {address}:{STATS_PORT}
  timeout client 30s
  stats enable
  stats uri /
{runtime_api}",
        state = layout.haproxy_state(site).display(),
        own_checked = database(own),
        peer_checked = database(peer),
        own_followed = follow(own, "pg_write"),
        peer_followed = follow(peer, "peer_pg"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Options;

    #[test]
    fn the_write_endpoint_has_only_own_nodes_and_the_members_endpoint_all_four() {
        let layout =
            Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls: false, loopback: false, patroni: None, program: None } };
        let text = file(&layout, Site::B);
        let section = |name: &str| text.split("\n\n").find(|part| part.contains(name)).expect("the section").to_owned();
        let write = section("listen pg_write");
        assert!(write.contains("server b1 198.18.2.11") && write.contains("server b2") && !write.contains("server a"), "{write}");
        assert!(write.contains("reject if { nbsrv(peer_pg) gt 0 }"));
        let pool = section("listen pg_pool");
        for node in ["a1", "a2", "b1", "b2"] {
            assert!(pool.contains(&format!("server {node} ")), "{pool}");
        }
        assert_eq!(section("listen members").matches("server member-b").count(), 2);
    }

    #[test]
    fn without_a_certificate_of_ours_nobody_speaks_to_the_runtime_api() {
        let text = |tls| {
            let layout =
                Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls, loopback: false, patroni: None, program: None } };
            file(&layout, Site::A)
        };
        let encrypted = text(true);
        assert!(encrypted.contains("stats socket /tmp/x/a/haproxy.sock mode 600 level admin"), "{encrypted}");
        assert!(encrypted.contains("bind 198.18.1.20:9999 ssl crt /tmp/x/tls/site-a.pem ca-file /tmp/x/tls/ca.crt verify required"));
        assert!(text(false).contains("stats socket ipv4@198.18.1.20:9999 level admin") && !text(false).contains("ssl"));
    }
}
