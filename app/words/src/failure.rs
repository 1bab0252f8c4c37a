//! Why an endpoint gave no usable answer.

use super::{Locale, bytes, duration, say};
use switchback_domain::{ByteLag, ProbeFailure};

/// The failure in one sentence.
pub fn failure(lang: Locale, failure: &ProbeFailure) -> String {
    match failure {
        ProbeFailure::Refused => say!(lang, words.failure.refused),
        ProbeFailure::TimedOut { after } => say!(lang, words.failure.timed_out, after = duration(lang, *after)),
        ProbeFailure::Unreachable => say!(lang, words.failure.unreachable),
        ProbeFailure::Tls => say!(lang, words.failure.tls),
        ProbeFailure::Unauthorized => say!(lang, words.failure.unauthorized),
        ProbeFailure::Unproved => say!(lang, words.failure.unproved),
        ProbeFailure::Status { code } => say!(lang, words.failure.status, code = code.to_string()),
        ProbeFailure::Redirected => say!(lang, words.failure.redirected),
        ProbeFailure::TooLarge { limit } => say!(lang, words.failure.too_large, limit = bytes(ByteLag(*limit))),
        ProbeFailure::CutShort => say!(lang, words.failure.cut_short),
        ProbeFailure::Garbage => say!(lang, words.failure.garbage),
        ProbeFailure::Sql { state } if failure.says_a_right_is_missing() => say!(lang, words.failure.sql_right, state = state.clone()),
        ProbeFailure::Sql { state } => say!(lang, words.failure.sql, state = state.clone()),
        ProbeFailure::NoSuchBackend => say!(lang, words.failure.no_such_backend),
        ProbeFailure::NotAskedYet => say!(lang, words.failure.not_asked_yet),
    }
}
