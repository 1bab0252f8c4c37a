//! `HAProxy`: what it does with the pool's members, and whether the rule that guards the write port is there.

pub(crate) mod runtime;
pub(crate) mod wire;

use crate::{
    failure::{Diary, Problem},
    target::{HaproxyTarget, SetUpError},
};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use runtime::Runtime;
use std::time::Duration;
use switchback_domain::{Endpoint, Facts, ProbeFailure};
use switchback_engine::ports::Probe;

/// Asks the runtime interface of one `HAProxy`. It closes the connection after each answer, so there is none to keep.
pub struct HaproxyProbe {
    endpoint: Endpoint,
    runtime: Runtime,
    question: String,
    guarded: bool,
    timeout: Duration,
    diary: Diary,
}

impl HaproxyProbe {
    /// Prepares; nothing is asked yet. Reads the files of `target`.
    pub fn new(endpoint: Endpoint, target: HaproxyTarget) -> Result<Self, SetUpError> {
        let HaproxyTarget { address, backend, guard_backend, tls, timeout } = target;
        for name in [Some(&backend), guard_backend.as_ref()].into_iter().flatten() {
            check_name(name)?;
        }
        let runtime = Runtime::new(address, tls)?;
        // 4 = servers, 2 = the backend itself, 6 = both. Only what is needed is asked for: an HAProxy may have thousands of others.
        let question = match &guard_backend {
            None => format!("show info;show stat {backend} 4 -1\n"),
            Some(guard) => format!("show info;show stat {backend} 4 -1;show stat {guard} 6 -1\n"),
        };
        Ok(HaproxyProbe { endpoint, runtime, question, guarded: guard_backend.is_some(), timeout, diary: Diary::default() })
    }

    async fn ask(&self) -> Result<Facts, Problem> {
        let answer = self.runtime.say(&self.question, self.timeout).await?;
        wire::facts(&answer, self.guarded).map(Facts::Haproxy)
    }
}

impl Probe for HaproxyProbe {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn look(&mut self, _now: Timestamp) -> BoxFuture<'_, Result<Facts, ProbeFailure>> {
        async move {
            let outcome = self.ask().await;
            self.diary.note(&self.endpoint, outcome)
        }
        .boxed()
    }
}

/// A name becomes a part of a command, so nothing may be in it that ends one.
pub(crate) fn check_name(name: &str) -> Result<(), SetUpError> {
    let fits = !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    // HAProxy takes digits alone for the number of a proxy, not for its name.
    if fits && !name.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(SetUpError::Backend { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_name_cannot_carry_a_command() {
        assert!(check_name("members").is_ok() && check_name("pool:chat-1.x_y").is_ok());
        for bad in ["", "a;disable frontend web", "a b", "a\nb", "7"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
