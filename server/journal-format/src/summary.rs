//! What lists show of an operation, as it is in the columns beside its journal: worked out from the journal, and from nothing else.

use crate::{form::Form, names};
use serde::{Deserialize, Serialize};
use switchback_domain::operation::{Glance, IntentKind, Outage, StageWord, UnreadableEntry};

/// The word of a kind in the columns.
pub fn kind_word(kind: IntentKind) -> &'static str {
    match kind {
        IntentKind::Switchover => "switchover",
        IntentKind::Failover => "failover",
        IntentKind::Reprotect => "reprotect",
        IntentKind::Failback => "failback",
        IntentKind::Resolve => "resolve",
        IntentKind::LocalSwitchover => "local_switchover",
        IntentKind::Members => "members",
    }
}

/// The kind of a word; nothing when a newer console has written it.
pub fn kind_of(word: &str) -> Option<IntentKind> {
    IntentKind::ALL.into_iter().find(|kind| kind_word(*kind) == word)
}

/// The words for how far an operation has come, and how it ended.
pub fn stage_words(stage: StageWord) -> (&'static str, Option<&'static str>) {
    match stage {
        StageWord::AwaitingApproval => ("awaiting_approval", None),
        StageWord::Running => ("running", None),
        StageWord::Paused => ("paused", None),
        StageWord::Undoing => ("undoing", None),
        StageWord::NeedsPerson => ("needs_person", None),
        StageWord::Unreadable => ("unreadable", None),
        StageWord::Done => ("finished", Some("done")),
        StageWord::Cancelled => ("finished", Some("cancelled")),
        StageWord::Stopped => ("finished", Some("stopped")),
        StageWord::Abandoned => ("finished", Some("abandoned")),
        StageWord::ClosedUnread => ("finished", Some("closed_unread")),
    }
}

/// The stage of two words. What nobody here knows is not known.
pub fn stage_of(stage: &str, outcome: Option<&str>) -> StageWord {
    let all = [
        StageWord::AwaitingApproval,
        StageWord::Running,
        StageWord::Paused,
        StageWord::Undoing,
        StageWord::NeedsPerson,
        StageWord::Done,
        StageWord::Cancelled,
        StageWord::Stopped,
        StageWord::Abandoned,
        StageWord::ClosedUnread,
    ];
    all.into_iter().find(|known| stage_words(*known) == (stage, outcome)).unwrap_or(StageWord::Unreadable)
}

/// What is in one column, because nobody looks for it.
#[derive(Serialize, Deserialize)]
struct Rest {
    #[serde(rename = "rehearsal")]
    rehearsal: bool,
    #[serde(rename = "step")]
    step: Option<usize>,
    #[serde(rename = "steps")]
    steps: usize,
    #[serde(rename = "past_no_return")]
    past_no_return: bool,
    #[serde(rename = "outage")]
    outage: Option<names::Outage>,
    #[serde(rename = "unreadable", default)]
    unreadable: Option<names::UnreadableEntry>,
}

/// What of an operation's line is in no column of its own.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn rest_to_text(summary: &Glance) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Rest {
        rehearsal: summary.dry_run,
        step: summary.step,
        steps: summary.steps,
        past_no_return: summary.past_no_return,
        outage: Form::<Option<Outage>>::write(&summary.outage),
        unreadable: Form::<Option<UnreadableEntry>>::write(&summary.unreadable),
    })
}

/// Takes it in again. What cannot be read is left as it is.
pub fn rest_from_text(text: &str, summary: &mut Glance) {
    let Ok(rest) = serde_json::from_str::<Rest>(text) else { return };
    summary.dry_run = rest.rehearsal;
    summary.step = rest.step;
    summary.steps = rest.steps;
    summary.past_no_return = rest.past_no_return;
    summary.outage = rest.outage.read();
    summary.unreadable = rest.unreadable.read();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_columns_is_read_again() {
        for kind in IntentKind::ALL {
            assert_eq!(kind_of(kind_word(kind)), Some(kind));
        }
        assert_eq!(kind_of("drill"), None);
        let known = ["awaiting_approval", "running", "paused", "undoing", "needs_person", "unreadable"].map(|stage| (stage, None));
        let ends = ["done", "cancelled", "stopped", "abandoned", "closed_unread"].map(|end| ("finished", Some(end)));
        for words in known.into_iter().chain(ends) {
            assert_eq!(stage_words(stage_of(words.0, words.1)), words);
        }
        assert_eq!(stage_of("finished", Some("expired")), StageWord::Unreadable);
    }
}
