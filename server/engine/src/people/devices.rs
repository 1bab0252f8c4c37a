//! Browsers that somebody has signed in with before. Each carries a signed note about that, which is no secret and opens nothing: it only
//! takes its sign-ins out of the limits that strangers share, so that nobody can keep people out by guessing at their accounts.

use super::secret::hex;
use crate::ports::{Chance, PeopleStore, StoreError};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use std::time::Duration;
use switchback_domain::Login;
use tokio::sync::OnceCell;

/// How long a device is known after somebody has signed in with it.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(24 * 180);

const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 32;

/// The number of a device.
pub(super) type DeviceId = [u8; ID_BYTES];

/// Signs and reads the notes. The key is in the store, so that all consoles on it, and later starts of them, agree.
#[derive(Debug, Default)]
pub(super) struct Devices {
    key: OnceCell<[u8; 32]>,
}

impl Devices {
    /// The key; made at the first use.
    pub(super) async fn key(&self, store: &dyn PeopleStore, chance: &dyn Chance) -> Result<[u8; 32], StoreError> {
        let kept = self.key.get_or_try_init(async || {
            let mut fresh = [0; 32];
            chance.fill(&mut fresh);
            store.device_key(&fresh).await
        });
        kept.await.copied()
    }
}

/// The note for a device with which somebody signs in now, in hexadecimal digits.
pub(super) fn note(key: &[u8; 32], login: &Login, id: &DeviceId, now: Timestamp) -> String {
    let at = now.as_second().to_be_bytes();
    let signature = signed(key, login, id, at).finalize().into_bytes();
    format!("{}{}{}", hex(id), hex(&at), hex(&signature))
}

/// A new number.
pub(super) fn mint(chance: &dyn Chance) -> DeviceId {
    let mut id = [0; ID_BYTES];
    chance.fill(&mut id);
    id
}

/// The device of a note that we have signed for this account not too long ago.
pub(super) fn known(key: &[u8; 32], login: &Login, note: &str, now: Timestamp) -> Option<DeviceId> {
    let bytes = bytes(note)?;
    let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
    let (at, signature) = rest.split_first_chunk::<TIME_BYTES>()?;
    signed(key, login, id, *at).verify_slice(signature).ok()?;
    let at = Timestamp::from_second(i64::from_be_bytes(*at)).ok()?;
    (now < at + KNOWN_FOR).then_some(*id)
}

fn signed(key: &[u8; 32], login: &Login, id: &DeviceId, at: [u8; TIME_BYTES]) -> Hmac<Sha256> {
    // A shorter key is filled up with zeros, as HMAC has it.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(b"switchback device 1");
    mac.update(id);
    mac.update(&at);
    // Last, because it is the only part whose length differs.
    mac.update(login.as_str().as_bytes());
    mac
}

fn bytes(hexadecimal: &str) -> Option<[u8; ID_BYTES + TIME_BYTES + MAC_BYTES]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let mut out = [0; ID_BYTES + TIME_BYTES + MAC_BYTES];
    let (pairs, rest) = hexadecimal.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time of this era")
    }

    fn login(text: &str) -> Login {
        text.parse().expect("a name")
    }

    #[test]
    fn a_note_is_good_for_its_account_and_for_half_a_year() {
        let (key, id) = ([7; 32], [9; 16]);
        let note = note(&key, &login("ann"), &id, at(1_000));
        assert_eq!(known(&key, &login("ann"), &note, at(1_000)), Some(id));
        let last = 1_000 + KNOWN_FOR.as_secs().cast_signed() - 1;
        assert_eq!(known(&key, &login("ann"), &note, at(last)), Some(id));
        assert_eq!(known(&key, &login("ann"), &note, at(last + 1)), None);
        assert_eq!(known(&key, &login("bob"), &note, at(1_000)), None, "of somebody else");
        assert_eq!(known(&[8; 32], &login("ann"), &note, at(1_000)), None, "under another key");
        assert!(!note.contains("ann"));
    }

    proptest! {
        #[test]
        fn whatever_is_changed_in_a_note_makes_it_worthless(place in 0usize..112, digit in "[0-9a-fA-F]") {
            let key = [7; 32];
            let mut changed = note(&key, &login("ann"), &[9; 16], at(1_000));
            prop_assume!(&changed[place..=place] != digit.as_str());
            changed.replace_range(place..=place, &digit);
            prop_assert_eq!(known(&key, &login("ann"), &changed, at(1_000)), None);
        }

        #[test]
        fn no_text_is_a_note_by_chance(text in "\\PC{0,130}") {
            prop_assert_eq!(known(&[7; 32], &login("ann"), &text, at(1_000)), None);
        }
    }
}
