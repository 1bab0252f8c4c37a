//! Whom a probe asks and with which rights, as the configuration gives it.

use secrecy::SecretString;
use std::{path::PathBuf, time::Duration};

/// A user name and its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Files for TLS, all PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that are trusted; without it, those that the machine trusts.
    pub ca: Option<PathBuf>,
    /// Our own certificate, followed by those between it and its authority.
    pub client_cert: Option<PathBuf>,
    /// The key of our own certificate.
    pub client_key: Option<PathBuf>,
}

impl TlsFiles {
    /// Whether any file is named.
    pub fn is_empty(&self) -> bool {
        *self == TlsFiles::default()
    }
}

/// A Patroni REST interface or an etcd.
#[derive(Debug, Clone)]
pub struct HttpTarget {
    /// Such as `http://198.18.1.11:8008`.
    pub url: String,
    /// For basic authentication. Shown with a question only to an endpoint that asks for it and has proved who it is, and with every order.
    pub credentials: Option<Credentials>,
    /// Files for TLS; only with an `https` URL.
    pub tls: TlsFiles,
    /// How long one look may take altogether.
    pub timeout: Duration,
}

/// How a connection to `PostgreSQL` is encrypted; the words are those of its own clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PostgresTls {
    /// Never.
    Off,
    /// Always, and the server's certificate is verified, its name is not.
    VerifyCa,
    /// Always, and the server's certificate and its name are verified.
    #[default]
    VerifyFull,
}

/// A `PostgreSQL`.
#[derive(Debug, Clone)]
pub struct PostgresTarget {
    /// Host and port, such as `198.18.1.11:5432` or `[2001:db8::1]:5432`.
    pub address: String,
    /// The role, a member of `pg_monitor`.
    pub username: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// The database to connect to; the one that has the heartbeat's table.
    pub database: String,
    /// Write and read one row of `switchback.heartbeat` with each look.
    pub heartbeat: bool,
    /// Encryption.
    pub tls: PostgresTls,
    /// Files for TLS.
    pub tls_files: TlsFiles,
    /// How long one look may take altogether, connecting included.
    pub timeout: Duration,
}

/// The runtime interface of an `HAProxy`.
#[derive(Debug, Clone)]
pub struct HaproxyTarget {
    /// Host and port, such as `198.18.1.20:9999`.
    pub address: String,
    /// The backend whose servers are the pool's members.
    pub backend: String,
    /// The backend that the write port's rule counts.
    pub guard_backend: Option<String>,
    /// Files for TLS; without it the connection is not encrypted.
    pub tls: Option<TlsFiles>,
    /// How long one look may take altogether.
    pub timeout: Duration,
}

/// Why a probe cannot be made. The sentence says what to correct.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A file cannot be read.
    #[error("cannot read {what} {}: {cause}", path.display())]
    File {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file has not what it should have.
    #[error("{what} {} is not usable: {cause}", path.display())]
    Content {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Only one of certificate and key is given.
    #[error("client_cert_file and client_key_file belong together; give both or neither")]
    HalfIdentity,
    /// The certificate and the key do not belong together, or nothing is trusted.
    #[error("TLS cannot be set up: {cause}")]
    Tls {
        /// What is wrong.
        cause: String,
    },
    /// Only what an authority of ours has signed can be believed whatever the name in it.
    #[error("without a ca_file, certificates for other names cannot be told from anybody's; add it")]
    NoAuthority,
    /// TLS files for a connection that is not encrypted.
    #[error("certificate files are given, but {address} is not encrypted; use https or leave them out")]
    PlainWithFiles {
        /// The address.
        address: String,
    },
    /// An address that cannot be used.
    #[error("{address:?} is not a usable address: {problem}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it and what would be right.
        problem: &'static str,
    },
    /// A backend name that cannot be asked for.
    #[error("{name:?} cannot be the name of an HAProxy backend: only letters, digits, '-', '_', '.' and ':' are")]
    Backend {
        /// The name.
        name: String,
    },
}

/// Takes `host:port` apart; an IPv6 address is in brackets.
pub(crate) fn host_and_port(address: &str) -> Result<(String, u16), SetUpError> {
    let bad = |problem| SetUpError::Address { address: address.to_owned(), problem };
    let (host, port) = address.rsplit_once(':').ok_or_else(|| bad("it needs host and port, such as 198.18.1.11:5432"))?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| bad("the port must be a number from 1 to 65535"))?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_ok() => Ok((inner.to_owned(), port)),
        Some(_) => Err(bad("there is no IPv6 address in the brackets")),
        None if host.is_empty() => Err(bad("the host is missing")),
        None if host.contains(':') => Err(bad("an IPv6 address must be in brackets, such as [2001:db8::1]:5432")),
        // A slash would make the PostgreSQL client look for a local socket.
        None if host.contains(|c: char| c.is_whitespace() || c == '/') => Err(bad("a host has no slash and no space")),
        None => Ok((host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let good = |text| host_and_port(text).expect("a good address");
        assert_eq!(good("198.18.1.11:5432"), ("198.18.1.11".to_owned(), 5432));
        assert_eq!(good("db.example.org:1"), ("db.example.org".to_owned(), 1));
        assert_eq!(good("[2001:db8::1]:5432"), ("2001:db8::1".to_owned(), 5432));
        for bad in ["", "host", "host:", ":5432", "host:0", "host:65536", "2001:db8::1:5432", "[x]:1", "/run/postgresql:5432", "a b:1"] {
            assert!(host_and_port(bad).is_err(), "{bad}");
        }
    }
}
