//! What pages ask the console for. These functions translate, nothing more: who may see what is decided in the console.

pub(crate) mod as_text;
pub mod audit;
mod error;
pub mod operation;
mod overview;
mod pool;
#[cfg(feature = "ssr")]
pub mod restored;

pub use error::ApiError;
pub use overview::{Overview, all_pools};
pub use pool::{LinkCharts, NodeCharts, PoolPage, changes, one_link, one_node, one_pool, session_is_open};

use crate::reader::read;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

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
