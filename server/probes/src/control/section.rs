//! The `standby_cluster` section of Patroni's configuration: how a site's cluster follows the other one.

use serde_json::{Map, Value, json};
use switchback_domain::{HELD_HOST, HELD_PORT};
use switchback_engine::ports::ClusterMode;

const SECTION: &str = "standby_cluster";

/// Every key that Patroni knows in the section, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbySection {
    /// Addresses of the other site's nodes, separated by commas, or of an endpoint that leads to its primary.
    pub host: String,
    /// Their common port.
    pub port: u16,
    /// The slot that the other site keeps for this one.
    pub primary_slot_name: String,
    /// The command that fetches one file of the log from the archive.
    pub restore_command: Option<String>,
    /// The command that removes files of the log that are no longer needed.
    pub archive_cleanup_command: Option<String>,
    /// How long replay is held back, such as `5min`.
    pub recovery_min_apply_delay: Option<String>,
    /// How new replicas are made, by Patroni's names of the methods.
    pub create_replica_methods: Vec<String>,
}

impl StandbySection {
    /// The section of a site that is held: nobody listens where it is told to stream from, and nothing is fetched from an archive. The
    /// slot needs a name, because Patroni 4.1 does not get over one that is null.
    pub(super) fn held() -> StandbySection {
        StandbySection {
            host: HELD_HOST.to_owned(),
            port: HELD_PORT,
            primary_slot_name: "held".to_owned(),
            restore_command: None,
            archive_cleanup_command: None,
            recovery_min_apply_delay: None,
            create_replica_methods: vec!["basebackup".to_owned()],
        }
    }

    /// Every key, those without a value as null.
    fn keys(&self) -> Value {
        json!({
            "host": self.host,
            "port": self.port,
            "primary_slot_name": self.primary_slot_name,
            "restore_command": self.restore_command,
            "archive_cleanup_command": self.archive_cleanup_command,
            "recovery_min_apply_delay": self.recovery_min_apply_delay,
            "create_replica_methods": self.create_replica_methods,
        })
    }

    /// For `PATCH /config`: Patroni merges, so a key that is not named would survive from an older section. Where there was no section
    /// the nulls are kept as they are, and Patroni takes them for "not set".
    pub(super) fn patch(&self) -> Value {
        json!({ SECTION: self.keys() })
    }

    /// For `PATCH /config`: no section.
    pub(super) fn none() -> Value {
        json!({ SECTION: null })
    }

    /// Takes any section out of a whole configuration.
    pub(super) fn take_out_of(config: &mut Map<String, Value>) {
        config.remove(SECTION);
    }

    /// Puts the section into a whole configuration in place of an older one.
    pub(super) fn put_into(&self, config: &mut Map<String, Value>) {
        let mut keys = self.keys();
        if let Some(keys) = keys.as_object_mut() {
            keys.retain(|_, value| !value.is_null());
        }
        config.insert(SECTION.to_owned(), keys);
    }
}

/// What a configuration tells a cluster. It makes a standby by Patroni's own rule: one of three keys has a value.
pub(super) fn cluster_mode(config: &Map<String, Value>) -> ClusterMode {
    let has_value = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(true) => true,
    };
    let Some(section) = config.get(SECTION).and_then(Value::as_object) else { return ClusterMode::Primary };
    if !["host", "port", "restore_command"].iter().any(|key| section.get(*key).is_some_and(has_value)) {
        return ClusterMode::Primary;
    }
    let held = section.get("host").and_then(Value::as_str) == Some(HELD_HOST)
        && section.get("port").and_then(Value::as_u64) == Some(HELD_PORT.into());
    if held { ClusterMode::Held } else { ClusterMode::Standby }
}

#[cfg(test)]
pub(super) fn example() -> StandbySection {
    StandbySection {
        host: "198.18.1.11,198.18.1.12".to_owned(),
        port: 5432,
        primary_slot_name: "site_b".to_owned(),
        restore_command: Some("../restore-wal.sh %f %p".to_owned()),
        archive_cleanup_command: None,
        recovery_min_apply_delay: None,
        create_replica_methods: vec!["basebackup".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("not an object: {value}") };
        map
    }

    #[test]
    fn a_patch_names_every_key_that_patroni_knows_so_that_nothing_survives_from_an_older_section() {
        let patch = example().patch();
        let keys: Vec<_> = patch[SECTION].as_object().expect("a section").keys().map(String::as_str).collect();
        let all = [
            "archive_cleanup_command",
            "create_replica_methods",
            "host",
            "port",
            "primary_slot_name",
            "recovery_min_apply_delay",
            "restore_command",
        ];
        assert_eq!(keys, all);
        assert_eq!(patch[SECTION]["archive_cleanup_command"], Value::Null);
        assert_eq!(patch[SECTION]["port"], json!(5432));
        assert_eq!(StandbySection::none(), json!({ "standby_cluster": null }));
    }

    #[test]
    fn a_whole_configuration_keeps_everything_but_the_old_section() {
        let mut config = map(json!({"ttl": 20, "standby_cluster": {"host": "", "primary_slot_name": "old", "surprise": 1}}));
        assert_eq!(cluster_mode(&config), ClusterMode::Primary);
        example().put_into(&mut config);
        assert_eq!(cluster_mode(&config), ClusterMode::Standby);
        StandbySection::held().put_into(&mut config);
        assert_eq!(cluster_mode(&config), ClusterMode::Held);
        example().put_into(&mut config);
        assert_eq!(config["ttl"], json!(20));
        let section = config[SECTION].as_object().expect("a section");
        assert_eq!(section["primary_slot_name"], "site_b");
        assert!(!section.contains_key("surprise") && !section.contains_key("archive_cleanup_command"));
    }

    #[test]
    fn a_cluster_follows_when_patroni_would_say_so_and_is_held_where_nobody_listens() {
        for (config, expected) in [
            (json!({}), ClusterMode::Primary),
            (json!({"standby_cluster": null}), ClusterMode::Primary),
            (json!({"standby_cluster": {}}), ClusterMode::Primary),
            (json!({"standby_cluster": {"host": null, "port": 0, "restore_command": "", "primary_slot_name": "x"}}), ClusterMode::Primary),
            (json!({"standby_cluster": {"host": "h"}}), ClusterMode::Standby),
            (json!({"standby_cluster": {"port": 5432}}), ClusterMode::Standby),
            (json!({"standby_cluster": {"restore_command": "cp"}}), ClusterMode::Standby),
            (json!({"standby_cluster": {"host": "127.0.0.1", "port": 5432}}), ClusterMode::Standby),
            (json!({"standby_cluster": "h"}), ClusterMode::Primary),
            (StandbySection::held().patch(), ClusterMode::Held),
        ] {
            assert_eq!(cluster_mode(&map(config.clone())), expected, "{config}");
        }
        // Patroni 4.1 crashes on a slot without a name.
        assert_eq!(StandbySection::held().patch()[SECTION]["primary_slot_name"], json!("held"));
    }
}
