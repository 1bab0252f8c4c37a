//! People and what they may do.

use crate::{Login, permission::Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The sign-in name, also the identity in the audit history.
    pub login: Login,
    /// The name that pages show.
    pub name: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Somebody whose session was found good for this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Who.
    pub person: Person,
    /// What they are to the console.
    pub role: Role,
    /// When the session ends at the latest.
    pub session_ends_at: Timestamp,
}

/// A rule that a new password breaks. Length is what counts; NIST SP 800-63B rev. 4 asks for 15 characters where a
/// password is the only factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum WeakPassword {
    /// Fewer than 15 characters.
    #[error("use at least 15 characters")]
    TooShort,
    /// More than 256 characters.
    #[error("use at most 256 characters")]
    TooLong,
    /// Nothing but the sign-in name, or one character over and over.
    #[error("use something that is harder to guess")]
    Guessable,
}

/// What is wrong with a new password, if anything.
pub fn objection_to_password(password: &str, login: &Login) -> Option<WeakPassword> {
    let length = password.chars().count();
    if length < 15 {
        return Some(WeakPassword::TooShort);
    }
    if length > 256 {
        return Some(WeakPassword::TooLong);
    }
    let lower = password.to_lowercase();
    let without_login = lower.replace(&login.as_str().to_lowercase(), "");
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    (without_login.chars().count() < 8 || different.len() < 5).then_some(WeakPassword::Guessable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_refused_for_what_is_wrong_with_it() {
        let login = "administrator".parse().expect("a name");
        let objection = |password: &str| objection_to_password(password, &login);
        assert_eq!(objection("short"), Some(WeakPassword::TooShort));
        assert_eq!(objection("aaaaaaaaaaaaaaaaaaaa"), Some(WeakPassword::Guessable));
        assert_eq!(objection("administrator12"), Some(WeakPassword::Guessable));
        assert_eq!(objection(&"long ".repeat(60)), Some(WeakPassword::TooLong));
        assert_eq!(objection("correct horse battery"), None);
    }
}
