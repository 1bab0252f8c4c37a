//! Patroni: two per site, both sites alike. Which of the two clusters is the standby is in the dynamic configuration only.

use serde_json::{Value, json};

use crate::layout::{Layout, PATRONI_PORT, POSTGRES_PORT};
use crate::places::{Node, Site};
use crate::secrets::Secrets;

/// The section that makes a cluster follow the other site. Word for word the same in both directions but for hosts and slot: the
/// scripts named in it are found in each node's own folder.
pub(crate) fn standby_section(layout: &Layout, site: Site) -> Value {
    let hosts: Vec<String> = site.peer().nodes().iter().map(|node| layout.node(*node).to_string()).collect();
    json!({
        "host": hosts.join(","),
        "port": POSTGRES_PORT,
        "primary_slot_name": site.slot(),
        "create_replica_methods": ["basebackup"],
        // Here and not in the nodes' own configuration: a mirror in the active site must never read the other site's WAL files,
        // which may belong to a history that was given up.
        "restore_command": "../restore-wal.sh %f %p",
        "archive_cleanup_command": "../clean-wal.sh %r",
    })
}

/// PostgreSQL's own settings, the same on every node.
pub(crate) fn parameters() -> Value {
    json!({
        "wal_level": "replica",
        "hot_standby": "on",
        "wal_log_hints": "on",
        "max_connections": 100,
        "max_wal_senders": 10,
        "max_replication_slots": 10,
        "wal_keep_size": "64MB",
        "max_slot_wal_keep_size": "2GB",
        "min_wal_size": "32MB",
        "max_wal_size": "512MB",
        "shared_buffers": "64MB",
        "wal_receiver_status_interval": "1s",
        "wal_retrieve_retry_interval": "1s",
        // Short, so that a link that goes silent is given up and log shipping takes over within seconds.
        "wal_receiver_timeout": "6s",
        "wal_sender_timeout": "6s",
        "tcp_user_timeout": "6s",
        "archive_mode": "on",
        "archive_command": "../ship-wal.sh %p %f",
        "archive_timeout": "5s",
        "log_replication_commands": "on",
    })
}

/// The dynamic configuration with which a cluster is born.
pub(crate) fn dynamic(layout: &Layout, site: Site, standby: bool) -> Value {
    let peers: Vec<String> = site.peer().nodes().iter().map(|peer| layout.patroni_url(*peer)).collect();
    let authority = if layout.options.tls { format!("--cacert {} ", layout.tls_dir().join("ca.crt").display()) } else { String::new() };
    let guard = format!("{} {authority}{}", layout.bin_dir().join("pre-promote-guard.sh").display(), peers.join(" "));
    let mut config = json!({
        // The shortest that Patroni accepts for ttl; measured, nothing gets unstable on a busy machine with two cores.
        "ttl": 20,
        "loop_wait": 2,
        "retry_timeout": 8,
        // The default of 1 MB has blocked elections after a crash, because the last position in etcd belonged to a dead timeline.
        "maximum_lag_on_failover": 1_073_741_824,
        "synchronous_mode": true,
        "check_timeline": true,
        // Exists on the active site only, so that a standby site does not hold WAL for nobody.
        "slots": { site.peer().slot(): { "type": "physical", "cluster_type": "primary" } },
        "postgresql": {
            "use_pg_rewind": true,
            "use_slots": true,
            // Here and not in each node's own file, because only here can a console see that the guard is there.
            "pre_promote": guard,
            "parameters": parameters(),
        },
    });
    if standby && let Some(config) = config.as_object_mut() {
        config.insert("standby_cluster".to_owned(), standby_section(layout, site));
    }
    config
}

