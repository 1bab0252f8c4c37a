//! Why a page did not get what it asked for.

use super::as_text;
use crate::reader::read;
use leptos::server_fn::{
    Bytes,
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};
use switchback_domain::error::ConsoleError;
use switchback_words::{self as words, Locale, say};

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

impl ApiError {
    /// What the person reads: why there is no answer, and what to do.
    pub fn sentence(&self, lang: Locale) -> String {
        match self {
            ApiError::Console { error } => words::error::console(lang, error),
            ApiError::NoSuchPool { pool } => say!(lang, words.error.unknown_pool, pool = pool.clone()),
            ApiError::NoSuchNode { pool, node } => say!(lang, words.error.unknown_node, pool = pool.clone(), node = node.clone()),
            ApiError::NoSuchLink { pool } => say!(lang, words.error.unknown_link, pool = pool.clone()),
            ApiError::NoSuchPlan { .. } => say!(lang, operations.dialog.unknown_kind),
            ApiError::NoSuchOperation { operation } => say!(lang, words.error.unknown_operation, operation = operation.clone()),
            ApiError::BadRequest => say!(lang, words.error.bad_request),
            ApiError::Transport => say!(lang, words.error.transport),
        }
    }
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
