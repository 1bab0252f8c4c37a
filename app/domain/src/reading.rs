//! A value together with how well it is known.

use crate::{Millis, ProbeFailure};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A value read from somewhere. Only a fresh one may be acted upon, and only a fresh one is ever shown as healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
pub enum Reading<T> {
    /// Young enough to rely on.
    Fresh {
        /// What was read.
        value: T,
        /// When.
        seen_at: Timestamp,
    },
    /// Too old to rely on: shown in grey and in the past tense.
    Stale {
        /// What was read.
        value: T,
        /// When.
        seen_at: Timestamp,
        /// Why nothing newer is there, if a newer question failed.
        cause: Option<ProbeFailure>,
    },
    /// Never read since the console started.
    Missing {
        /// Why.
        cause: ProbeFailure,
    },
}

impl<T> Reading<T> {
    /// The value, if it may be relied on.
    pub fn fresh(&self) -> Option<&T> {
        match self {
            Reading::Fresh { value, .. } => Some(value),
            Reading::Stale { .. } | Reading::Missing { .. } => None,
        }
    }

    /// The last known value, however old: for showing, never for deciding.
    pub fn last_known(&self) -> Option<&T> {
        match self {
            Reading::Fresh { value, .. } | Reading::Stale { value, .. } => Some(value),
            Reading::Missing { .. } => None,
        }
    }

    /// When the value was read.
    pub fn seen_at(&self) -> Option<Timestamp> {
        match self {
            Reading::Fresh { seen_at, .. } | Reading::Stale { seen_at, .. } => Some(*seen_at),
            Reading::Missing { .. } => None,
        }
    }

    /// The same reading of a part or a consequence of the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Reading::Fresh { value, seen_at } => Reading::Fresh { value: make(value), seen_at },
            Reading::Stale { value, seen_at, cause } => Reading::Stale { value: make(value), seen_at, cause },
            Reading::Missing { cause } => Reading::Missing { cause },
        }
    }

    /// The same reading, borrowed.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Reading::Fresh { value, seen_at } => Reading::Fresh { value, seen_at: *seen_at },
            Reading::Stale { value, seen_at, cause } => Reading::Stale { value, seen_at: *seen_at, cause: cause.clone() },
            Reading::Missing { cause } => Reading::Missing { cause: cause.clone() },
        }
    }
}

/// An answer that may say that somebody accepts writes.
pub trait Claims {
    /// It says so.
    fn accepts_writes(&self) -> bool;
}

/// Everything the last questions to one endpoint brought: its last good answer, and the failures since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting<T> {
    /// The last good answer, and when the question for it was asked: a slow answer is as old as its question.
    pub answer: Option<(T, Timestamp)>,
    /// The failure that the newest question met, and when the first of the present row of failures was noticed.
    pub failure: Option<(ProbeFailure, Timestamp)>,
    /// When the newest question was asked, whatever came of it.
    pub asked_at: Option<Timestamp>,
    /// How long it took.
    pub took: Millis,
    /// Since when every good answer has said that writes are accepted; nothing when the last one did not.
    pub writes_since: Option<Timestamp>,
}

/// An answer this far ahead of the clock means that the clock was set back.
const CLOCK_STEP: Millis = Millis(1_000);

impl<T> Default for Sighting<T> {
    fn default() -> Self {
        Sighting { answer: None, failure: None, asked_at: None, took: Millis(0), writes_since: None }
    }
}

impl<T: Claims> Sighting<T> {
    /// Takes in the outcome of a question asked at `asked_at`.
    pub fn take(&mut self, outcome: Result<T, ProbeFailure>, asked_at: Timestamp, took: Millis) {
        self.took = took;
        self.asked_at = Some(asked_at);
        match outcome {
            Ok(value) => {
                self.writes_since = value.accepts_writes().then(|| self.writes_since.unwrap_or(asked_at));
                self.answer = Some((value, asked_at));
                self.failure = None;
            }
            Err(cause) => {
                let since = self.failure.take().map_or(asked_at, |(_, since)| since);
                self.failure = Some((cause, since));
            }
        }
    }
}