/// The configuration file of one node. It is JSON, which is YAML.
pub(crate) fn file(layout: &Layout, secrets: &Secrets, node: Node, standby: bool) -> String {
    let site = node.site;
    let address = layout.node(node);
    let tls = layout.tls_dir();
    let tls_file = |name: &str| tls.join(name).display().to_string();
    let mut config = json!({
        "scope": site.scope(),
        "namespace": "/service/",
        "name": node.to_string(),
        "log": { "level": "INFO", "format": "%(asctime)s %(levelname)s: %(message)s" },
        "restapi": {
            "listen": format!("{address}:{PATRONI_PORT}"),
            "connect_address": format!("{address}:{PATRONI_PORT}"),
            "authentication": { "username": "switchback", "password": secrets.rest },
        },
        "etcd3": { "hosts": [format!("{}:{}", layout.etcd(site), crate::layout::ETCD_PORT)] },
        "bootstrap": {
            "dcs": dynamic(layout, site, standby),
            // Segments of 1 MB: the archive gets one every five seconds, and a lab runs for hours.
            "initdb": [{ "encoding": "UTF8" }, { "locale": "C.UTF-8" }, "data-checksums", "no-sync", { "wal-segsize": "1" },
                       { "auth-local": "trust" }, { "auth-host": "scram-sha-256" }],
        },
        "postgresql": {
            "listen": format!("{address}:{POSTGRES_PORT}"),
            "connect_address": format!("{address}:{POSTGRES_PORT}"),
            "data_dir": layout.data_dir(node),
            "bin_dir": "/usr/lib/postgresql/15/bin",
            "pgpass": layout.node_dir(node).join("pgpass"),
            "basebackup": [{ "checkpoint": "fast" }, "no-sync"],
            "authentication": {
                "superuser": { "username": "postgres", "password": secrets.superuser },
                "replication": { "username": "replicator", "password": secrets.replication },
                "rewind": { "username": "rewinder", "password": secrets.rewind },
            },
            "parameters": {
                "unix_socket_directories": layout.node_dir(node),
                "logging_collector": "off",
                "log_line_prefix": "%m [%p] %q%a ",
            },
            "pg_hba": hba(layout),
        },
    });
    if layout.options.tls {
        let (certificate, key, authority) =
            (tls_file(&format!("site-{site}.crt")), tls_file(&format!("site-{site}.key")), tls_file("ca.crt"));
        config["restapi"]["certfile"] = json!(certificate);
        config["restapi"]["keyfile"] = json!(key);
        config["restapi"]["cafile"] = json!(authority);
        // Reading stays open to health checks; whatever changes something needs a certificate of our authority.
        config["restapi"]["verify_client"] = json!("optional");
        config["ctl"] = json!({ "cacert": authority, "certfile": certificate, "keyfile": key });
        config["etcd3"]["protocol"] = json!("https");
        config["etcd3"]["cacert"] = json!(authority);
        config["etcd3"]["cert"] = json!(certificate);
        config["etcd3"]["key"] = json!(key);
        let parameters = &mut config["postgresql"]["parameters"];
        parameters["ssl"] = json!("on");
        parameters["ssl_cert_file"] = json!(certificate);
        parameters["ssl_key_file"] = json!(key);
        parameters["ssl_ca_file"] = json!(authority);
        for role in ["superuser", "replication", "rewind"] {
            config["postgresql"]["authentication"][role]["sslmode"] = json!("verify-ca");
            config["postgresql"]["authentication"][role]["sslrootcert"] = json!(authority);
        }
    }
    // A map of strings and numbers always has a text.
    serde_json::to_string_pretty(&config).unwrap_or_default()
}

/// Who may connect from where.
fn hba(layout: &Layout) -> Vec<String> {
    let kind = if layout.options.tls { "hostssl" } else { "host" };
    let network = if layout.has_networks() { "198.18.0.0/15" } else { "127.0.0.0/8" };
    let mut rules = vec!["local all all trust".to_owned()];
    if layout.options.tls {
        // The console proves itself twice: by a certificate of our authority and by its password.
        rules.push(format!("hostssl switchback switchback {network} scram-sha-256 clientcert=verify-ca"));
    }
    rules.push(format!("{kind} replication replicator {network} scram-sha-256"));
    rules.push(format!("{kind} all all {network} scram-sha-256"));
    rules
}

