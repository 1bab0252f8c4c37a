//! Why the console did not answer.

use super::{Locale, say};
use crate::api::ApiError;
use switchback_domain::error::ConsoleError;

/// The error in one sentence, with what to do.
pub fn api(lang: Locale, error: &ApiError) -> String {
    match error {
        ApiError::Console { error: ConsoleError::NotSignedIn } => say!(lang, words.error.not_signed_in),
        ApiError::Console { error: ConsoleError::NotAllowed } => say!(lang, words.error.not_allowed),
        ApiError::Console { error: ConsoleError::UnknownPool { pool } } => say!(lang, words.error.unknown_pool, pool = pool.to_string()),
        ApiError::Console { error: ConsoleError::UnknownOperation { operation } } => {
            say!(lang, words.error.unknown_operation, operation = operation.to_string())
        }
        ApiError::Console { error: ConsoleError::UnreadableOperation { operation, entry } } => {
            super::operation::unreadable(lang, *operation, *entry)
        }
        ApiError::Console { error: ConsoleError::Internal { incident } } => say!(lang, words.error.internal, incident = incident.clone()),
        ApiError::NoSuchPool { pool } => say!(lang, words.error.unknown_pool, pool = pool.clone()),
        ApiError::NoSuchNode { pool, node } => say!(lang, words.error.unknown_node, pool = pool.clone(), node = node.clone()),
        ApiError::NoSuchLink { pool } => say!(lang, words.error.unknown_link, pool = pool.clone()),
        ApiError::NoSuchPlan { .. } => say!(lang, operations.dialog.unknown_kind),
        ApiError::NoSuchOperation { operation } => say!(lang, words.error.unknown_operation, operation = operation.clone()),
        ApiError::BadRequest => say!(lang, words.error.bad_request),
        ApiError::Transport => say!(lang, words.error.transport),
    }
}
