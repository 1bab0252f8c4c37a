//! What was measured, and how it is told.

use super::print;
use crate::figures::{Spread, ms};
use std::{collections::BTreeMap, time::Duration};
use switchback_domain::{
    Millis,
    operation::{Operation, Step, StepRun},
};
use switchback_lab::{Overlap, Verdict};

/// Goals of a planned switchover: against bare PostgreSQL, and against Patroni's own commands.
const GOAL_BARE: f64 = 2.2;
const GOAL_PATRONICTL: f64 = 1.0 / 15.0;

#[derive(Default)]
struct Planned {
    outages: Spread,
    directions: BTreeMap<String, Spread>,
    acknowledged: u64,
    lost: u64,
    two_writable: usize,
}

struct Emergency {
    direction: String,
    first: Duration,
    expected: String,
    lost: u64,
    rogue: u64,
    writable: bool,
    whole_after: Duration,
}

/// All measurements.
#[derive(Default)]
pub struct Tally {
    planned: BTreeMap<String, Planned>,
    emergencies: BTreeMap<&'static str, Vec<Emergency>>,
    between: Spread,
    steps: BTreeMap<&'static str, Spread>,
    meter_off: Spread,
    meter_silent: usize,
}

impl Tally {
    /// Adds a planned switchover and says it at once.
    pub fn planned(&mut self, name: &str, direction: &str, outage: Duration, verdict: &Verdict, overlap: Option<Overlap>) {
        let of = self.planned.entry(name.to_owned()).or_default();
        of.outages.push(outage);
        of.directions.entry(direction.to_owned()).or_default().push(outage);
        of.acknowledged += verdict.acknowledged;
        of.lost += verdict.lost;
        of.two_writable += usize::from(overlap.is_some());
        let overlap = overlap.map_or_else(String::new, |overlap| format!("; {overlap}"));
        println!("  {name} {direction}: outage {}, {} of {} rows lost{overlap}", ms(outage), verdict.lost, verdict.acknowledged);
    }

    /// Adds an emergency failover and says it at once. `returned`: rows that the returning site accepted, whether a node of it was ever
    /// writable, and how long it took until everything followed.
    pub fn emergency(
        &mut self,
        name: &'static str,
        direction: &str,
        first: Duration,
        verdict: &Verdict,
        expected: &str,
        returned: (u64, bool, Duration),
    ) {
        let (rogue, writable, whole_after) = returned;
        println!(
            "  {name} {direction}: first write after {}, expected loss {expected}, found {} rows; return: {rogue} rows accepted, whole after {}",
            ms(first),
            verdict.lost,
            ms(whole_after),
        );
        let of = self.emergencies.entry(name).or_default();
        of.push(Emergency {
            direction: direction.to_owned(),
            first,
            expected: expected.to_owned(),
            lost: verdict.lost,
            rogue,
            writable,
            whole_after,
        });
    }

    /// Adds what an operation's own journal says: how long each step took, and how long the console took between two.
    pub fn journal(&mut self, operation: &Operation) {
        let ran: Vec<(&'static str, &StepRun)> = operation.plan.steps.iter().map(Step::word).zip(&operation.steps).collect();
        for (word, run) in &ran {
            if let (Some(began), Some(ended)) = (run.began_at, run.ended_at) {
                self.steps.entry(word).or_default().push(Duration::from_millis(Millis::between(began, ended).0));
            }
        }
        for pair in ran.windows(2) {
            if let (Some(ended), Some(began)) = (pair[0].1.ended_at, pair[1].1.began_at) {
                let gap = began.duration_since(ended).unsigned_abs();
                self.between.push(gap);
            }
        }
    }

    /// Adds how far the console's own outage meter was from what the client saw.
    pub fn meter(&mut self, client: Duration, console: Option<Duration>) {
        match console {
            Some(console) => self.meter_off.push(client.abs_diff(console)),
            None => self.meter_silent += 1,
        }
    }

    fn median(&mut self, name: &str) -> Option<Duration> {
        self.planned.get_mut(name).map(|of| of.outages.percentile(50))
    }

    /// Prints everything.
    pub fn print(&mut self) {
        let rows: Vec<Vec<String>> = self
            .planned
            .iter_mut()
            .map(|(name, of)| {
                let directions: Vec<String> =
                    of.directions.iter_mut().map(|(direction, spread)| format!("{direction} {}", ms(spread.percentile(50)))).collect();
                vec![
                    name.clone(),
                    of.outages.len().to_string(),
                    ms(of.outages.percentile(1)),
                    ms(of.outages.percentile(50)),
                    ms(of.outages.percentile(100)),
                    directions.join(", "),
                    format!("{} of {}", of.lost, of.acknowledged),
                    of.two_writable.to_string(),
                ]
            })
            .collect();
        let columns = ["variant", "n", "min", "median", "max", "medians by direction", "rows lost", "two writable"];
        print("planned switchover: the longest time in which the client got no acknowledgement", &columns, &rows);
        for (ours, theirs, goal) in [
            ("console", "bare, pg_ctl", GOAL_BARE),
            ("console", "bare, signals", GOAL_BARE),
            ("console, 10 ms away", "bare, pg_ctl, 10 ms away", GOAL_BARE),
            ("console", "patronictl", GOAL_PATRONICTL),
        ] {
            if let (Some(mine), Some(other)) = (self.median(ours), self.median(theirs)) {
                let ratio = mine.as_secs_f64() / other.as_secs_f64();
                let kept = if ratio <= goal { "kept" } else { "MISSED" };
                println!("  {ours} / {theirs}: {ratio:.3} (goal at most {goal:.3}: {kept})");
            }
        }
        let rows: Vec<Vec<String>> = self.emergencies.iter().flat_map(|(name, all)| all.iter().map(|one| row(name, one))).collect();
        if !rows.is_empty() {
            let columns = [
                "variant",
                "direction",
                "first write",
                "expected loss",
                "rows lost",
                "rows the return accepted",
                "was writable",
                "whole after",
            ];
            print("emergency failover: from the request to the first acknowledged write, and the return of the lost site", &columns, &rows);
            for (name, all) in &self.emergencies {
                let mut spread: Spread = all.iter().map(|one| one.first).collect();
                println!(
                    "  {name}: {}; {} of {} returns accepted nothing",
                    spread.in_words(),
                    all.iter().filter(|one| one.rogue == 0).count(),
                    all.len()
                );
            }
        }
        if self.between.len() > 0 {
            println!("\nthe console between two steps: {}", self.between.in_words());
            let rows: Vec<Vec<String>> = self.steps.iter_mut().map(|(word, spread)| vec![(*word).to_owned(), spread.in_words()]).collect();
            print("steps, by the operation's own journal", &["step", "took"], &rows);
        }
        if self.meter_off.len() + self.meter_silent > 0 {
            println!(
                "the console's outage meter is off from the client by: {}; it had nothing to say {} times",
                self.meter_off.in_words(),
                self.meter_silent
            );
        }
    }
}

fn row(name: &str, one: &Emergency) -> Vec<String> {
    vec![
        name.to_owned(),
        one.direction.clone(),
        ms(one.first),
        one.expected.clone(),
        one.lost.to_string(),
        one.rogue.to_string(),
        if one.writable { "yes" } else { "no" }.to_owned(),
        ms(one.whole_after),
    ]
}