/// The small scripts in a node's folder, by name. PostgreSQL runs them with the data folder as the current one.
pub(crate) fn scripts(layout: &Layout, node: Node) -> Vec<(&'static str, String)> {
    let program = layout.program().display().to_string();
    let target = format!("{}:{}", layout.share(node.site.peer()), crate::layout::SHARE_PORT);
    let share = layout.share_dir(node.site).display().to_string();
    vec![
        (
            "ship-wal.sh",
            format!(
                "#!/bin/sh\n# archive_command: ship-wal.sh %p %f. Sends one WAL file to the share in the other site, over the network between them.\n\
                 exec {program} ship-wal --to {target} \"$1\" \"$2\"\n"
            ),
        ),
        (
            "restore-wal.sh",
            format!(
                "#!/bin/sh\n# restore_command: restore-wal.sh %f %p. Takes one WAL file of the other site's cluster from the share in this site.\n\
                 # That a file is not there is the usual answer, so nothing is said about it.\n\
                 [ -f '{share}'/\"$1\" ] && exec cp --sparse=auto '{share}'/\"$1\" \"$2\"\nexit 1\n"
            ),
        ),
        (
            "clean-wal.sh",
            format!(
                "#!/bin/sh\n# archive_cleanup_command: clean-wal.sh %r. Both nodes of a site read the share, so some files are kept for the one behind.\n\
                 exec {program} clean-wal --share '{share}' --keep 256 \"$1\"\n"
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Options;

    fn fixture(tls: bool) -> (Layout, Secrets) {
        (
            Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls, loopback: false, patroni: None, program: None } },
            Secrets::fixture(),
        )
    }

    fn parsed(site: Site, standby: bool, tls: bool) -> Value {
        let (layout, secrets) = fixture(tls);
        serde_json::from_str(&file(&layout, &secrets, Node { site, number: 1 }, standby)).expect("it is JSON")
    }

    #[test]
    fn the_two_sites_differ_only_in_names_and_addresses() {
        let swap = |text: &str| {
            text.replace("198.18.1.", "#")
                .replace("198.18.2.", "198.18.1.")
                .replace('#', "198.18.2.")
                .replace("pool-a", "#")
                .replace("pool-b", "pool-a")
                .replace('#', "pool-b")
                .replace("site_a", "#")
                .replace("site_b", "site_a")
                .replace('#', "site_b")
                .replace("/x/a/a1", "#")
                .replace("/x/b/b1", "/x/a/a1")
                .replace('#', "/x/b/b1")
                .replace("\"name\": \"a1\"", "#")
                .replace("\"name\": \"b1\"", "\"name\": \"a1\"")
                .replace('#', "\"name\": \"b1\"")
        };
        for standby in [false, true] {
            let (layout, secrets) = fixture(false);
            let a = file(&layout, &secrets, Node { site: Site::A, number: 1 }, standby);
            let b = file(&layout, &secrets, Node { site: Site::B, number: 1 }, standby);
            assert_ne!(a, b);
            assert_eq!(swap(&a), b);
        }
    }

    #[test]
    fn only_a_standby_cluster_reads_the_other_sites_wal_files() {
        let standby = parsed(Site::B, true, false);
        assert_eq!(standby["bootstrap"]["dcs"]["standby_cluster"]["restore_command"], "../restore-wal.sh %f %p");
        assert_eq!(standby["bootstrap"]["dcs"]["standby_cluster"]["primary_slot_name"], "site_b");
        let active = parsed(Site::A, false, false);
        assert!(active["bootstrap"]["dcs"].get("standby_cluster").is_none());
        assert!(!active.to_string().contains("restore-wal"));
    }

    #[test]
    fn the_slot_of_a_standby_site_exists_on_the_active_one() {
        let active = parsed(Site::A, false, false);
        let standby = parsed(Site::B, true, false);
        let slot = standby["bootstrap"]["dcs"]["standby_cluster"]["primary_slot_name"].as_str().expect("a slot").to_owned();
        assert_eq!(active["bootstrap"]["dcs"]["slots"][&slot]["cluster_type"], "primary");
    }

    #[test]
    fn with_tls_nobody_connects_unencrypted() {
        let config = parsed(Site::A, false, true);
        let open: Vec<&str> = config["postgresql"]["pg_hba"]
            .as_array()
            .expect("rules")
            .iter()
            .filter_map(Value::as_str)
            .filter(|rule| rule.starts_with("host "))
            .collect();
        assert_eq!(open, [""; 0]);
        assert_eq!(config["etcd3"]["protocol"], "https");
        assert_eq!(config["postgresql"]["parameters"]["ssl"], "on");
    }
}
