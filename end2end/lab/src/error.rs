//! Why something in the lab did not work, in sentences for the person at the keyboard.

use std::time::Duration;

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, LabError>;

/// Everything that can go wrong in the lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A file or process could not be read, written or started.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A helper program ended badly.
    #[error("`{command}` failed: {said}")]
    Command {
        /// The command line.
        command: String,
        /// The last it wrote to standard error.
        said: String,
    },
    /// Something did not come true in time.
    #[error("waited {after:?} in vain for this: {what}{seen}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What was seen last, with a leading separator, or nothing.
        seen: String,
    },
    /// The lab cannot or must not do this here.
    #[error("{0}")]
    Refused(String),
    /// An HTTP request got no usable answer.
    #[error("{what}: {why}")]
    Http {
        /// Method and address.
        what: String,
        /// The whole chain of causes.
        why: String,
    },
    /// A database said no.
    #[error("{doing}: {source}")]
    Sql {
        /// What was being done.
        doing: String,
        /// What the database or its driver said.
        source: sqlx::Error,
    },
    /// A file of the lab does not hold what it should.
    #[error("{what}: {source}")]
    Json {
        /// Which file or answer.
        what: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// Adds what was being done to an error of the system.
pub(crate) trait Doing<T> {
    /// Says what was being done when it failed.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| LabError::Io { doing: what(), source })
    }
}

impl<T> Doing<T> for std::result::Result<T, sqlx::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| LabError::Sql { doing: what(), source })
    }
}

impl<T> Doing<T> for std::result::Result<T, serde_json::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| LabError::Json { what: what(), source })
    }
}

impl<T> Doing<T> for nix::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| LabError::Io { doing: what(), source: std::io::Error::from(errno) })
    }
}
