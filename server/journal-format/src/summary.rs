//! What lists show of an operation, as it is in the columns beside its journal: worked out from the journal, and from nothing else.

use crate::{form::Form, names};
use serde::{Deserialize, Serialize};
use switchback_domain::{
    Timeline,
    operation::{Epoch, IntentKind, LossAtAGlance, LossCode, OperationSummary, Outage, StageCode, UnreadableEntry},
};

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
pub fn stage_words(stage: StageCode) -> (&'static str, Option<&'static str>) {
    match stage {
        StageCode::Running => ("running", None),
        StageCode::Paused => ("paused", None),
        StageCode::Undoing => ("undoing", None),
        StageCode::NeedsPerson => ("needs_person", None),
        StageCode::Unreadable => ("unreadable", None),
        StageCode::Done => ("finished", Some("done")),
        StageCode::Cancelled => ("finished", Some("cancelled")),
        StageCode::Stopped => ("finished", Some("stopped")),
        StageCode::Abandoned => ("finished", Some("abandoned")),
        StageCode::ClosedUnread => ("finished", Some("closed_unread")),
    }
}

/// The stage of two words. What nobody here knows is not known.
pub fn stage_of(stage: &str, outcome: Option<&str>) -> StageCode {
    let all = [
        StageCode::Running,
        StageCode::Paused,
        StageCode::Undoing,
        StageCode::NeedsPerson,
        StageCode::Done,
        StageCode::Cancelled,
        StageCode::Stopped,
        StageCode::Abandoned,
        StageCode::ClosedUnread,
    ];
    all.into_iter().find(|known| stage_words(*known) == (stage, outcome)).unwrap_or(StageCode::Unreadable)
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
pub fn rest_to_text(summary: &OperationSummary) -> Result<String, serde_json::Error> {
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
pub fn rest_from_text(text: &str, summary: &mut OperationSummary) {
    let Ok(rest) = serde_json::from_str::<Rest>(text) else { return };
    summary.dry_run = rest.rehearsal;
    summary.step = rest.step;
    summary.steps = rest.steps;
    summary.past_no_return = rest.past_no_return;
    summary.outage = rest.outage.read();
    summary.unreadable = rest.unreadable.read();
}

/// The word for what is known of a loss.
fn loss_word(word: LossCode) -> &'static str {
    match word {
        LossCode::Nothing => "nothing",
        LossCode::NotKnown => "not_known",
        LossCode::Lost => "lost",
    }
}

fn loss_of(word: &str) -> Option<LossCode> {
    [LossCode::Nothing, LossCode::NotKnown, LossCode::Lost].into_iter().find(|known| loss_word(*known) == word)
}

/// What is in the column about the loss.
#[derive(Serialize, Deserialize)]
struct Loss {
    #[serde(rename = "word")]
    word: String,
    #[serde(rename = "epoch")]
    epoch: Epoch,
    #[serde(rename = "promoted", default)]
    promoted: Option<Timeline>,
    #[serde(rename = "found", default)]
    found: Option<String>,
    #[serde(rename = "untouched", default)]
    untouched: Option<Timeline>,
}

/// What a list tells of an operation's loss, for a column of its own: rows that were written before there was one have none.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn loss_to_text(summary: &OperationSummary) -> Result<String, serde_json::Error> {
    let written = summary.loss.as_ref().map(|loss| Loss {
        word: loss_word(loss.word).to_owned(),
        epoch: loss.epoch,
        promoted: loss.promoted,
        found: loss.found.map(|found| loss_word(found).to_owned()),
        untouched: loss.untouched,
    });
    serde_json::to_string(&written)
}

/// Takes it in again. What cannot be read is not known.
pub fn loss_from_text(text: &str, summary: &mut OperationSummary) {
    let read = |loss: Loss| {
        let found = loss.found.map(|found| loss_of(&found).unwrap_or(LossCode::NotKnown));
        let Loss { word, epoch, promoted, untouched, .. } = loss;
        Some(LossAtAGlance { word: loss_of(&word)?, epoch, promoted, found, untouched })
    };
    summary.loss = serde_json::from_str::<Option<Loss>>(text).ok().flatten().and_then(read);
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_domain::{PoolId, operation::OperationId};

    #[test]
    fn what_a_list_tells_of_a_loss_is_written_in_names_that_stay() -> Result<(), Box<dyn std::error::Error>> {
        let mut summary = OperationSummary::unknown(OperationId(7), "chat".parse::<PoolId>()?);
        assert_eq!(loss_to_text(&summary)?, "null");
        summary.loss = Some(LossAtAGlance {
            word: LossCode::NotKnown,
            epoch: Epoch(3),
            promoted: Some(Timeline(8)),
            found: Some(LossCode::Lost),
            untouched: Some(Timeline(7)),
        });
        let text = loss_to_text(&summary)?;
        assert_eq!(text, r#"{"word":"not_known","epoch":3,"promoted":8,"found":"lost","untouched":7}"#);
        let mut again = OperationSummary { loss: None, ..summary.clone() };
        loss_from_text(&text, &mut again);
        assert_eq!(again, summary);
        loss_from_text(r#"{"word":"nothing","epoch":3}"#, &mut again);
        assert_eq!(again.loss.map(|loss| (loss.word, loss.promoted)), Some((LossCode::Nothing, None)));
        // A word of a newer console.
        loss_from_text(r#"{"word":"restored","epoch":3}"#, &mut summary);
        assert_eq!(summary.loss, None);
        Ok(())
    }

    #[test]
    fn every_word_of_the_columns_is_read_again() {
        for kind in IntentKind::ALL {
            assert_eq!(kind_of(kind_word(kind)), Some(kind));
        }
        assert_eq!(kind_of("drill"), None);
        let known = ["running", "paused", "undoing", "needs_person", "unreadable"].map(|stage| (stage, None));
        let ends = ["done", "cancelled", "stopped", "abandoned", "closed_unread"].map(|end| ("finished", Some(end)));
        for words in known.into_iter().chain(ends) {
            assert_eq!(stage_words(stage_of(words.0, words.1)), words);
        }
        assert_eq!(stage_of("finished", Some("expired")), StageCode::Unreadable);
    }
}
