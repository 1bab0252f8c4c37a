//! The figures that operations have to reach, and whether they do.

use super::tally::{Emergency, Tally};
use crate::figures::{Spread, ms};
use std::time::Duration;

/// A planned switchover may cost clients so many times what two bare servers cost them.
const BARE_MOST: f64 = 2.2;
/// And such a part of what Patroni's own commands cost them.
const PATRONICTL_MOST: f64 = 1.0 / 15.0;
/// From the request to the first acknowledged write, with everything of the other site killed.
const KILLED_MOST: Duration = Duration::from_millis(500);
/// The same with the other site silently cut off.
const CUT_MOST: Duration = Duration::from_secs(3);
/// The console between two steps.
const BETWEEN_MOST: Duration = Duration::from_millis(10);
/// What was acknowledged within this of the moment at which the link was cut, or the site killed, was on its way: it may have arrived.
pub const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// One figure that has to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    what: String,
    found: String,
    wanted: String,
    /// It is reached.
    pub kept: bool,
}

impl Goal {
    fn new(what: impl Into<String>, found: impl Into<String>, wanted: impl Into<String>, kept: bool) -> Self {
        Self { what: what.into(), found: found.into(), wanted: wanted.into(), kept }
    }

    /// Nothing of these may have happened.
    fn none(what: impl Into<String>, found: u64) -> Self {
        Self::new(what, found.to_string(), "0", found == 0)
    }

    fn within(what: impl Into<String>, of: &mut Spread, most: Duration) -> Self {
        let median = of.percentile(50);
        let found = format!("{} (at most {}, n = {})", ms(median), ms(of.percentile(100)), of.len());
        Self::new(what, found, format!("median at most {}", ms(most)), median <= most)
    }

    fn all(what: impl Into<String>, kept: usize, of: usize) -> Self {
        Self::new(what, format!("{kept} of {of}"), format!("{of} of {of}"), kept == of)
    }

    /// The row of a table.
    pub fn row(&self) -> Vec<String> {
        let word = if self.kept { "kept" } else { "MISSED" };
        vec![self.what.clone(), self.found.clone(), self.wanted.clone(), word.to_owned()]
    }
}

/// Every goal about which something was measured.
pub fn goals(tally: &mut Tally) -> Vec<Goal> {
    let mut goals = ratios(tally);
    for (name, of) in &tally.planned {
        // The others are there to be compared with; what they lose is in the table.
        if name.starts_with("console") {
            goals.push(Goal::none(format!("{name}: acknowledged rows lost, in all runs"), of.lost));
            goals.push(Goal::none(format!("{name}: two nodes that accepted writes at once, in all runs"), of.two_writable as u64));
        }
    }
    goals.extend(emergencies(tally));
    if tally.between.len() > 0 {
        goals.push(Goal::within("the console between two steps", &mut tally.between, BETWEEN_MOST));
    }
    for (name, of) in &mut tally.chats {
        goals.push(Goal::none(format!("chat, {name}: acknowledged messages lost beyond what was on its way"), of.lost - of.on_its_way));
        goals.push(Goal::none(format!("chat, {name}: messages that are there twice"), of.duplicates));
    }
    goals
}

fn ratios(tally: &mut Tally) -> Vec<Goal> {
    let compared = [("console", "bare, pg_ctl", BARE_MOST), ("console", "patronictl", PATRONICTL_MOST)];
    let ratio = |(ours, theirs, most): (&str, &str, f64)| {
        let ratio = tally.ratio(ours, theirs)?;
        Some(Goal::new(format!("outage, {ours} / {theirs}"), format!("{ratio:.3}"), format!("at most {most:.3}"), ratio <= most))
    };
    compared.into_iter().filter_map(ratio).collect()
}

fn emergencies(tally: &Tally) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (name, all) in &tally.emergencies {
        let mut first: Spread = all.iter().map(|one| one.first).collect();
        match *name {
            "killed" => goals.push(Goal::within("failover, killed: from the request to the first write", &mut first, KILLED_MOST)),
            "cut off" => goals.push(Goal::within("failover, cut off: from the request to the first write", &mut first, CUT_MOST)),
            _ => {}
        }
        let explained = all.iter().filter(|one| one.loss_is_explained()).count();
        goals.push(Goal::all(format!("failover, {name}: rows lost are the rows that had not been shipped"), explained, all.len()));
        let quiet = all.iter().filter(|one| one.accepted_nothing()).count();
        goals.push(Goal::all(format!("failover, {name}: returns that accepted nothing"), quiet, all.len()));
    }
    goals
}

impl Emergency {
    /// Everything that is lost had not been shipped, and everything that had not been shipped is lost.
    fn loss_is_explained(&self) -> bool {
        (self.unshipped.0..=self.unshipped.1).contains(&self.lost)
    }

    /// No client got a row in.
    fn accepted_nothing(&self) -> bool {
        self.accepted == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_missed_by_the_smallest_step() {
        let spread = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Spread>();
        assert!(Goal::within("x", &mut spread(&[9, 10, 400]), BETWEEN_MOST).kept);
        assert!(!Goal::within("x", &mut spread(&[9, 11, 12]), BETWEEN_MOST).kept);
        assert!(Goal::all("x", 20, 20).kept && !Goal::all("x", 19, 20).kept);
        assert_eq!(Goal::none("lost", 1).row(), ["lost", "1", "0", "MISSED"]);
    }

    #[test]
    fn a_loss_is_explained_by_what_had_not_been_shipped_and_by_nothing_else() {
        let emergency = |lost, unshipped| Emergency { lost, unshipped, ..Emergency::default() };
        assert!(emergency(0, (0, 3)).loss_is_explained());
        assert!(emergency(150, (145, 160)).loss_is_explained());
        assert!(!emergency(4, (0, 3)).loss_is_explained(), "more is lost than can be explained");
        assert!(!emergency(100, (145, 160)).loss_is_explained(), "what had not been shipped cannot be there");
    }

    #[test]
    fn nothing_measured_is_no_goal_kept() {
        assert_eq!(goals(&mut Tally::default()), []);
    }
}
