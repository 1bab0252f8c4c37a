#![expect(clippy::unwrap_used, reason = "a failed preparation should fail the test at once")]

use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt as _};
use switchback_domain::Side;

const EXAMPLE: &str = include_str!("../../../switchback.example.toml");

/// A day in 2026.
const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

/// A configuration with the secrets of a folder.
fn parsed(text: &str, folder: &tempfile::TempDir) -> Result<Config, (Vec<Problem>, Vec<Problem>)> {
    Config::parse(text, folder.path(), NOW)
}

/// A folder with the secrets that the example names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    for name in ["postgres-password", "patroni-password", "etcd-password"] {
        let file = folder.path().join("secrets").join(name);
        fs::write(&file, "a secret\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::create_dir(folder.path().join("tls")).unwrap();
    for (name, what) in [
        ("patroni-ca.pem", "CERTIFICATE"),
        ("postgres-ca.pem", "CERTIFICATE"),
        ("haproxy-ca.pem", "CERTIFICATE"),
        ("etcd-ca.pem", "CERTIFICATE"),
        ("console.pem", "CERTIFICATE"),
        ("console.key", "PRIVATE KEY"),
    ] {
        let file = folder.path().join("tls").join(name);
        fs::write(&file, format!("-----BEGIN {what}-----\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

/// The example with some of its text replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(EXAMPLE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example has no {from:?}");
        text.replacen(from, to, 1)
    })
}

/// What `check-config` would print, without the folder's random name.
fn complaint(text: &str) -> String {
    let folder = folder();
    let (errors, warnings) = parsed(text, &folder).expect_err("this configuration should be refused");
    let file = Path::new("switchback.toml");
    let all = render(file, text, "error", &errors) + &render(file, text, "warning", &warnings);
    all.replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn the_example_is_a_configuration_and_says_the_defaults() {
    let folder = folder();
    let config = parsed(EXAMPLE, &folder).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let pool = &config.pools[0].pool;
    assert_eq!(pool.home, Side::A);
    assert_eq!(pool.policy, switchback_domain::Policy::default(), "the example shows the defaults");
    let names: Vec<_> = config.pools[0].access.iter().map(|(name, _)| name.clone()).collect();
    let endpoints: Vec<_> = pool.endpoints().into_iter().map(|endpoint| endpoint.name).collect();
    assert_eq!(names, endpoints, "every endpoint knows how it is reached");
}

#[test]
fn every_commented_option_of_the_example_exists() {
    let folder = folder();
    let mut all = String::new();
    for line in EXAMPLE.lines() {
        // An option that is left out by default is written as `# key = value`, a table as `# [[table]]`.
        let is_key = |rest: &&str| rest.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        let option = line.trim_start().strip_prefix("# ").filter(|rest| is_key(rest) || rest.starts_with("[["));
        all.push_str(option.unwrap_or(line));
        all.push('\n');
    }
    for key in [
        "ca_file",
        "client_cert_file",
        "client_key_file",
        "trusted_proxies",
        "set_up_link_file",
        "head_file",
        "metrics",
        "tls",
        "[[pool.policy.freeze]]",
        "reason",
    ] {
        assert!(all.lines().any(|line| line.starts_with(key)), "the example does not show {key}");
    }
    let errors = parsed(&all, &folder).err().map(|(errors, _)| errors).unwrap_or_default();
    let unknown: Vec<_> = errors.iter().filter(|problem| problem.what.starts_with("there is no key")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The example with these freeze windows.
fn with_freeze(windows: &[&str]) -> String {
    let tables = windows.iter().fold(String::new(), |tables, window| tables + "[[pool.policy.freeze]]\n" + window + "\n");
    changed(&[("# [[pool.policy.freeze]]\n", &tables)])
}

#[test]
fn freeze_windows_are_times_with_a_reason() {
    let folder = folder();
    let [winter, quarter] = [
        "from = 2026-12-18T18:00:00+01:00\nuntil = 2027-01-04T06:00:00+01:00\nreason = \"end of the year\"",
        "from = 2026-09-30 00:00:00Z\nuntil = 2026-10-02T00:00:00Z\nreason = \"end of the quarter\"",
    ];
    let config = parsed(&with_freeze(&[winter, quarter]), &folder).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let policy = &config.pools[0].pool.policy;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let open = |text: &str| policy.freeze(at(text)).map(|window| (window.reason.as_str(), window.until));
    assert_eq!(policy.freeze_windows.len(), 2);
    assert_eq!(open("2026-12-18T16:59:59Z"), None, "the distance from UTC counts");
    assert_eq!(open("2026-12-18T17:00:00Z"), Some(("end of the year", at("2027-01-04T05:00:00Z"))));
    assert_eq!(open("2027-01-04T05:00:00Z"), None);
    assert_eq!(open("2026-10-01T12:00:00Z"), Some(("end of the quarter", at("2026-10-02T00:00:00Z"))));
}

#[test]
fn freeze_windows_that_cannot_be_are_refused_and_forgotten_ones_told() {
    assert_snapshot!(complaint(&with_freeze(&[
        "from = 2026-12-18T18:00:00Z\nuntil = 2026-12-18T18:00:00+01:00\nreason = \"the wrong way round\"",
        "from = 2026-12-18T18:00:00\nuntil = \"2027-01-04T06:00:00Z\"\nreason = \" \"",
        "from = 2026-12-18\nuntill = 2027-01-04T06:00:00Z",
        "from = 2025-12-18T18:00:00Z\nuntil = 2026-01-04T06:00:00Z\nreason = \"last year\"",
    ])));
    // One that was only just over may be looked up a little longer.
    let folder = folder();
    let over = with_freeze(&["from = 2026-09-01T00:00:00Z\nuntil = 2026-09-20T00:00:00Z\nreason = \"summer\""]);
    assert!(parsed(&over, &folder).unwrap().warnings.is_empty());
}

/// How each site follows the other one.
fn standby(text: &str) -> (Config, switchback_domain::Pair<Option<super::standby::StandbyCluster>>) {
    let folder = folder();
    let config = parsed(text, &folder).unwrap();
    let standby = config.pools[0].standby.clone();
    (config, standby)
}

#[test]
fn a_standby_follows_all_nodes_of_the_other_site_unless_it_is_told_where_to_look() {
    let (config, standby_of) = standby(EXAMPLE);
    let (a, b) = (standby_of.a.unwrap(), standby_of.b.unwrap());
    assert_eq!((a.host.as_str(), a.port, a.primary_slot_name.as_str()), ("198.18.2.11,198.18.2.12", 5432, "site_a"));
    assert_eq!((b.host.as_str(), b.port, b.primary_slot_name.as_str()), ("198.18.1.11,198.18.1.12", 5432, "site_b"));
    assert_eq!((b.restore_command, b.create_replica_methods), (None, vec!["basebackup".to_owned()]));
    assert!(config.pools[0].pool.sites.iter().all(|(_, site)| site.can_follow));
    assert_eq!(config.pools[0].pool.sites.a.keys, "/service/pool-a/");

    let text = changed(&[
        ("# host = \"198.18.2.11,198.18.2.12\"", "host = \"db.example.net\""),
        ("# port = 5432", "port = 6432"),
        ("# restore_command", "restore_command"),
        ("# archive_cleanup_command", "archive_cleanup_command"),
        ("# namespace = \"/service/\"", "namespace = \"db/deep\""),
        ("[\"basebackup\"]", "[\"pgbackrest\", \"basebackup\"]"),
    ]);
    let (config, standby_of) = standby(&text);
    let a = standby_of.a.unwrap();
    assert_eq!((a.host.as_str(), a.port), ("db.example.net", 6432));
    assert_eq!(a.restore_command.as_deref(), Some("/usr/local/bin/restore-wal %f %p"));
    assert_eq!(a.archive_cleanup_command.as_deref(), Some("/usr/local/bin/clean-wal %r"));
    assert_eq!(a.create_replica_methods, ["pgbackrest", "basebackup"]);
    let sites = &config.pools[0].pool.sites;
    assert_eq!((sites.a.keys.as_str(), sites.b.keys.as_str()), ("/db/deep/pool-a/", "/service/pool-b/"));
}

#[test]
fn a_site_without_the_table_cannot_follow() {
    let (config, standby_of) = standby(&changed(&[("[pool.site.standby_cluster]\nprimary_slot_name = \"site_b\"\n", "")]));
    assert!(standby_of.a.is_some() && standby_of.b.is_none());
    let sites = &config.pools[0].pool.sites;
    assert!(sites.a.can_follow && !sites.b.can_follow);
}

#[test]
fn a_table_that_patroni_could_not_use_is_refused() {
    assert_snapshot!(complaint(&changed(&[
        ("primary_slot_name = \"site_a\"", "primary_slot_name = \"Site A\""),
        ("# host = \"198.18.2.11,198.18.2.12\"", "host = \"198.18.2.11:5432, 198.18.2.12\""),
        ("create_replica_methods = [\"basebackup\"]", "create_replica_methods = \"basebackup\""),
        ("primary_slot_name = \"site_b\"", "restore_comand = \"cp\""),
        ("postgres = \"198.18.1.12:5432\"", "postgres = \"198.18.1.12:5433\""),
    ])));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    assert_snapshot!(complaint(&changed(&[("title = ", "tile = ")])));
}

#[test]
fn three_sites_are_one_too_many() {
    let third = EXAMPLE.to_owned() + "\n[[pool.site]]\nid = \"dc-c\"\n";
    assert_snapshot!(complaint(&third));
}

#[test]
fn a_home_that_is_no_site_is_refused() {
    assert_snapshot!(complaint(&changed(&[("home = \"dc-a\"", "home = \"dc-x\"")])));
}

#[test]
fn a_node_name_may_not_be_used_in_both_sites() {
    assert_snapshot!(complaint(&changed(&[("name = \"b1\"", "name = \"a1\"")])));
}

#[test]
fn a_time_limit_must_be_shorter_than_the_interval() {
    assert_snapshot!(complaint(&changed(&[("timeout_ms = 800", "timeout_ms = 1000")])));
}

#[test]
fn a_password_file_that_is_not_there_is_named_in_full() {
    assert_snapshot!(complaint(&changed(&[("secrets/postgres-password", "secrets/gone")])));
}

#[test]
fn a_url_with_a_password_is_refused_without_repeating_it() {
    let text = complaint(&changed(&[("https://198.18.1.5:2379", "https://root:hunter2@198.18.1.5:2379")]));
    assert!(!text.contains("hunter2"));
    assert_snapshot!(text);
    let text = complaint(&changed(&[("password_file = \"secrets/postgres-password\"", "password = \"hunter2\"")]));
    assert!(!text.contains("hunter2") && text.contains("Did you mean `password_file`?"), "{text}");
}

#[test]
fn a_wrong_scheme_is_refused() {
    assert_snapshot!(complaint(&changed(&[("https://198.18.1.11:8008", "ftp://198.18.1.11:8008"), ("sqlite:switchback.db", "mysql:x")])));
}

/// An example of a time when verified TLS was not the default, with the passwords that it then showed to whoever answered.
const OLDER: &[(&str, &str)] = &[
    (
        "# username = \"console\"\n# password_file = \"secrets/patroni-password\"",
        "username = \"console\"\npassword_file = \"secrets/patroni-password\"",
    ),
    ("ca_file = \"tls/patroni-ca.pem\"\n", ""),
    ("ca_file = \"tls/postgres-ca.pem\"\n", ""),
    ("ca_file = \"tls/haproxy-ca.pem\"\nclient_cert_file = \"tls/console.pem\"\nclient_key_file = \"tls/console.key\"\n", ""),
    ("ca_file = \"tls/etcd-ca.pem\"\n", ""),
    ("https://198.18.1.11:8008", "http://198.18.1.11:8008"),
    ("https://198.18.1.12:8008", "http://198.18.1.12:8008"),
    ("https://198.18.1.5:2379", "http://198.18.1.5:2379"),
];

/// The same after everything was written that was asked for.
const SAID_TO_BE_OFF: &[(&str, &str)] = &[
    ("# tls = \"off\"  # on a trusted network\n\n# How PostgreSQL", "tls = \"off\"  # on a trusted network\n\n# How PostgreSQL"),
    ("# tls = \"off\"  # on a trusted network\n\n# How the database", "tls = \"off\"  # on a trusted network\n\n# How the database"),
    ("# tls = \"off\"  # on a trusted network\n\n# Every etcd", "tls = \"off\"  # on a trusted network\n\n# Every etcd"),
    ("# tls = \"off\"  # on a trusted network\n\n# The other site", "tls = \"off\"  # on a trusted network\n\n# The other site"),
];

#[test]
fn an_endpoint_without_verified_tls_is_refused_with_the_line_to_write() {
    assert_snapshot!(complaint(&changed(OLDER)));
    assert_snapshot!(complaint(&changed(&[
        ("# tls = \"off\"  # on a trusted network\n\n# How the database", "tls = \"prefer\"\n\n# How the database"),
        ("ca_file = \"tls/postgres-ca.pem\"\n\n[pool.site.standby_cluster]", "tls = \"require\"\n\n[pool.site.standby_cluster]"),
        ("# tls = \"off\"  # on a trusted network\n\n# Every etcd", "tls = true\n\n# Every etcd"),
        ("# tls = \"off\"  # on a trusted network\n\n# The other site", "tls = \"off\"\n\n# The other site"),
    ])));
}

#[test]
fn whatever_is_not_verified_is_known_by_name() {
    let folder = folder();
    let unverified = |config: &Config| -> Vec<String> {
        let sites = config.pools[0].pool.sites.iter();
        sites.flat_map(|(_, site)| site.unverified.iter().map(ToString::to_string)).collect()
    };
    let verified = parsed(EXAMPLE, &folder).unwrap();
    assert_eq!(unverified(&verified), [""; 0]);
    assert!(verified.pools[0].access.iter().all(|(_, access)| access.tls_mode() == pool::TlsMode::VerifyFull));

    let off = parsed(&changed(&[OLDER, SAID_TO_BE_OFF].concat()), &folder).unwrap();
    let of_a = ["patroni-a1", "postgres-a1", "patroni-a2", "postgres-a2", "haproxy-a", "etcd-a"];
    assert_eq!(unverified(&off), of_a);
    let shown: Vec<_> =
        off.pools[0].access.iter().filter(|(_, access)| access.shows_password()).map(|(name, _)| name.to_string()).collect();
    assert_eq!(shown, ["patroni-a1", "patroni-a2"]);

    let named = [("# tls = \"off\"  # on a trusted network\n\n# How the database", "tls = \"verify-ca\"\n\n# How the database")];
    assert_eq!(unverified(&parsed(&changed(&named), &folder).unwrap()), ["postgres-a1", "postgres-a2"]);

    // While a site is moved to TLS, node by node.
    let halfway = parsed(&changed(&[SAID_TO_BE_OFF[0], ("https://198.18.1.12:8008", "http://198.18.1.12:8008")]), &folder).unwrap();
    assert_eq!(unverified(&halfway), ["patroni-a2"]);
    assert!(halfway.warnings.is_empty());
    let done = parsed(&changed(&SAID_TO_BE_OFF[..1]), &folder).unwrap();
    assert!(done.warnings[0].what.starts_with("`tls` is off, and every address here is https://"), "{:?}", done.warnings);
}

#[test]
fn wrong_types_and_numbers_are_refused() {
    assert_snapshot!(complaint(&changed(&[
        ("interval_ms = 1000", "interval_ms = \"1s\""),
        ("idle_minutes = 30", "idle_minutes = -5"),
        ("heartbeat = true", "heartbeat = \"yes\""),
    ])));
}

#[test]
fn broken_toml_is_pointed_at() {
    assert_snapshot!(complaint(&changed(&[("title = \"", "title = ")])));
}

#[test]
fn an_empty_file_tells_everything_that_is_missing() {
    assert_snapshot!(complaint(""));
}

#[test]
fn one_run_tells_all_mistakes_in_the_order_of_the_file() {
    assert_snapshot!(complaint(&changed(&[
        ("listen = \"127.0.0.1:8480\"", "listen = \"localhost\""),
        ("public_url = \"http://127.0.0.1:8480\"", "public_url = \"http://console.example.net\""),
        ("id = \"chat-core\"", "id = \"chat core\""),
        ("postgres = \"198.18.1.12:5432\"", "postgres = \"198.18.1.12\""),
        ("stale_after_ms = 5000", "stale_after_ms = 1500"),
        ("name = \"haproxy-a\"", "nam = \"haproxy-a\""),
    ])));
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_an_empty_one_too() {
    let folder = folder();
    let file = folder.path().join("secrets/postgres-password");
    for (mode, who) in
        [(0o640, "the group of the file"), (0o604, "everybody"), (0o620, "the group"), (0o660, "the group"), (0o644, "everybody")]
    {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let (errors, _) = parsed(EXAMPLE, &folder).expect_err("a secret that others can read");
        let about = errors.iter().find(|problem| problem.what.contains(who)).unwrap_or_else(|| panic!("{mode:o}: {errors:?}"));
        assert!(about.remedy.contains(&format!("chmod 600 {}", file.display())), "{about:?}");
    }
    for mode in [0o400, 0o600] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(parsed(EXAMPLE, &folder).is_ok(), "{mode:o}");
    }
    fs::write(&file, "\n").unwrap();
    let (errors, _) = parsed(EXAMPLE, &folder).unwrap_err();
    assert!(errors.iter().all(|problem| problem.what.ends_with("is empty")) && !errors.is_empty(), "{errors:?}");
}

#[test]
fn a_private_key_that_others_can_read_is_refused() {
    let folder = folder();
    let key = folder.path().join("tls/console.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let (errors, _) = parsed(EXAMPLE, &folder).expect_err("a key that others can read");
    assert!(errors.iter().any(|problem| problem.remedy.contains(&format!("chmod 600 {}", key.display()))), "{errors:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(parsed(EXAMPLE, &folder).is_ok());
}

/// What the configuration with these lines in `[server]` makes of proxies, and what it warns of.
fn proxies(lines: &str) -> (TrustedProxies, Vec<String>) {
    let folder = folder();
    let config = parsed(&changed(&[("public_url = \"http://127.0.0.1:8480\"\n", lines)]), &folder).unwrap();
    (config.server.proxies, config.warnings.into_iter().map(|problem| problem.what).collect())
}

#[test]
fn proxies_are_named_and_whatever_makes_people_share_an_address_is_told() {
    let (here, https) = ("public_url = \"http://127.0.0.1:8480\"\n", "public_url = \"https://console.example.net\"\n");
    let listed = |networks: &[&str]| TrustedProxies::listed(networks.iter().map(|network| network.parse().unwrap()));
    let warned = |lines: &str, of: &str| {
        let (proxies, warnings) = proxies(lines);
        assert!(warnings.iter().any(|what| what.contains(of)), "{lines}: {warnings:?}");
        proxies
    };
    assert_eq!(proxies(here), (TrustedProxies::none(), Vec::new()));
    assert_eq!(warned(https, "all people share its address"), TrustedProxies::none());
    let good = format!("{https}trusted_proxies = [\"127.0.0.1\", \"10.1.2.3/24\", \"2001:db8::/64\"]\n");
    assert_eq!(proxies(&good), (listed(&["127.0.0.1/32", "10.1.2.0/24", "2001:db8::/64"]), Vec::new()));
    let old = format!("{https}behind_proxy = true\n");
    assert_eq!(warned(&old, "believes whoever connects"), TrustedProxies::WhoeverConnects, "older configurations go on");
    let both = format!("{https}behind_proxy = true\ntrusted_proxies = [\"127.0.0.1\"]\n");
    assert_eq!(warned(&both, "no effect beside"), listed(&["127.0.0.1/32"]));
    let all = format!("{https}trusted_proxies = [\"0.0.0.0/0\"]\n");
    warned(&all, "can make up an address");
}

#[test]
fn a_proxy_that_is_no_network_is_refused() {
    assert_snapshot!(complaint(&changed(&[("# metrics = \"open\"", "trusted_proxies = [\"proxy.example.net\", \"10.0.0.0/33\"]")])));
}

#[test]
fn a_password_in_the_url_of_the_store_belongs_into_a_file() {
    assert_snapshot!(complaint(&changed(&[("sqlite:switchback.db", "postgres://switchback:hunter2@db/switchback")])));
    let folder = folder();
    let file = folder.path().join("secrets/store-url");
    fs::write(&file, "postgres://switchback:hunter2@db/switchback\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let config = parsed(&changed(&[("url = \"sqlite:switchback.db\"", "url_file = \"secrets/store-url\"")]), &folder).unwrap();
    assert!(matches!(config.store, StoreAddress::Postgres(_)));
    assert!(!format!("{config:?}").contains("hunter2"), "a secret never shows in debug output");
}

proptest! {
    #[test]
    fn any_text_gives_a_configuration_or_errors_that_can_be_shown(text in "\\PC*") {
        if let Err((errors, warnings)) = Config::parse(&text, Path::new("no-such-folder"), NOW) {
            prop_assert!(!errors.is_empty());
            render(Path::new("x"), &text, "error", &errors);
            render(Path::new("x"), &text, "warning", &warnings);
        }
    }

    #[test]
    fn a_damaged_example_gives_a_configuration_or_errors_that_can_be_shown(
        from in 0usize..EXAMPLE.len(), length in 0usize..200, instead in "[\\PC\n]{0,12}"
    ) {
        let floor = |mut at: usize| { while !EXAMPLE.is_char_boundary(at) { at -= 1 } at };
        let (start, end) = (floor(from), floor((from + length).min(EXAMPLE.len())));
        let text = format!("{}{instead}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        if let Err((errors, _)) = Config::parse(&text, Path::new("no-such-folder"), NOW) {
            prop_assert!(!errors.is_empty());
            render(Path::new("x"), &text, "error", &errors);
        }
    }
}
