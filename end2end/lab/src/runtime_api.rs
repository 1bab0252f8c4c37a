//! `HAProxy`'s runtime API: one command per connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Doing, LabError, Result};
use crate::layout::{HAPROXY_API_PORT, Layout};
use crate::places::{Service, Site};

/// Sends one command to the site's `HAProxy` and returns its answer.
pub(crate) async fn ask(layout: &Layout, site: Site, command: &str) -> Result<String> {
    let address = layout.haproxy(site);
    let talk = async {
        let stream = TcpStream::connect((address, HAPROXY_API_PORT)).await?;
        if !layout.options.tls {
            return converse(stream, command).await;
        }
        let connector = TlsConnector::from(Arc::new(crate::tls::as_console(layout)?));
        converse(connector.connect(ServerName::from(IpAddr::from(address)), stream).await?, command).await
    };
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    tokio::time::timeout(Duration::from_secs(3), talk)
        .await
        .unwrap_or_else(|_| Err(late()))
        .doing(|| format!("asking HAProxy of site {site}"))
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, command: &str) -> std::io::Result<String> {
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        // HAProxy ends TLS without a farewell.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(error),
        Ok(_) | Err(_) => {}
    }
    String::from_utf8(answer).map_err(std::io::Error::other)
}

/// Sends one command whose success is silence.
pub(crate) async fn tell(layout: &Layout, site: Site, command: &str) -> Result<()> {
    let answer = ask(layout, site, command).await?;
    if answer.trim().is_empty() {
        return Ok(());
    }
    Err(LabError::Refused(format!("HAProxy of site {site} refused `{command}`: {}", answer.trim())))
}

/// The state of a member in the site's `HAProxy`, such as UP, DOWN, DRAIN or MAINT.
pub(crate) async fn member_states(layout: &Layout, site: Site) -> Result<Vec<(Service, String, u32)>> {
    let table = ask(layout, site, "show stat members 4 -1").await?;
    Ok(parse_members(&table))
}

fn parse_members(table: &str) -> Vec<(Service, String, u32)> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let column = |name: &str| header.iter().position(|found| *found == name);
    let (Some(name), Some(status), Some(sessions)) = (column("svname"), column("status"), column("scur")) else { return Vec::new() };
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            Some((fields.get(name)?.parse().ok()?, (*fields.get(status)?).to_owned(), fields.get(sessions)?.parse().unwrap_or(0)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_by_the_names_of_the_columns() {
        let table = "# svname,x,status,scur,\nmember-b1,,DRAIN,0,\nmember-b2,,UP 1/2,3,\nBACKEND,,UP,3,\n";
        assert_eq!(
            parse_members(table),
            [(Service::Member(Site::B, 1), "DRAIN".to_owned(), 0), (Service::Member(Site::B, 2), "UP 1/2".to_owned(), 3)]
        );
        assert_eq!(parse_members("Permission denied\n"), []);
    }
}
