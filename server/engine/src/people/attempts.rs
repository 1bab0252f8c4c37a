//! How often somebody may try to sign in: so many failures at once, then one every few seconds, by address and by
//! sign-in name. The limit by name is the wider one, because it can be used to lock somebody out: a recovery tool
//! must not be closed to its owner by ten wrong guesses of somebody else.

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

/// Above this many names and addresses the quiet ones are forgotten.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(String),
    Login(Login),
}

impl Key {
    fn limit(&self) -> Limit {
        match self {
            Key::Address(_) => BY_ADDRESS,
            Key::Login(_) => BY_LOGIN,
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
    pub(super) fn begin(&self, login: Option<&Login>, from: &str, now: Timestamp) -> Result<Attempt, TooMany> {
        let mut keys = vec![Key::Address(network(from))];
        keys.extend(login.cloned().map(Key::Login));
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
            assert!(attempts.begin(Some(&login(&format!("ann{n}"))), "192.0.2.1", at(0)).is_ok());
        }
        assert_eq!(attempts.begin(None, "192.0.2.1", at(1)).err(), Some(TooMany { first: true }));
        assert_eq!(attempts.begin(None, "192.0.2.1", at(2)).err(), Some(TooMany { first: false }));
        assert!(attempts.begin(None, "192.0.2.2", at(2)).is_ok(), "somebody else is not held up");
        assert!(attempts.begin(None, "192.0.2.1", at(6)).is_ok(), "one more every six seconds");
        assert!(attempts.begin(None, "192.0.2.1", at(6)).is_err());
    }

    #[test]
    fn the_whole_ipv6_network_of_somebody_counts_as_one() {
        let attempts = Attempts::default();
        for n in 0..10 {
            assert!(attempts.begin(None, &format!("2001:db8::{n}"), at(0)).is_ok());
        }
        assert!(attempts.begin(None, "2001:db8::ffff", at(0)).is_err());
        assert!(attempts.begin(None, "2001:db8:0:1::1", at(0)).is_ok());
    }

    #[test]
    fn guesses_at_one_name_from_everywhere_have_to_wait_too() {
        let attempts = Attempts::default();
        for n in 0..30 {
            assert!(attempts.begin(Some(&login("ann")), &format!("192.0.2.{n}"), at(0)).is_ok());
        }
        assert!(attempts.begin(Some(&login("ann")), "192.0.2.200", at(0)).is_err());
        assert!(attempts.begin(Some(&login("bob")), "192.0.2.200", at(0)).is_ok());
    }

    #[test]
    fn success_does_not_use_up_anything() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            let attempt = attempts.begin(Some(&login("ann")), "192.0.2.1", at(0)).expect("it is allowed");
            attempts.forgive(attempt);
        }
    }
}
