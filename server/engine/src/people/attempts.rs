//! How often somebody may try to sign in: so many failures at once, then one every few seconds. Strangers are limited by address and by
//! sign-in name, which others can use up for somebody; a device that the person has signed in with before has a limit of its own, which
//! nobody else can.

use super::devices::DeviceId;
use jiff::Timestamp;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};
use switchback_domain::{Login, Millis};

#[derive(Debug, Clone, Copy)]
struct Limit {
    at_once: u64,
    every: Millis,
}

const BY_ADDRESS: Limit = Limit { at_once: 10, every: Millis(6_000) };
const BY_LOGIN: Limit = Limit { at_once: 30, every: Millis(3_000) };
const BY_DEVICE: Limit = BY_ADDRESS;

/// Above this many names and addresses the quiet ones are forgotten.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(String),
    Login(Login),
    Device(DeviceId),
}

impl Key {
    fn limit(&self) -> Limit {
        match self {
            Key::Address(_) => BY_ADDRESS,
            Key::Login(_) => BY_LOGIN,
            Key::Device(_) => BY_DEVICE,
        }
    }
}

/// How much of a limit is used up, as the time it takes to be whole again (a leaky bucket).
#[derive(Debug, Clone, Copy)]
struct Used {
    until: Timestamp,
    refused: bool,
}

/// Recent attempts.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    used: Mutex<HashMap<Key, Used>>,
}

/// Which limits an attempt counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted(Vec<Key>);

impl Counted {
    /// Somebody at this address.
    pub(super) fn from_address(from: &str) -> Counted {
        Counted(vec![Key::Address(network(from))])
    }

    /// A stranger at this address who wants to be this person.
    pub(super) fn from_stranger(login: Option<&Login>, from: &str) -> Counted {
        let mut counted = Counted::from_address(from);
        counted.0.extend(login.cloned().map(Key::Login));
        counted
    }

    /// A device that its person has used before.
    pub(super) fn from_device(device: DeviceId) -> Counted {
        Counted(vec![Key::Device(device)])
    }
}

/// An attempt that may go on.
#[derive(Debug)]
pub(super) struct Attempt(Vec<Key>);

/// An attempt that may not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// The first refusal in a row.
    pub(super) first: bool,
}

impl Attempts {
    /// Counts an attempt as failed until it is forgiven.
    pub(super) fn begin(&self, Counted(keys): Counted, now: Timestamp) -> Result<Attempt, TooMany> {
        let mut used = self.used();
        if used.len() > REMEMBERED_MAX {
            used.retain(|_, used| used.until > now);
        }
        for key in &keys {
            let limit = key.limit();
            if let Some(used) = used.get_mut(key)
                && Millis::between(now, used.until).0 > limit.every.0 * (limit.at_once - 1)
            {
                return Err(TooMany { first: !std::mem::replace(&mut used.refused, true) });
            }
        }
        for key in &keys {
            let every = std::time::Duration::from_millis(key.limit().every.0);
            let used = used.entry(key.clone()).or_insert(Used { until: now, refused: false });
            *used = Used { until: used.until.max(now) + every, refused: false };
        }
        Ok(Attempt(keys))
    }

    /// The attempt succeeded: it does not count.
    pub(super) fn forgive(&self, attempt: Attempt) {
        let mut all = self.used();
        for key in attempt.0 {
            let every = std::time::Duration::from_millis(key.limit().every.0);
            if let Some(used) = all.get_mut(&key) {
                used.until -= every;
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<Key, Used>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: of IPv6 the first 64 bits, because everybody has as many of the rest as they like.
fn network(from: &str) -> String {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        _ => from.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time of this era")
    }

    fn login(text: &str) -> Login {
        text.parse().expect("a name")
    }

    #[test]
    fn the_eleventh_failure_from_an_address_has_to_wait() {
        let attempts = Attempts::default();
        for n in 0..10 {
            assert!(attempts.begin(Counted::from_stranger(Some(&login(&format!("ann{n}"))), "192.0.2.1"), at(0)).is_ok());
        }
        assert_eq!(attempts.begin(Counted::from_address("192.0.2.1"), at(1)).err(), Some(TooMany { first: true }));
        assert_eq!(attempts.begin(Counted::from_address("192.0.2.1"), at(2)).err(), Some(TooMany { first: false }));
        assert!(attempts.begin(Counted::from_address("192.0.2.2"), at(2)).is_ok(), "somebody else is not held up");
        assert!(attempts.begin(Counted::from_address("192.0.2.1"), at(6)).is_ok(), "one more every six seconds");
        assert!(attempts.begin(Counted::from_address("192.0.2.1"), at(6)).is_err());
    }

    #[test]
    fn the_whole_ipv6_network_of_somebody_counts_as_one() {
        let attempts = Attempts::default();
        for n in 0..10 {
            assert!(attempts.begin(Counted::from_address(&format!("2001:db8::{n}")), at(0)).is_ok());
        }
        assert!(attempts.begin(Counted::from_address("2001:db8::ffff"), at(0)).is_err());
        assert!(attempts.begin(Counted::from_address("2001:db8:0:1::1"), at(0)).is_ok());
    }

    #[test]
    fn guesses_at_one_name_from_everywhere_have_to_wait_too() {
        let attempts = Attempts::default();
        for n in 0..30 {
            assert!(attempts.begin(Counted::from_stranger(Some(&login("ann")), &format!("192.0.2.{n}")), at(0)).is_ok());
        }
        assert!(attempts.begin(Counted::from_stranger(Some(&login("ann")), "192.0.2.200"), at(0)).is_err());
        assert!(attempts.begin(Counted::from_stranger(Some(&login("bob")), "192.0.2.200"), at(0)).is_ok());
    }

    #[test]
    fn success_does_not_use_up_anything() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            let attempt = attempts.begin(Counted::from_stranger(Some(&login("ann")), "192.0.2.1"), at(0)).expect("it is allowed");
            attempts.forgive(attempt);
        }
    }

    #[test]
    fn a_device_that_is_known_has_a_limit_of_its_own() {
        let attempts = Attempts::default();
        for n in 0..100 {
            let _ = attempts.begin(Counted::from_stranger(Some(&login("ann")), &format!("192.0.2.{n}")), at(0));
        }
        assert!(attempts.begin(Counted::from_stranger(Some(&login("ann")), "192.0.2.1"), at(0)).is_err());
        for _ in 0..10 {
            assert!(attempts.begin(Counted::from_device([1; 16]), at(0)).is_ok());
        }
        assert!(attempts.begin(Counted::from_device([1; 16]), at(0)).is_err(), "whoever has stolen it may not guess without end");
        assert!(attempts.begin(Counted::from_device([2; 16]), at(0)).is_ok());
    }
}
