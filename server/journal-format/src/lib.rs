//! The written form of what lies in the store as JSON text: entries of journals, fences, and changes of state.
//!
//! Every name that is in such a text is in `names.rs` and nowhere else. The domain's types may be renamed freely: the compiler then points
//! at the line in `names.rs` that has to follow, and the text in quotes beside it stays what it is. What older consoles have written is
//! read for ever; `golden/` holds journals of each version that every build has to read.

mod form;
mod names;
#[cfg(test)]
mod tests;

use form::Form;
use serde::{Deserialize, de::DeserializeOwned};
use switchback_domain::{
    history::Changed,
    operation::{Entry, Fence},
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
