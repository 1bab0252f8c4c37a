//! The only maker of entries in the audit history. Whoever does something opens its deed first, then acts, and closes it with its outcome;
//! only a closed deed is an entry, and an entry can be made in no other way.

use jiff::Timestamp;
use serde::Serialize;
use switchback_domain::{
    Login,
    audit::{Deed, DeedOutcome, Recorded},
};

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    login: Option<Login>,
    address: String,
}

impl Actor {
    /// The console itself, or whoever can run its program.
    pub fn console() -> Actor {
        Actor::default()
    }

    /// A person whose session, or password, was found good.
    pub fn person(login: &Login, from: &str) -> Actor {
        Actor { login: Some(login.clone()), address: from.to_owned() }
    }

    /// Somebody at an address, who is not signed in.
    pub fn stranger(from: &str) -> Actor {
        Actor { login: None, address: from.to_owned() }
    }
}

/// Opens a deed: who is about to do what, on what. Nothing is written before it is closed.
pub fn audited(actor: &Actor, deed: Deed, subject: impl Into<String>) -> OpenDeed {
    OpenDeed { actor: actor.clone(), deed, subject: subject.into() }
}

/// A deed that is not closed yet.
#[derive(Debug, Clone)]
#[must_use = "a deed that is not closed is not in the audit history"]
pub struct OpenDeed {
    actor: Actor,
    deed: Deed,
    subject: String,
}

impl OpenDeed {
    /// Who does it.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The entry of a deed that was done, or is done in the transaction that writes this entry.
    pub fn done(self, at: Timestamp, detail: impl Serialize) -> AuditEntry {
        self.close(at, DeedOutcome::Done, detail)
    }

    /// The entry of a deed that was not done.
    pub fn refused(self, at: Timestamp, detail: impl Serialize) -> AuditEntry {
        self.close(at, DeedOutcome::Refused, detail)
    }

    /// The entry of a deed, however it went.
    pub fn close(self, at: Timestamp, outcome: DeedOutcome, detail: impl Serialize) -> AuditEntry {
        let OpenDeed { actor: Actor { login, address }, deed, subject } = self;
        // What is said of a deed has names for keys, so it always has a text.
        let detail = serde_json::to_value(detail).unwrap_or_default();
        let (deed, outcome) = (Recorded::Known(deed), Recorded::Known(outcome));
        AuditEntry { at, actor: login, deed, subject, outcome, detail, from_address: address }
    }
}

/// An entry of the audit history: nothing is done that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who; nobody for the console itself and for people who are not signed in.
    pub actor: Option<Login>,
    deed: Recorded<Deed>,
    /// On what.
    pub subject: String,
    outcome: Recorded<DeedOutcome>,
    /// More about it, as JSON.
    pub detail: serde_json::Value,
    /// From which address.
    pub from_address: String,
}

impl AuditEntry {
    /// An entry as it was read from a store. Words that this program does not know stay as they are.
    pub fn from_store(
        at: Timestamp,
        actor: Option<Login>,
        (deed, outcome): (&str, &str),
        subject: String,
        detail: serde_json::Value,
        from_address: String,
    ) -> AuditEntry {
        AuditEntry { at, actor, deed: deed.into(), subject, outcome: outcome.into(), detail, from_address }
    }

    /// What was done or tried.
    pub fn deed(&self) -> &Recorded<Deed> {
        &self.deed
    }

    /// How it went.
    pub fn outcome(&self) -> &Recorded<DeedOutcome> {
        &self.outcome
    }

    /// The same entry about something else. The number of an operation is known only when its first entry is written.
    #[must_use]
    pub fn with_subject(self, subject: impl Into<String>) -> AuditEntry {
        AuditEntry { subject: subject.into(), ..self }
    }
}
