//! The browser's copy of the server's value: a whole one first, then patches (RFC 6902). It knows nothing of the browser.

#![cfg_attr(not(any(feature = "hydrate", test)), expect(dead_code, reason = "only the browser follows, but the rules are tested anywhere"))]

use super::patch;
use crate::reader::read_value;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchback_domain::history::{Metric, Point};

/// What an event brought.
#[derive(Debug, PartialEq)]
pub(super) enum Brought<T> {
    /// A new value.
    Value(Timestamp, T),
    /// Newly closed spans of history.
    Points(Vec<(Metric, Point)>),
    /// The server is there and has nothing new.
    Beat(Timestamp),
}

/// An event that does not fit the copy: only a whole value helps.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event does not fit what was heard before")]
pub(super) struct OutOfStep;

/// The copy.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    value: Option<Value>,
}

/// A part of an event.
fn part<T: DeserializeOwned>(event: &Value, name: &str) -> Result<T, OutOfStep> {
    event.get(name).and_then(|part| read_value(part).ok()).ok_or(OutOfStep)
}

impl Mirror {
    /// Takes in one event. After an error the copy is empty until a whole value comes.
    pub(super) fn take<T: DeserializeOwned>(&mut self, event: &str, data: &str) -> Result<Brought<T>, OutOfStep> {
        let mut brought: Value = serde_json::from_str(data).map_err(|_| OutOfStep)?;
        match event {
            "whole" => {
                let at = part(&brought, "at")?;
                self.value = brought.get_mut("value").map(Value::take);
                self.current(at)
            }
            "change" => {
                let at = part(&brought, "at")?;
                let patch = part(&brought, "patch")?;
                let mut value = self.value.take().ok_or(OutOfStep)?;
                patch::apply(&mut value, patch).ok_or(OutOfStep)?;
                self.value = Some(value);
                self.current(at)
            }
            "points" => Ok(Brought::Points(part(&brought, "points")?)),
            "beat" => Ok(Brought::Beat(part(&brought, "at")?)),
            _ => Err(OutOfStep),
        }
    }

    fn current<T: DeserializeOwned>(&mut self, at: Timestamp) -> Result<Brought<T>, OutOfStep> {
        let value = self.value.as_ref().ok_or(OutOfStep)?;
        if let Ok(value) = read_value(value) {
            Ok(Brought::Value(at, value))
        } else {
            self.value = None;
            Err(OutOfStep)
        }
    }
}

/// How long to wait before the `attempt`th attempt to connect, in milliseconds: longer each time, at most 15 s.
pub(super) fn back_off_ms(attempt: u32) -> u32 {
    500_u32.saturating_mul(1 << attempt.min(5)).min(15_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const AT: &str = "2026-03-14T02:41:07Z";

    fn at() -> Timestamp {
        AT.parse().expect("a time")
    }

    fn event(body: &Value) -> String {
        body.to_string()
    }

    #[test]
    fn a_change_applies_to_what_came_before() {
        let mut mirror = Mirror::default();
        let whole = event(&json!({"at": AT, "value": ["a", "b"]}));
        assert_eq!(mirror.take("whole", &whole), Ok(Brought::Value(at(), vec!["a".to_owned(), "b".to_owned()])));
        let change = event(&json!({"at": AT, "patch": [{"op": "replace", "path": "/1", "value": "c"}]}));
        assert_eq!(mirror.take("change", &change), Ok(Brought::Value(at(), vec!["a".to_owned(), "c".to_owned()])));
    }

    #[test]
    fn a_change_that_does_not_fit_is_refused_until_a_whole_value_comes() {
        let mut mirror = Mirror::default();
        let change = event(&json!({"at": AT, "patch": [{"op": "replace", "path": "/9", "value": "c"}]}));
        assert_eq!(mirror.take::<Vec<String>>("change", &change), Err(OutOfStep), "nothing came before");
        let whole = event(&json!({"at": AT, "value": ["a"]}));
        assert!(mirror.take::<Vec<String>>("whole", &whole).is_ok());
        assert_eq!(mirror.take::<Vec<String>>("change", &change), Err(OutOfStep), "the place is not there");
        let fitting = event(&json!({"at": AT, "patch": [{"op": "replace", "path": "/0", "value": "c"}]}));
        assert_eq!(mirror.take::<Vec<String>>("change", &fitting), Err(OutOfStep), "a copy that missed a change is not gone on with");
        assert!(mirror.take::<Vec<String>>("whole", &whole).is_ok());
    }

    #[test]
    fn beats_and_points_leave_the_value_alone_and_garbage_is_refused() {
        let mut mirror = Mirror::default();
        assert_eq!(mirror.take::<Vec<String>>("beat", &event(&json!({"at": AT}))), Ok(Brought::Beat(at())));
        let point = Point { at: at(), min: 1, max: 3, last: 2 };
        let points = event(&json!({"points": [["loss_ms", point]]}));
        assert_eq!(mirror.take::<Vec<String>>("points", &points), Ok(Brought::Points(vec![(Metric::Loss, point)])));
        assert_eq!(mirror.take::<Vec<String>>("whole", "{"), Err(OutOfStep));
        assert_eq!(mirror.take::<Vec<String>>("surprise", "{}"), Err(OutOfStep));
    }

    #[test]
    fn attempts_become_rarer_but_never_stop() {
        let waits: Vec<u32> = (0..8).map(back_off_ms).collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], back_off_ms(40)), (500, 15_000));
    }
}
