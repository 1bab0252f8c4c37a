//! From the words of the domain to sentences for people, for every reader: pages, reports, the command line. One file for each part of the
//! domain; every text is in `locales/`.
//!
//! Sentences are whole, with slots; names of things are never translated. Nothing here reads a clock.

pub mod change;
pub mod error;
pub mod failure;
pub mod figures;
pub mod finding;
pub mod operation;
pub mod picture;
pub mod protection;
pub mod readiness;
mod witness;

pub use change::change;
pub use failure::failure;
pub use figures::{ago, bytes, clock_time, count, duration, rate, rate_text, when};
pub use finding::finding;
pub use i18n::Locale;
pub use texts::i18n;
pub use witness::{witness, witness_kind};

mod texts {
    //! The texts themselves, made from `locales/`.
    #![allow(missing_docs, unused, clippy::all, clippy::pedantic, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/i18n/mod.rs"));
}

use std::fmt::Display;
use switchback_domain::{Pair, SiteId};

/// A text in a language, as a `String`, with its slots filled.
#[macro_export]
macro_rules! say {
    ($lang:expr, $($rest:tt)*) => { String::from(leptos_i18n::td_string!($lang, $($rest)*)) };
}

/// The names of a pool's sites, which sentences about sides need.
pub type Names = Pair<SiteId>;

/// The tag of a language, such as `zh-CN`.
pub fn tag(lang: Locale) -> &'static str {
    match lang {
        Locale::en => "en",
        Locale::zh_CN => "zh-CN",
    }
}

/// Names one after the other; "none" when there are none.
pub fn list<T: Display>(lang: Locale, items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { say!(lang, words.none) } else { items.join(&say!(lang, words.list_separator)) }
}

/// Things that are too long to stand in one line, each in its own.
pub fn lines<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join("\n")
}

/// Whole sentences one after the other.
pub fn sentences(lang: Locale, sentences: &[String]) -> String {
    sentences.join(&say!(lang, words.sentence_separator))
}

/// A piece of a sentence, which may stand out. Texts mark it `*so*`; names and figures never have an asterisk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Plain(String),
    /// To be set in bold.
    Strong(String),
}

/// A text of `locales/` in its pieces.
pub fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('*').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| if index % 2 == 1 { Piece::Strong(part.to_owned()) } else { Piece::Plain(part.to_owned()) })
        .collect()
}

/// A text of `locales/` without its marks, for screen readers and announcements.
pub fn plain(text: &str) -> String {
    text.replace('*', "")
}

#[cfg(test)]
mod tests;
