//! The configuration with which the console watches this lab.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::config::patroni::standby_section;
use crate::lab::Lab;
use crate::layout::{ETCD_PORT, HAPROXY_API_PORT, POSTGRES_PORT};
use crate::places::Site;

/// What the console's configuration needs beside the lab itself.
#[derive(Debug, Clone)]
pub struct ConsoleConfig {
    /// Where the console listens, such as `127.0.0.1:8480`.
    pub listen: String,
    /// The URL of its store; a file in the lab's folder when nothing.
    pub store: Option<String>,
    /// Lines of `[pool.policy]`, such as `cool_down_ms = 0`; the console's own defaults when empty.
    pub policy: String,
}

impl Lab {
    /// The console's configuration file for this lab.
    pub fn console_config(&self, wanted: &ConsoleConfig) -> String {
        let listen = &wanted.listen;
        let store = wanted.store.clone().unwrap_or_else(|| format!("sqlite:{}", self.layout.dir().join("switchback.db").display()));
        let mut text = format!(
            "# Made by `switchback-lab console-config` for the lab in {}.\n\
             [server]\nlisten = {}\npublic_url = {}\n\n[store]\nurl = {}\n\n\
             [[pool]]\nid = \"chat-core\"\ntitle = \"Persistent chat for staff\"\nhome = \"dc-a\"\n",
            self.layout.dir().display(),
            quoted(listen),
            quoted(&format!("http://{listen}")),
            quoted(&store),
        );
        if !wanted.policy.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n[pool.policy]\n{}", wanted.policy);
        }
        for site in Site::BOTH {
            // Writing to a string cannot fail.
            let _ = self.write_console_site(&mut text, site);
        }
        text
    }

    fn write_console_site(&self, text: &mut String, site: Site) -> std::fmt::Result {
        let layout = &self.layout;
        let place = match site {
            Site::A => "Zürich",
            Site::B => "Bern",
        };
        let certificates = if layout.options.tls {
            let file = |name: &str| path(&layout.tls_dir().join(name));
            format!("ca_file = {}\nclient_cert_file = {}\nclient_key_file = {}\n", file("ca.crt"), file("console.crt"), file("console.key"))
        } else {
            String::new()
        };
        // Verified TLS is what the console does unless it is told otherwise.
        let tls = if layout.options.tls { "" } else { "tls = \"off\"\n" };
        writeln!(text, "\n[[pool.site]]\nid = \"dc-{site}\"\nplace = {}", quoted(place))?;
        writeln!(text, "\n[pool.site.patroni]\nscope = {}\nusername = \"switchback\"", quoted(&site.scope()))?;
        write!(text, "password_file = {}\n{tls}{certificates}", path(&self.secrets.file("rest")))?;
        writeln!(text, "\n[pool.site.postgres]\nusername = \"switchback\"\ndatabase = \"switchback\"\nheartbeat = true")?;
        write!(text, "password_file = {}\n{tls}{certificates}", path(&self.secrets.file("console")))?;
        write_standby_section(text, &standby_section(layout, site))?;
        for node in site.nodes() {
            writeln!(
                text,
                "\n[[pool.site.node]]\nname = \"{node}\"\npatroni = \"{}\"\npostgres = \"{}:{POSTGRES_PORT}\"",
                layout.patroni_url(node),
                layout.node(node)
            )?;
        }
        writeln!(
            text,
            "\n[[pool.site.haproxy]]\nname = \"haproxy-{site}\"\naddress = \"{}:{HAPROXY_API_PORT}\"\nbackend = \"members\"\nguard_backend = \"peer_pg\"\n{tls}{certificates}",
            layout.haproxy(site)
        )?;
        write!(
            text,
            "\n[[pool.site.etcd]]\nname = \"etcd-{site}\"\nurl = \"{}://{}:{ETCD_PORT}\"\n{tls}{certificates}",
            layout.scheme(),
            layout.etcd(site)
        )
    }
}

/// The same section that the site's cluster was born with, every key of it: what is missing here is missing after a switchover.
fn write_standby_section(text: &mut String, section: &Value) -> std::fmt::Result {
    writeln!(text, "\n[pool.site.standby_cluster]")?;
    // Strings, numbers and lists of strings are written alike in JSON and in TOML.
    section.as_object().into_iter().flatten().try_for_each(|(key, value)| writeln!(text, "{key} = {value}"))
}

/// A basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, Options};

    #[test]
    fn a_path_with_quotes_stays_one_string() {
        assert_eq!(quoted(r#"/tmp/a "b" \c"#), r#""/tmp/a \"b\" \\c""#);
    }

    #[test]
    fn a_standby_section_is_written_with_every_key_it_has() {
        let options = Options { dir: "/tmp/x".into(), instance: 0, tls: false, loopback: false, patroni: None, program: None };
        let mut text = String::new();
        write_standby_section(&mut text, &standby_section(&Layout { options }, Site::B)).expect("a string takes everything");
        let expected = [
            "",
            "[pool.site.standby_cluster]",
            "archive_cleanup_command = \"../clean-wal.sh %r\"",
            "create_replica_methods = [\"basebackup\"]",
            "host = \"198.18.1.11,198.18.1.12\"",
            "port = 5432",
            "primary_slot_name = \"site_b\"",
            "restore_command = \"../restore-wal.sh %f %p\"",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
