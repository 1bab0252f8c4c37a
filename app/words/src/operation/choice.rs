//! What may be answered to a question, and what follows from it.

use crate::{Locale, Names, say};
use switchback_domain::{
    Side,
    operation::{Choice, OperationId, Step},
};

/// The answer as a heading.
pub fn title(lang: Locale, choice: Choice) -> String {
    match choice {
        Choice::Retry => say!(lang, operations.choice.retry),
        Choice::Skip => say!(lang, operations.choice.skip),
        Choice::Undo => say!(lang, operations.choice.undo),
        Choice::Attest => say!(lang, operations.choice.attest),
        Choice::Confirm => say!(lang, operations.choice.confirm),
        Choice::GiveUp => say!(lang, operations.choice.give_up),
        Choice::Abandon => say!(lang, operations.choice.abandon),
    }
}

/// The words of its button. `number` is the step's, counted from one.
pub fn button(lang: Locale, choice: Choice, number: usize, id: OperationId) -> String {
    let n = number.to_string();
    match choice {
        Choice::Retry => say!(lang, operations.choice.retry_button, n = n),
        Choice::Skip => say!(lang, operations.choice.skip_button, n = n),
        Choice::Undo => say!(lang, operations.choice.undo_button),
        Choice::Attest => say!(lang, operations.choice.attest_button),
        Choice::Confirm => say!(lang, operations.choice.confirm_button),
        Choice::GiveUp => say!(lang, operations.choice.give_up_button),
        Choice::Abandon => say!(lang, operations.choice.abandon_button, id = id.to_string()),
    }
}

/// How things stand when a question is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct When {
    /// Clients cannot write.
    pub outage: bool,
    /// What was done is being taken back.
    pub undoing: bool,
    /// Nobody knows how much could not be saved.
    pub unknown: bool,
}

/// What follows from it, worst last. `active` is the site that was active before.
pub fn consequences(lang: Locale, choice: Choice, step: &Step, active: Option<Side>, when: When, names: &Names) -> Vec<String> {
    match choice {
        Choice::Retry if when.outage => vec![say!(lang, operations.choice.retry_line), say!(lang, operations.choice.retry_outage)],
        Choice::Retry => vec![say!(lang, operations.choice.retry_line)],
        Choice::Skip => vec![match step {
            Step::Reroute { .. } => say!(lang, operations.choice.skip_reroute),
            Step::Reprotect { .. } => say!(lang, operations.choice.skip_reprotect),
            _ => say!(lang, operations.choice.skip_other),
        }],
        Choice::Undo => {
            let back = match active {
                Some(side) => say!(lang, operations.choice.undo_line, site = names[side].to_string()),
                None => say!(lang, operations.choice.undo_plain),
            };
            let held = match step {
                Step::Save { side } => Some(say!(lang, operations.choice.undo_held, site = names[*side].to_string())),
                _ => None,
            };
            [Some(back), held].into_iter().flatten().collect()
        }
        Choice::Attest => {
            let next = match active {
                Some(side) if when.undoing => say!(lang, operations.choice.attest_undo, site = names[side].to_string()),
                Some(_) => say!(lang, operations.choice.attest_line),
                // Both write, and nobody is promoted.
                None => say!(lang, operations.choice.attest_alone),
            };
            vec![next, say!(lang, operations.choice.attest_risk)]
        }
        Choice::Confirm => vec![say!(lang, operations.choice.confirm_line), say!(lang, operations.choice.confirm_risk)],
        Choice::GiveUp => {
            let lost = match step {
                Step::Save { side } => Some(say!(lang, operations.choice.give_up_line, site = names[*side].to_string())),
                _ => None,
            };
            let unknown = when.unknown.then(|| say!(lang, operations.choice.give_up_unknown));
            [Some(say!(lang, operations.choice.give_up_report)), unknown, lost].into_iter().flatten().collect()
        }
        Choice::Abandon => vec![say!(lang, operations.choice.abandon_line), say!(lang, operations.choice.abandon_fence)],
    }
}
