//! Names of things, typed so that a site's name can never be passed where a node's is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Why a text is not a usable name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 63 letters, digits, '-', '_' or '.', and starts with a letter or digit; this is not one: {0:?}")]
pub struct BadName(pub String);

fn checked(text: &str) -> Result<(), BadName> {
    let fits = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && text.as_bytes()[0].is_ascii_alphanumeric();
    if fits { Ok(()) } else { Err(BadName(text.to_owned())) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                checked(text).map(|()| Self(text.to_owned()))
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                checked(&text).map(|()| Self(text))
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A stretched pool.
    PoolId
}
name! {
    /// A data center of a pool.
    SiteId
}
name! {
    /// A database node; unique over both sites, because it is also the `application_name` that
    /// `synchronous_standby_names` matches.
    NodeName
}
name! {
    /// A server of the pool behind `HAProxy`.
    MemberName
}
name! {
    /// One thing the console asks: a Patroni REST interface, a `PostgreSQL`, an `HAProxy`, an etcd. Unique in its pool.
    EndpointName
}
name! {
    /// A person's sign-in name.
    Login
}
