//! Signs of life that others have seen of a site.

use super::{Locale, say};
use switchback_domain::{Witness, WitnessKind};

/// The sign, to stand after "is alive:".
pub fn witness(lang: Locale, witness: &Witness) -> String {
    let seen_by = witness.seen_by.to_string();
    let node = witness.node.as_ref().map(ToString::to_string).unwrap_or_default();
    match witness.kind {
        WitnessKind::LogStream => say!(lang, words.witness.log_stream, seen_by = seen_by),
        WitnessKind::LogReplies => say!(lang, words.witness.log_replies, node = node, seen_by = seen_by),
        WitnessKind::LeaderKey => say!(lang, words.witness.leader_key, node = node, seen_by = seen_by),
        WitnessKind::ProxyCheck => say!(lang, words.witness.proxy_check, seen_by = seen_by),
        WitnessKind::DatabaseRefuses => say!(lang, words.witness.database_refuses, node = node),
    }
}

/// What kind of sign it is, without who saw it.
pub fn witness_kind(lang: Locale, kind: WitnessKind) -> String {
    match kind {
        WitnessKind::LogStream => say!(lang, words.witness_kind.log_stream),
        WitnessKind::LogReplies => say!(lang, words.witness_kind.log_replies),
        WitnessKind::ProxyCheck => say!(lang, words.witness_kind.proxy_check),
        WitnessKind::LeaderKey => say!(lang, words.witness_kind.leader_key),
        WitnessKind::DatabaseRefuses => say!(lang, words.witness_kind.database_refuses),
    }
}
