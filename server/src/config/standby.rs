//! The `[pool.site.standby_cluster]` part: how a site's cluster follows the other site.

use super::{address::HostPort, section::Section};
use std::ops::Range;

/// How a site's cluster follows the other one: the section of Patroni's configuration that is written when it shall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyCluster {
    /// Where the other site's cluster is, separated by commas.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// The slot that the other site keeps for this one.
    pub primary_slot_name: String,
    /// Fetches one file of the log from the archive.
    pub restore_command: Option<String>,
    /// Removes files of the log that are no longer needed.
    pub archive_cleanup_command: Option<String>,
    /// How long replay is held back.
    pub recovery_min_apply_delay: Option<String>,
    /// How new replicas are made.
    pub create_replica_methods: Vec<String>,
}

/// The table as it is written; what is left out is taken from the other site.
pub(super) struct Written {
    header: Range<usize>,
    host: Option<String>,
    port: Option<u16>,
    primary_slot_name: Option<String>,
    restore_command: Option<String>,
    archive_cleanup_command: Option<String>,
    recovery_min_apply_delay: Option<String>,
    create_replica_methods: Vec<String>,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Written {
    let text = |section: &mut Section<'_, '_>, key| section.text(key).map(toml::Spanned::into_inner);
    let host = section.text("host").and_then(|host| {
        let each =
            host.get_ref().split(',').all(|one| !one.is_empty() && one.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)));
        if each {
            return Some(host.into_inner());
        }
        section.problems().error(
            host.span(),
            "`host` in [pool.site.standby_cluster] is no list of hosts",
            "Write names or addresses without ports, separated by commas and without spaces, such as \"198.18.1.11,198.18.1.12\".",
        );
        None
    });
    let port = section.has("port").then(|| section.number("port", 5432, 1, 65_535));
    let slot = section.required_text("primary_slot_name", "site_b").and_then(|slot| {
        let name = slot.get_ref();
        if name.len() <= 63 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Some(slot.into_inner());
        }
        section.problems().error(
            slot.span(),
            format!("{name:?} is no name of a replication slot"),
            "It has 1 to 63 lower-case letters, digits and '_'. Patroni keeps the slot when the other site's `slots` have it.",
        );
        None
    });
    let written = Written {
        header: section.header(),
        host,
        port: port.and_then(|port| u16::try_from(port).ok()),
        primary_slot_name: slot,
        restore_command: text(&mut section, "restore_command"),
        archive_cleanup_command: text(&mut section, "archive_cleanup_command"),
        recovery_min_apply_delay: text(&mut section, "recovery_min_apply_delay"),
        create_replica_methods: section.texts("create_replica_methods", &["basebackup"]),
    };
    section.finish();
    written
}

impl Written {
    /// Completes the table with the other site's addresses.
    pub(super) fn complete(self, pool: &Section<'_, '_>, others: &[HostPort]) -> Option<StandbyCluster> {
        let Written { header, host, port, primary_slot_name, restore_command, archive_cleanup_command, .. } = self;
        let common = others.first().map(|first| first.port).filter(|port| others.iter().all(|other| other.port == *port));
        if port.is_none() && common.is_none() && !others.is_empty() {
            pool.problems().error(
                header,
                "[pool.site.standby_cluster] has no `port`, and the nodes of the other site have different ones",
                "Patroni takes one port for all hosts: add `host` and `port` of an endpoint that leads to the other site's primary.",
            );
        }
        let hosts = || others.iter().map(|other| other.host.as_str()).collect::<Vec<_>>().join(",");
        Some(StandbyCluster {
            host: host.or_else(|| Some(hosts()).filter(|hosts| !hosts.is_empty()))?,
            port: port.or(common)?,
            primary_slot_name: primary_slot_name?,
            restore_command,
            archive_cleanup_command,
            recovery_min_apply_delay: self.recovery_min_apply_delay,
            create_replica_methods: self.create_replica_methods,
        })
    }
}
