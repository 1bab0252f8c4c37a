//! What pages ask the console for. These functions translate, nothing more: who may see what is decided in the console.

pub(crate) mod as_text;
pub mod audit;
pub mod operation;
mod overview;
mod pool;
#[cfg(feature = "ssr")]
pub mod restored;

pub use overview::{Overview, all_pools};
pub use pool::{LinkCharts, NodeCharts, PoolPage, changes, one_link, one_node, one_pool, session_is_open};

use crate::reader::read;
use leptos::server_fn::{
    Bytes,
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use switchback_domain::error::ConsoleError;

/// An answer, as JSON. All answers are of this one type, so that the browser has the code that asks, waits and takes over from the
/// server once and not for each page; only [`Text::read`] knows what an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(
    /// The JSON.
    pub String,
);

impl Text {
    /// Of an answer.
    #[cfg(feature = "ssr")]
    pub(crate) fn of<T: Serialize>(answer: &T) -> Result<Text, ApiError> {
        serde_json::to_string(answer).map(Text).map_err(|_| ApiError::Transport)
    }

    /// The answer.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        read(&self.0).map_err(|_| ApiError::Transport)
    }
}

/// Why a page did not get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ApiError {
    /// The console said why.
    #[error("{error}")]
    Console {
        /// What it said.
        #[serde(with = "as_text")]
        error: ConsoleError,
    },
    /// The address names no pool.
    #[error("there is no pool with this name: {pool}")]
    NoSuchPool {
        /// What it names instead.
        pool: String,
    },
    /// The pool has no such node.
    #[error("pool {pool} has no node with this name: {node}")]
    NoSuchNode {
        /// The pool.
        pool: String,
        /// What the address names instead of a node.
        node: String,
    },
    /// The pool has no link of this kind.
    #[error("pool {pool} has no such link")]
    NoSuchLink {
        /// The pool.
        pool: String,
    },
    /// There is no plan of this kind, or not with what the address says.
    #[error("pool {pool} has no such plan")]
    NoSuchPlan {
        /// The pool.
        pool: String,
    },
    /// The address names no operation.
    #[error("there is no operation with this number: {operation}")]
    NoSuchOperation {
        /// What it names instead.
        operation: String,
    },
    /// The console did not understand the question.
    #[error("the console did not understand the question")]
    BadRequest,
    /// No answer, or not one of the console.
    #[error("the console did not answer as expected")]
    Transport,
}

impl From<ConsoleError> for ApiError {
    fn from(error: ConsoleError) -> ApiError {
        ApiError::Console { error }
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> ApiError {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => ApiError::BadRequest,
            _ => ApiError::Transport,
        }
    }

    /// An error may also come from what stands before these functions: without a session they are not even reached.
    fn de(data: Bytes) -> ApiError {
        let Ok(text) = std::str::from_utf8(&data) else { return ApiError::Transport };
        read(text).or_else(|_| read(text).map(|error: ConsoleError| error.into())).unwrap_or_else(|_| {
            if text == ConsoleError::NotSignedIn.to_string() { ConsoleError::NotSignedIn.into() } else { ApiError::Transport }
        })
    }
}

/// Where a question came from, as the audit history has it. Handlers put it into the context.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, Default)]
pub struct CameFrom(
    /// The address.
    pub String,
);

#[cfg(feature = "ssr")]
/// A kind of link as a page's address names it, read on the server so that a wrong one is a clear answer.
pub(crate) fn link_kind(pool: &str, word: &str) -> Result<switchback_domain::LinkKind, ApiError> {
    crate::paths::link_kind(word).ok_or_else(|| ApiError::NoSuchLink { pool: pool.to_owned() })
}

#[cfg(feature = "ssr")]
mod door {
    use super::ApiError;
    use http::StatusCode;
    use leptos::prelude::use_context;
    use std::sync::Arc;
    use switchback_domain::{PoolId, error::ConsoleError, people::Caller};
    use switchback_engine::Console;

    /// The console and whoever asks it.
    pub(super) fn signed_in() -> Result<(Arc<Console>, Caller), ApiError> {
        let console = use_context::<Arc<Console>>().ok_or(ApiError::Transport)?;
        let caller = use_context::<Caller>().ok_or(ConsoleError::NotSignedIn)?;
        Ok((console, caller))
    }

    /// A pool's name from an address.
    pub(super) fn pool_id(text: &str) -> Result<PoolId, ApiError> {
        text.parse().map_err(|_| ApiError::NoSuchPool { pool: text.to_owned() })
    }

    /// Gives an error the status that belongs to it, for the page as well as for the function.
    pub(super) fn answered<T>(answer: Result<T, ApiError>) -> Result<T, ApiError> {
        if let (Err(error), Some(response)) = (&answer, use_context::<leptos_axum::ResponseOptions>()) {
            response.set_status(status(error));
        }
        answer
    }

    fn status(error: &ApiError) -> StatusCode {
        match error {
            ApiError::Console { error: ConsoleError::NotSignedIn } => StatusCode::UNAUTHORIZED,
            ApiError::Console { error: ConsoleError::NotAllowed } => StatusCode::FORBIDDEN,
            ApiError::Console { error: ConsoleError::UnknownPool { .. } | ConsoleError::UnknownOperation { .. } }
            | ApiError::NoSuchPool { .. }
            | ApiError::NoSuchNode { .. }
            | ApiError::NoSuchPlan { .. }
            | ApiError::NoSuchOperation { .. }
            | ApiError::NoSuchLink { .. } => StatusCode::NOT_FOUND,
            ApiError::Console { error: ConsoleError::UnreadableOperation { .. } } => StatusCode::CONFLICT,
            ApiError::BadRequest => StatusCode::BAD_REQUEST,
            ApiError::Console { error: ConsoleError::Internal { .. } } | ApiError::Transport => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_back_as_written_and_an_ended_session_is_told_from_a_broken_answer() {
        let internal = ApiError::from(ConsoleError::Internal { incident: "abc".to_owned() });
        assert_eq!(ApiError::de(internal.ser()), internal);
        let ended = ApiError::from(ConsoleError::NotSignedIn);
        assert_eq!(ApiError::de(Bytes::from_static(b"{\"error\":\"not_signed_in\"}")), ended);
        assert_eq!(ApiError::de(Bytes::from_static(b"sign in first")), ended);
        assert_eq!(ApiError::de(Bytes::from_static(b"<html>bad gateway</html>")), ApiError::Transport);
    }
}
