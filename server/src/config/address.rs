//! Addresses of endpoints, of the store and of the console itself.

use std::{fmt, net::IpAddr, str::FromStr};

/// Why a text is not a usable address; says what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

fn bad<T>(why: impl Into<String>) -> Result<T, BadAddress> {
    Err(BadAddress(why.into()))
}

/// A base URL without user, path, query or fragment, such as `https://db1.example.net:8008`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// TLS is used.
    pub https: bool,
    /// Name or address; an IPv6 address in brackets.
    pub host: String,
    /// The port, when it is written.
    pub port: Option<u16>,
}

impl FromStr for BaseUrl {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<BaseUrl, BadAddress> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return bad(format!(
                "start it with http:// or https://, such as \"http://{}\"",
                if text.contains(['/', '@', ' ']) { "198.18.1.11:8008" } else { text }
            ));
        };
        let https = match scheme {
            "http" => false,
            "https" => true,
            other => return bad(format!("it must start with http:// or https://, not {other}://")),
        };
        if rest.contains('@') {
            return bad("a URL here must not contain a user or a password; write `username` and `password_file` instead");
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return bad(format!(
                "end it after host and port, such as \"{scheme}://{}\"",
                authority.split(['/', '?', '#']).next().unwrap_or_default()
            ));
        }
        let (host, port) = host_and_port(authority)?;
        Ok(BaseUrl { https, host, port })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.host)?;
        match self.port {
            // Browsers leave a scheme's own port out of `Origin`, and so do we.
            Some(port) if port != if self.https { 443 } else { 80 } => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

impl BaseUrl {
    /// It is a name or address of the machine itself, which browsers trust without TLS.
    pub fn is_this_machine(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// A host and a port, such as `198.18.1.11:5432`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<HostPort, BadAddress> {
        if text.contains("://") {
            return bad("write host and port only, such as \"198.18.1.11:5432\", without a scheme");
        }
        if text.contains('@') {
            return bad("an address must not contain a user or a password");
        }
        match host_and_port(text)? {
            (host, Some(port)) => Ok(HostPort { host: host.trim_start_matches('[').trim_end_matches(']').to_owned(), port }),
            (host, None) => bad(format!("the port is missing; write host and port, such as \"{host}:5432\"")),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), BadAddress> {
    let (host, port) = if authority.starts_with('[') {
        let Some((host, rest)) = authority.split_once(']') else { return bad("the closing bracket of the IPv6 address is missing") };
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return bad("write the port after a colon"),
        };
        if host[1..].parse::<std::net::Ipv6Addr>().is_err() {
            return bad("between the brackets is no IPv6 address");
        }
        (format!("{host}]"), port)
    } else {
        match authority.split_once(':') {
            Some((_, rest)) if rest.contains(':') => return bad("put an IPv6 address in brackets, such as \"[fd00::1]:5432\""),
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (authority.to_owned(), None),
        }
    };
    if !host.starts_with('[') && (host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))) {
        return bad(format!("{host:?} is no host name; it has letters, digits, '-', '_' and '.'"));
    }
    let port = match port.map(|port| (port, port.parse::<u16>())) {
        None => None,
        Some((port, Ok(number))) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Some(number),
        Some((port, _)) => return bad(format!("{port:?} is no port; it is a number from 1 to 65535")),
    };
    Ok((host.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_address_reads_back_as_written_and_no_text_panics(text in "(https?://)?[a-z0-9\\[\\]:@/.?-]{0,30}") {
            if let Ok(url) = text.parse::<BaseUrl>() {
                prop_assert_eq!(url.to_string().parse::<BaseUrl>().map(|again| again.to_string()), Ok(url.to_string()));
            }
            if let Ok(address) = text.parse::<HostPort>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let written = |text: &str| text.parse::<BaseUrl>().map(|url| url.to_string());
        assert_eq!(written("https://Console.Example.net:443/"), Ok("https://console.example.net".to_owned()));
        assert_eq!(written("http://[::1]:8480"), Ok("http://[::1]:8480".to_owned()));
        assert!(written("https://user:secret@host").is_err());
        assert!(written("ftp://host").is_err());
    }
}
