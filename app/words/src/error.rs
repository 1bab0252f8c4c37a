//! Why the console did not do what it was asked.

use super::{Locale, say};
use switchback_domain::error::ConsoleError;

/// The error in one sentence, with what to do.
pub fn console(lang: Locale, error: &ConsoleError) -> String {
    match error {
        ConsoleError::NotSignedIn => say!(lang, words.error.not_signed_in),
        ConsoleError::NotAllowed => say!(lang, words.error.not_allowed),
        ConsoleError::UnknownPool { pool } => say!(lang, words.error.unknown_pool, pool = pool.to_string()),
        ConsoleError::UnknownOperation { operation } => say!(lang, words.error.unknown_operation, operation = operation.to_string()),
        ConsoleError::UnreadableOperation { operation, entry } => super::operation::unreadable(lang, *operation, *entry),
        ConsoleError::Internal { incident } => say!(lang, words.error.internal, incident = incident.clone()),
    }
}
