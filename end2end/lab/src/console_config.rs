//! The configuration with which the console watches this lab.

use std::fmt::Write;
use std::path::Path;

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
        let tls = if layout.options.tls { "tls = \"verify-full\"\n" } else { "tls = \"off\"\n" };
        writeln!(text, "\n[[pool.site]]\nid = \"dc-{site}\"\nplace = {}", quoted(place))?;
        writeln!(text, "\n[pool.site.patroni]\nscope = {}\nusername = \"switchback\"", quoted(&site.scope()))?;
        write!(text, "password_file = {}\n{certificates}", path(&self.secrets.file("rest")))?;
        writeln!(text, "\n[pool.site.postgres]\nusername = \"switchback\"\ndatabase = \"switchback\"\nheartbeat = true")?;
        write!(text, "password_file = {}\n{tls}{certificates}", path(&self.secrets.file("console")))?;
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
            "\n[[pool.site.haproxy]]\nname = \"haproxy-{site}\"\naddress = \"{}:{HAPROXY_API_PORT}\"\nbackend = \"members\"\nguard_backend = \"peer_pg\"",
            layout.haproxy(site)
        )?;
        write!(
            text,
            "\n[[pool.site.etcd]]\nname = \"etcd-{site}\"\nurl = \"{}://{}:{ETCD_PORT}\"\n{certificates}",
            layout.scheme(),
            layout.etcd(site)
        )
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_quotes_stays_one_string() {
        assert_eq!(quoted(r#"/tmp/a "b" \c"#), r#""/tmp/a \"b\" \\c""#);
    }
}
