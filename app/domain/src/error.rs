//! What the console answers when it cannot do what was asked. Each is a fixed sentence for people; causes are in the log.

use crate::{
    PoolId, SiteId,
    operation::{OperationId, Refusal, UnreadableEntry},
    people::WeakPassword,
};
use serde::{Deserialize, Serialize};

/// Why the console did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum ConsoleError {
    /// There is no session, or it has ended.
    #[error("sign in first")]
    NotSignedIn,
    /// Whoever asks may not do this.
    #[error("you may not do this")]
    NotAllowed,
    /// No pool has this name.
    #[error("there is no pool with this name: {pool}")]
    UnknownPool {
        /// The name that was asked for.
        pool: PoolId,
    },
    /// No operation has this number.
    #[error("there is no operation with this number: {operation}")]
    UnknownOperation {
        /// The number that was asked for.
        operation: OperationId,
    },
    /// The operation's journal cannot be read.
    #[error(
        "how far {operation} has come is not known: {entry}. Look at the engines, then begin what is needed. That closes {operation}: nothing of it is resumed or taken back. Back up the store for whoever looks into it"
    )]
    UnreadableOperation {
        /// Which operation.
        operation: OperationId,
        /// Which entry of its journal, and why.
        entry: UnreadableEntry,
    },
    /// The console failed. The cause is in its log under this incident.
    #[error("this failed on the console's side; quote incident {incident}")]
    Internal {
        /// What to look for in the log.
        incident: String,
    },
}

impl ConsoleError {
    /// The word for addresses, the API and the audit history.
    pub fn code(&self) -> &'static str {
        match self {
            ConsoleError::NotSignedIn => "not_signed_in",
            ConsoleError::NotAllowed => "not_allowed",
            ConsoleError::UnknownPool { .. } => "unknown_pool",
            ConsoleError::UnknownOperation { .. } => "unknown_operation",
            ConsoleError::UnreadableOperation { .. } => "unreadable_operation",
            ConsoleError::Internal { .. } => "internal",
        }
    }
}

/// Why somebody was not signed in. It does not tell an unknown sign-in name from a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum SignInError {
    /// The sign-in name or the password is wrong.
    #[error("the sign-in name or the password is wrong")]
    Wrong,
    /// Too many attempts in a short time.
    #[error("too many attempts; wait a minute")]
    SlowDown,
    /// Too many people sign in at this moment; nothing was compared.
    #[error("too many people sign in at this moment; try again in a few seconds")]
    Busy,
    /// The console failed.
    #[error("this failed on the console's side; quote incident {incident}")]
    Internal {
        /// What to look for in the log.
        incident: String,
    },
}

impl SignInError {
    /// The word for addresses, such as `/sign-in?problem=wrong`.
    pub fn code(&self) -> &'static str {
        match self {
            SignInError::Wrong => "wrong",
            SignInError::SlowDown => "slow_down",
            SignInError::Busy => "busy",
            SignInError::Internal { .. } => "internal",
        }
    }
}

/// Why the first administrator was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum SetUpError {
    /// The link was used, has expired, was replaced, or never existed.
    #[error("this set-up link is not open")]
    Closed,
    /// The sign-in name is not a name.
    #[error("a sign-in name has 1 to 63 letters, digits, '-', '_' or '.', and starts with a letter or digit")]
    BadLogin,
    /// The password breaks a rule.
    #[error("{rule}")]
    Password {
        /// Which rule.
        rule: WeakPassword,
    },
    /// Too many attempts from this address.
    #[error("too many attempts; wait a minute")]
    SlowDown,
    /// The console failed.
    #[error("this failed on the console's side; quote incident {incident}")]
    Internal {
        /// What to look for in the log.
        incident: String,
    },
}

impl SetUpError {
    /// The word for addresses, such as `/set-up/…?problem=too_short`.
    pub fn code(&self) -> &'static str {
        match self {
            SetUpError::Closed => "closed",
            SetUpError::BadLogin => "bad_login",
            SetUpError::Password { rule: WeakPassword::TooShort } => "too_short",
            SetUpError::Password { rule: WeakPassword::TooLong } => "too_long",
            SetUpError::Password { rule: WeakPassword::Guessable } => "guessable",
            SetUpError::SlowDown => "slow_down",
            SetUpError::Internal { .. } => "internal",
        }
    }
}

/// Why an operation was not begun. Nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum RequestError {
    /// What was asked for cannot be done, or not in this way.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Another console acts on this pool at the moment.
    #[error("another console acts on this pool; try again in some seconds")]
    LeaseHeld,
    /// Something else was asked for before under this idempotency key.
    #[error("this idempotency key was used for another request; use a new one")]
    KeyReused,
    /// The console could not take the request.
    #[error("{console}")]
    Console {
        /// Why.
        console: ConsoleError,
    },
}

