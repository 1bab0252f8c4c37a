//! etcd: one per site, because a site must be able to live alone.

use crate::layout::{ETCD_PORT, Layout};
use crate::places::Site;

/// The command line of the site's etcd.
pub(crate) fn arguments(layout: &Layout, site: Site) -> Vec<String> {
    let (address, scheme) = (layout.etcd(site), layout.scheme());
    let (name, peer) = (format!("etcd-{site}"), format!("http://{address}:2380"));
    let client = format!("{scheme}://{address}:{ETCD_PORT}");
    let mut arguments: Vec<(&str, String)> = vec![
        ("--name", name.clone()),
        ("--data-dir", layout.site_dir(site).join("etcd").display().to_string()),
        ("--listen-client-urls", client.clone()),
        ("--advertise-client-urls", client),
        ("--listen-peer-urls", peer.clone()),
        ("--initial-advertise-peer-urls", peer.clone()),
        ("--initial-cluster", format!("{name}={peer}")),
        ("--log-level", "warn".to_owned()),
        ("--logger", "zap".to_owned()),
    ];
    if layout.options.tls {
        let tls = layout.tls_dir();
        let file = |name: &str| tls.join(name).display().to_string();
        arguments.push(("--cert-file", file(&format!("site-{site}.crt"))));
        arguments.push(("--key-file", file(&format!("site-{site}.key"))));
        arguments.push(("--trusted-ca-file", file("ca.crt")));
        arguments.push(("--client-cert-auth", "true".to_owned()));
    }
    arguments.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}
