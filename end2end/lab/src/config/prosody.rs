//! Prosody: the members.

use crate::layout::{HEALTH_PORT, Layout, POOL_PORT, XMPP_PORT};
use crate::places::Site;
use crate::secrets::Secrets;

/// The virtual host of the chat users.
pub(crate) const HOST: &str = "pool.test";
/// The rooms' host.
pub(crate) const ROOMS: &str = "rooms.pool.test";
/// The one room.
pub(crate) const ROOM: &str = "ops";
/// How many accounts there are: u1 to u8.
pub(crate) const ACCOUNTS: usize = 8;

/// The configuration file of one member. `first` is true for the one member that makes accounts and room when they are missing:
/// two members doing so at once would each become the room's owner.
pub(crate) fn file(layout: &Layout, secrets: &Secrets, site: Site, number: u8, first: bool) -> String {
    let dir = layout.member_dir(site, number).display().to_string();
    let address = layout.member(site, number);
    let modules = layout.bin_dir().join("prosody").display().to_string();
    let (database, password) = (layout.haproxy(site), &secrets.prosody);
    let setup = if first { "\"lab_setup\"; " } else { "" };
    let accounts: Vec<String> = (1..=ACCOUNTS).map(|n| format!("u{n} = \"{}\"", secrets.chat)).collect();
    let accounts = accounts.join("; ");
    format!(
        r#"data_path = "{dir}"; pidfile = "{dir}/prosody.pid"; daemonize = false
plugin_paths = {{ "{modules}" }}
interfaces = {{ "{address}" }}; c2s_ports = {{ {XMPP_PORT} }}; s2s_ports = {{ }}
http_interfaces = {{ "{address}" }}; http_ports = {{ {HEALTH_PORT} }}; https_ports = {{ }}
http_default_host = "{HOST}"; http_host = "{HOST}"
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; "http"; "pool_health" }}
modules_disabled = {{ "s2s"; "tls"; "offline" }}
c2s_require_encryption = false; allow_unencrypted_plain_auth = true; limits = {{ }}
-- The least that SCRAM allows: clients of a test should wait for failovers, not for their own arithmetic.
default_iteration_count = 4096
authentication = "internal_hashed"; storage = "sql"; sql_manage_tables = true
-- The endpoint of this site that follows the primary in both sites.
sql = {{ driver = "PostgreSQL"; database = "prosody"; username = "prosody"; password = "{password}"; host = "{database}"; port = {POOL_PORT} }}
log = {{ info = "*console" }}

VirtualHost "{HOST}"
  modules_enabled = {{ {setup} }}
  lab_accounts = {{ {accounts} }}

Component "{ROOMS}" "muc"
  modules_enabled = {{ "muc_mam"; {setup}"pool_room" }}
  lab_rooms = {{ "{ROOM}" }}
  muc_log_all_rooms = true; muc_log_by_default = true; muc_log_expires_after = "never"; max_archive_query_results = 250
  muc_room_default_persistent = true; muc_room_default_public = true; muc_room_locking = false; muc_tombstones = false
  restrict_room_creation = false
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Options;

    #[test]
    fn exactly_one_member_makes_accounts_and_room() {
        let layout =
            Layout { options: Options { dir: "/tmp/x".into(), instance: 0, tls: false, loopback: false, patroni: None, program: None } };
        let secrets = Secrets::fixture();
        assert_eq!(file(&layout, &secrets, Site::A, 1, true).matches("lab_setup\";").count(), 2);
        assert!(!file(&layout, &secrets, Site::B, 2, false).contains("\"lab_setup\""));
        assert!(file(&layout, &secrets, Site::B, 2, false).contains("host = \"198.18.2.20\""), "a member uses its own site's endpoint");
    }
}
