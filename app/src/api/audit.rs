//! The newest entries of the audit history, told on the server in the reader's language: whatever an operation writes down has words.

mod calls;
#[cfg(feature = "ssr")]
mod present;

pub use calls::newest_entries;

use crate::ui::Tone;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchback_domain::operation::OperationId;

/// No more than these are shown.
pub const MOST: usize = 200;

/// An entry as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What was done or tried, in a sentence.
    pub what: String,
    /// On what, in a few words.
    pub about: String,
    /// How it went, in a word.
    pub result: String,
    /// The family of the result.
    pub tone: Tone,
    /// The operation that it belongs to.
    pub operation: Option<OperationId>,
    /// More about it: what it is, and sentences or names.
    pub more: Vec<(String, Vec<String>)>,
    /// As it was written down, where there are no words for it.
    pub raw: Option<String>,
}