impl<T> Sighting<T> {
    /// Moves every time along with the console's clock, when somebody has set that: everything stays as old as it is.
    pub fn set_clock_by(&mut self, step: SignedDuration) {
        let times = [
            self.answer.as_mut().map(|(_, at)| at),
            self.failure.as_mut().map(|(_, since)| since),
            self.asked_at.as_mut(),
            self.writes_since.as_mut(),
        ];
        for time in times.into_iter().flatten() {
            *time = time.checked_add(step).unwrap_or(*time);
        }
    }

    /// How well the answer is known at `now`. After a refusal the last answer is not relied on any more, although nobody knows who refused.
    pub fn reading(&self, now: Timestamp, stale_after: Millis) -> Reading<&T> {
        let failure = self.failure.as_ref().map(|(cause, _)| cause.clone());
        match &self.answer {
            None => Reading::Missing { cause: failure.unwrap_or(ProbeFailure::NotAskedYet) },
            Some((value, seen_at)) => {
                // What it said before is over.
                let over = failure.as_ref().is_some_and(|cause| *cause == ProbeFailure::Refused || cause.ends_the_session());
                // After a clock was set back an answer would stay young for as long.
                let from_the_future = Millis::between(now, *seen_at) > CLOCK_STEP;
                if over || from_the_future || Millis::between(*seen_at, now) > stale_after {
                    Reading::Stale { value, seen_at: *seen_at, cause: failure }
                } else {
                    Reading::Fresh { value, seen_at: *seen_at }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("a time of this era")
    }

    impl Claims for i32 {
        fn accepts_writes(&self) -> bool {
            *self > 100
        }
    }

    #[test]
    fn since_when_writes_are_accepted_is_the_first_of_the_answers_that_say_so() {
        let mut sighting = Sighting::default();
        for (answer, asked_at, since) in [(1, 1, None), (101, 2, Some(2)), (102, 3, Some(2)), (1, 4, None), (101, 5, Some(5))] {
            sighting.take(Ok(answer), at(asked_at), Millis(1));
            assert_eq!(sighting.writes_since, since.map(at));
        }
        sighting.take(Err(ProbeFailure::Refused), at(6), Millis(1));
        assert_eq!(sighting.writes_since, Some(at(5)));
    }

    proptest! {
        #[test]
        fn an_old_answer_is_never_fresh(answered in 0i64..10_000, later in 0i64..100_000, limit in 0u64..10_000) {
            let mut sighting = Sighting::default();
            sighting.take(Ok(1), at(answered), Millis(3));
            let reading = sighting.reading(at(answered + later), Millis(limit));
            prop_assert_eq!(reading.fresh().is_some(), u64::try_from(later).expect("not negative") <= limit);
            prop_assert_eq!(reading.last_known(), Some(&&1));
        }
    }

    #[test]
    fn one_timeout_does_not_yet_make_an_answer_stale_but_a_refusal_does() {
        let mut sighting = Sighting::default();
        sighting.take(Ok(1), at(1_000), Millis(3));
        sighting.take(Err(ProbeFailure::TimedOut { after: Millis(800) }), at(2_000), Millis(800));
        assert!(sighting.reading(at(2_800), Millis(5_000)).fresh().is_some());
        sighting.take(Err(ProbeFailure::Refused), at(3_000), Millis(1));
        assert_eq!(sighting.reading(at(3_001), Millis(5_000)).fresh(), None);
        assert_eq!(sighting.failure, Some((ProbeFailure::Refused, at(2_000))));
    }

    #[test]
    fn nothing_asked_is_missing_and_not_healthy() {
        let sighting = Sighting::<u8>::default();
        assert_eq!(sighting.reading(at(0), Millis(1)), Reading::Missing { cause: ProbeFailure::NotAskedYet });
    }
}
