//! What a load client has to say in the end: how long nothing was acknowledged, and what was acknowledged and is gone.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

/// The verdict of one run of load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Acknowledged writes or messages.
    pub acknowledged: u64,
    /// Acknowledged, but not there when read back.
    pub lost: u64,
    /// The first few of the lost ones, by their numbers.
    pub lost_examples: Vec<String>,
    /// There more than once, although no client writes anything twice.
    pub duplicates: u64,
    /// There although never acknowledged: the answer was lost on its way.
    pub unacknowledged_but_there: u64,
    /// The longest time in which nothing was acknowledged, in milliseconds.
    pub longest_outage_ms: u64,
    /// When it began, in milliseconds after the start of the run.
    pub longest_outage_began_ms: u64,
    /// Failed attempts.
    pub errors: u64,
    /// How often a connection was made.
    pub connections: u64,
    /// How long the run took, in milliseconds.
    pub ran_ms: u64,
    /// Where it was read back.
    pub read_back_from: String,
    /// The last thing that went wrong, if anything did.
    pub last_error: Option<String>,
}

/// What a run has seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    /// Name and moment of everything acknowledged, in microseconds after the start.
    pub acknowledged: Vec<(String, u64)>,
    pub errors: u64,
    pub connections: u64,
    pub last_error: Option<String>,
}

impl Journal {
    /// Adds what another client of the same run has seen.
    pub fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.errors += other.errors;
        self.connections += other.connections;
        self.last_error = other.last_error.or_else(|| self.last_error.take());
    }

    /// Compares with what is there: how often each name was found.
    pub fn verdict(mut self, found: &HashMap<String, u64>, ran: Duration, read_back_from: String) -> Verdict {
        self.acknowledged.sort_by_key(|(_, at)| *at);
        let ran_us = u64::try_from(ran.as_micros()).unwrap_or(u64::MAX);
        let lost: Vec<&String> = self.acknowledged.iter().map(|(name, _)| name).filter(|name| !found.contains_key(*name)).collect();
        let known: std::collections::HashSet<&String> = self.acknowledged.iter().map(|(name, _)| name).collect();
        // A run that ends in an outage must count it, and so must one that begins in one.
        let mut moments = vec![0];
        moments.extend(self.acknowledged.iter().map(|(_, at)| *at));
        moments.push(ran_us);
        let (outage, began) =
            moments.windows(2).map(|pair| (pair[1].saturating_sub(pair[0]), pair[0])).max_by_key(|(length, _)| *length).unwrap_or((0, 0));
        Verdict {
            acknowledged: known.len() as u64,
            lost: lost.len() as u64,
            lost_examples: lost.iter().take(5).map(|name| (*name).clone()).collect(),
            duplicates: found.values().map(|times| times - 1).sum(),
            unacknowledged_but_there: found.keys().filter(|name| !known.contains(name)).count() as u64,
            longest_outage_ms: outage / 1000,
            longest_outage_began_ms: began / 1000,
            errors: self.errors,
            connections: self.connections,
            ran_ms: ran_us / 1000,
            read_back_from,
            last_error: self.last_error,
        }
    }
}

impl Verdict {
    /// Some lines for a person; `what` is `rows` or `messages`.
    pub fn lines(&self, what: &str) -> String {
        let mut text = format!(
            "{} {what} acknowledged in {:.1} s over {} connections, {} failed attempts\nlongest outage: {} ms, beginning {:.1} s after the start\n\
             acknowledged and lost: {}{}\nduplicates: {}, there without acknowledgement: {} (read back from {})\n",
            self.acknowledged,
            Duration::from_millis(self.ran_ms).as_secs_f32(),
            self.connections,
            self.errors,
            self.longest_outage_ms,
            Duration::from_millis(self.longest_outage_began_ms).as_secs_f32(),
            self.lost,
            if self.lost_examples.is_empty() { String::new() } else { format!(" (such as {})", self.lost_examples.join(", ")) },
            self.duplicates,
            self.unacknowledged_but_there,
            self.read_back_from,
        );
        if let Some(error) = &self.last_error {
            text = format!("{text}last error: {error}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(acknowledged: &[(&str, u64)]) -> Journal {
        Journal {
            acknowledged: acknowledged.iter().map(|(name, at_ms)| ((*name).to_owned(), at_ms * 1000)).collect(),
            ..Journal::default()
        }
    }

    fn found(all: &[(&str, u64)]) -> HashMap<String, u64> {
        all.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect()
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let verdict =
            journal(&[("1", 10), ("2", 20), ("3", 30)]).verdict(&found(&[("1", 1), ("3", 1)]), Duration::from_millis(40), "a1".into());
        assert_eq!((verdict.acknowledged, verdict.lost, verdict.lost_examples.as_slice()), (3, 1, &["2".to_owned()][..]));
    }

    #[test]
    fn what_is_there_twice_is_a_duplicate_and_what_nobody_acknowledged_is_no_loss() {
        let verdict = journal(&[("1", 10)]).verdict(&found(&[("1", 3), ("2", 1)]), Duration::from_millis(20), "a1".into());
        assert_eq!((verdict.lost, verdict.duplicates, verdict.unacknowledged_but_there), (0, 2, 1));
    }

    #[test]
    fn the_longest_outage_is_found_between_acknowledgements_of_all_clients() {
        let mut one = journal(&[("1", 10), ("4", 500)]);
        one.merge(journal(&[("3", 300), ("2", 20)]));
        let verdict = one.verdict(&found(&[]), Duration::from_millis(510), "a1".into());
        assert_eq!((verdict.longest_outage_ms, verdict.longest_outage_began_ms), (280, 20));
    }

    #[test]
    fn a_run_that_ends_or_begins_in_an_outage_counts_it() {
        let at_the_end = journal(&[("1", 10), ("2", 20)]).verdict(&found(&[]), Duration::from_millis(9020), "a1".into());
        assert_eq!((at_the_end.longest_outage_ms, at_the_end.longest_outage_began_ms), (9000, 20));
        let never = journal(&[]).verdict(&found(&[]), Duration::from_millis(700), "a1".into());
        assert_eq!(never.longest_outage_ms, 700);
    }
}
