//! The written form of what lies in the store as JSON text: entries of journals, fences, changes of state, and what of operations is in the
//! audit history.
//!
//! Every name that is in such a text is in `names.rs` and nowhere else. The domain's types may be renamed freely: the compiler then points
//! at the line in `names.rs` that has to follow, and the text in quotes beside it stays what it is. What older consoles have written is
//! read for ever; `golden/` holds journals of each version that every build has to read.

mod form;
mod names;
mod summary;
#[cfg(test)]
mod tests;

pub use summary::{kind_of, kind_word, loss_from_text, loss_to_text, rest_from_text, rest_to_text, stage_of, stage_words};

use form::Form;
use serde::{Deserialize, de::DeserializeOwned};
use switchback_domain::{
    history::Changed,
    operation::{Entry, Event, Fence, FenceAnswer, Request},
};

/// The newest version of the written form that this program reads, and the one that it writes. An entry of version 1 does not say its
/// version.
///
/// A new variant, or a new field with a default, needs no new version. Whatever an older console would misunderstand does.
pub const VERSION: u32 = 1;

/// Why a text is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A newer console has written it.
    #[error("it is of version {0} of the written form, and this program reads up to version {VERSION}")]
    Newer(u32),
    /// It is damaged; or a newer console has written something into it that this program does not know.
    #[error("it is damaged, or has something in it that this program does not know")]
    Damaged(#[source] serde_json::Error),
}

fn text<D, W: Form<D> + serde::Serialize>(it: &D) -> Result<String, serde_json::Error> {
    serde_json::to_string(&W::write(it))
}

fn read<D, W: Form<D> + DeserializeOwned>(text: &str) -> Result<D, Unreadable> {
    #[derive(Deserialize)]
    struct Version {
        #[serde(default)]
        version: Option<u32>,
    }
    let Version { version } = serde_json::from_str(text).map_err(Unreadable::Damaged)?;
    if let Some(version) = version.filter(|version| *version > VERSION) {
        return Err(Unreadable::Newer(version));
    }
    serde_json::from_str::<W>(text).map(W::read).map_err(Unreadable::Damaged)
}

fn json<D, W: Form<D> + serde::Serialize>(it: &D) -> serde_json::Value {
    // Whatever has a text has this as well.
    serde_json::to_value(W::write(it)).unwrap_or_default()
}

fn from_json<D, W: Form<D> + DeserializeOwned>(json: &serde_json::Value) -> Option<D> {
    W::deserialize(json).ok().map(W::read)
}

/// An entry of a journal, to be written.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn entry_to_text(entry: &Entry) -> Result<String, serde_json::Error> {
    text::<Entry, names::Entry>(entry)
}

/// An entry of a journal, as it was written.
///
/// # Errors
/// When it cannot be read.
pub fn entry_from_text(text: &str) -> Result<Entry, Unreadable> {
    read::<Entry, names::Entry>(text)
}

/// A fence, to be written.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn fence_to_text(fence: &Fence) -> Result<String, serde_json::Error> {
    text::<Fence, names::Fence>(fence)
}

/// A fence, as it was written.
///
/// # Errors
/// When it cannot be read.
pub fn fence_from_text(text: &str) -> Result<Fence, Unreadable> {
    read::<Fence, names::Fence>(text)
}

/// A change of state, to be written.
///
/// # Errors
/// Never, as far as anybody knows.
pub fn change_to_text(change: &Changed) -> Result<String, serde_json::Error> {
    text::<Changed, names::Changed>(change)
}

/// A change of state, as it was written.
///
/// # Errors
/// When it cannot be read.
pub fn change_from_text(text: &str) -> Result<Changed, Unreadable> {
    read::<Changed, names::Changed>(text)
}

/// An event, for the audit history.
pub fn event_to_json(event: &Event) -> serde_json::Value {
    json::<Event, names::Event>(event)
}

/// An event out of the audit history; nothing when it is none, or cannot be read.
pub fn event_from_json(json: &serde_json::Value) -> Option<Event> {
    from_json::<Event, names::Event>(json)
}

/// A request, for the audit history.
pub fn request_to_json(request: &Request) -> serde_json::Value {
    json::<Request, names::Request>(request)
}

/// A request out of the audit history; nothing when it is none, or cannot be read.
pub fn request_from_json(json: &serde_json::Value) -> Option<Request> {
    from_json::<Request, names::Request>(json)
}

/// How an endpoint has answered the fencer, for the audit history.
pub fn answer_to_json(answer: &FenceAnswer) -> serde_json::Value {
    json::<FenceAnswer, names::FenceAnswer>(answer)
}

/// How an endpoint has answered the fencer, out of the audit history; nothing when it is none, or cannot be read.
pub fn answer_from_json(json: &serde_json::Value) -> Option<FenceAnswer> {
    from_json::<FenceAnswer, names::FenceAnswer>(json)
}