impl RequestError {
    /// The word for addresses, such as `/pools/chat/plan/switchover?problem=no_reason`, and for the audit history.
    pub fn code(&self) -> &'static str {
        match self {
            RequestError::Refused { refusal } => refusal.code(),
            RequestError::LeaseHeld => "lease_held",
            RequestError::KeyReused => "idempotency_key_reused",
            RequestError::Console { console } => console.code(),
        }
    }
}

impl From<ConsoleError> for RequestError {
    fn from(console: ConsoleError) -> RequestError {
        RequestError::Console { console }
    }
}

/// Why it was not confirmed what a restored store says about a pool. Nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum ConfirmError {
    /// The store was not restored, or somebody has confirmed it already.
    #[error("there is nothing to confirm: the store was not restored, or somebody has confirmed it already")]
    NothingToConfirm,
    /// A reason is missing.
    #[error("give a reason")]
    NoReason,
    /// No such site.
    #[error("the pool has no site {site}")]
    NoSuchSite {
        /// The name that was given.
        site: SiteId,
    },
    /// The stored fence would shut out the site that serves clients now.
    #[error(
        "{site} would be fenced, and its engines say that it is active: confirmed like this the console would shut it out. Lift this fence"
    )]
    FencesActive {
        /// Which site.
        site: SiteId,
    },
    /// The same site is to be fenced and its fence to be lifted.
    #[error("{site} is named both to be fenced and to have its fence lifted")]
    LiftsAndFences {
        /// Which site.
        site: SiteId,
    },
    /// No site would be left.
    #[error("both sites would be fenced, and none could be made active; lift one of the fences")]
    FencesAll,
    /// The engines do not say which site is active.
    #[error("the engines do not say now which site is active; wait until they do, or say that you know it from elsewhere")]
    NotSeen,
    /// Another console acts on this pool at the moment.
    #[error("another console acts on this pool; try again in some seconds")]
    LeaseHeld,
    /// The console could not take it.
    #[error("{console}")]
    Console {
        /// Why.
        console: ConsoleError,
    },
}

impl ConfirmError {
    /// The word for addresses, the interface and the audit history.
    pub fn code(&self) -> &'static str {
        match self {
            ConfirmError::NothingToConfirm => "nothing_to_confirm",
            ConfirmError::NoReason => "no_reason",
            ConfirmError::NoSuchSite { .. } => "no_such_site",
            ConfirmError::FencesActive { .. } => "fences_active",
            ConfirmError::LiftsAndFences { .. } => "lifts_and_fences",
            ConfirmError::FencesAll => "fences_all",
            ConfirmError::NotSeen => "not_seen",
            ConfirmError::LeaseHeld => "lease_held",
            ConfirmError::Console { console } => console.code(),
        }
    }
}

impl From<ConsoleError> for ConfirmError {
    fn from(console: ConsoleError) -> ConfirmError {
        ConfirmError::Console { console }
    }
}

/// Why a wish about a running operation, or an answer to its question, was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum WishError {
    /// The operation has ended.
    #[error("the operation has ended")]
    Ended,
    /// The point of no return is behind it.
    #[error("the point of no return is behind this operation; it can no longer be cancelled")]
    PastNoReturn,
    /// Another console holds the operation, or the one that was here before has only just died.
    #[error("another console holds this operation at the moment; try again in some seconds")]
    LeaseHeld,
    /// It is not paused.
    #[error("the operation is not paused")]
    NotPaused,
    /// This question is not open (any more).
    #[error("this question is not open any more; look at the operation")]
    NoSuchQuestion,
    /// The question does not offer this.
    #[error("the question does not offer this answer")]
    NotOffered,
    /// Skipping, attesting, giving up and ending need a reason.
    #[error("give a reason")]
    NoReason,
    /// Whoever gives up what could not be saved types the name of the site that loses it.
    #[error("type the site's name: {expected}")]
    WrongSite {
        /// What it is.
        expected: crate::SiteId,
    },
    /// The console could not take it.
    #[error("{console}")]
    Console {
        /// Why.
        console: ConsoleError,
    },
}

impl WishError {
    /// The word for addresses, such as `/operations/op-0042?problem=not_paused`, and for the audit history.
    pub fn code(&self) -> &'static str {
        match self {
            WishError::Ended => "ended",
            WishError::PastNoReturn => "past_no_return",
            WishError::LeaseHeld => "lease_held",
            WishError::NotPaused => "not_paused",
            WishError::NoSuchQuestion => "no_such_question",
            WishError::NotOffered => "not_offered",
            WishError::NoReason => "no_reason",
            WishError::WrongSite { .. } => "wrong_site",
            WishError::Console { console } => console.code(),
        }
    }
}

impl From<ConsoleError> for WishError {
    fn from(console: ConsoleError) -> WishError {
        WishError::Console { console }
    }
}
