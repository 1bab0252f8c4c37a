//! Secrets that the console hands out and keeps only the SHA-256 of. They have 256 bits, so a fast hash is enough.

use crate::ports::Chance;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const BYTES: usize = 32;

/// A new secret, in hexadecimal digits.
pub(super) fn mint(chance: &dyn Chance) -> SecretString {
    let mut bytes = [0; BYTES];
    chance.fill(&mut bytes);
    hex(&bytes).into()
}

/// Whether a text has the form of a secret; others need no question to the store.
pub(super) fn is_one(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What is kept of a secret.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
