//! What was measured, and how it is told.

use super::goals;
use crate::figures::{Spread, ms, table};
use std::{collections::BTreeMap, time::Duration};
use switchback_domain::{
    Millis,
    operation::{Operation, Step, StepRun},
};
use switchback_lab::{Overlap, Verdict};

/// All runs of one way to switch over.
#[derive(Default)]
pub struct Planned {
    outages: Spread,
    directions: BTreeMap<String, Spread>,
    acknowledged: u64,
    /// Acknowledged rows that are gone.
    pub lost: u64,
    /// Runs in which two nodes accepted writes at once.
    pub two_writable: usize,
}

/// One emergency failover and the return of the lost site.
#[derive(Default)]
pub struct Emergency {
    /// From where to where.
    pub direction: String,
    /// From the request to the first acknowledged write.
    pub first: Duration,
    /// What the console said beforehand would be lost, in words.
    pub expected: String,
    /// What the console found afterwards was lost, in words.
    pub found: String,
    /// Acknowledged rows that are gone.
    pub lost: u64,
    /// How many rows had not been shipped: at least, and at most.
    pub unshipped: (u64, u64),
    /// Rows that the returning site accepted.
    pub accepted: u64,
    /// How long after its return a node of the site still was writable; nothing when none ever was.
    pub shut_after: Option<Duration>,
    /// How long after its return everything followed.
    pub whole_after: Duration,
}

/// All talks during one kind of operation.
#[derive(Default)]
pub struct Chats {
    runs: u64,
    acknowledged: u64,
    /// Acknowledged messages that are not in the archive.
    pub lost: u64,
    /// Of those, how many were acknowledged at the moment at which the site died.
    pub on_its_way: u64,
    /// Messages that are there more than once.
    pub duplicates: u64,
    gaps: Spread,
}

/// All measurements.
#[derive(Default)]
pub struct Tally {
    /// Planned switchovers, by variant.
    pub planned: BTreeMap<String, Planned>,
    /// Emergency failovers, by what happened to the site.
    pub emergencies: BTreeMap<&'static str, Vec<Emergency>>,
    /// Talks, by operation.
    pub chats: BTreeMap<&'static str, Chats>,
    /// The console between two steps.
    pub between: Spread,
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

    /// Adds an emergency failover and says it at once.
    pub fn emergency(&mut self, name: &'static str, one: Emergency) {
        println!(
            "  failover, {name} {}: first write after {}; loss said before: {}, found after: {}, {} rows; return: {} rows accepted, whole after {}",
            one.direction,
            ms(one.first),
            one.expected,
            one.found,
            one.lost,
            one.accepted,
            ms(one.whole_after),
        );
        self.emergencies.entry(name).or_default().push(one);
    }

    /// Adds a talk and says it at once. `on_its_way`: lost messages that were acknowledged at the moment at which the site died.
    pub fn chat(&mut self, name: &'static str, direction: &str, verdict: &Verdict, on_its_way: u64) {
        println!(
            "  chat, {name} {direction}: {} of {} messages lost, {} twice, longest gap {} ms, read back from {}",
            verdict.lost, verdict.acknowledged, verdict.duplicates, verdict.longest_outage_ms, verdict.read_back_from,
        );
        let of = self.chats.entry(name).or_default();
        of.runs += 1;
        of.acknowledged += verdict.acknowledged;
        of.lost += verdict.lost;
        of.on_its_way += on_its_way;
        of.duplicates += verdict.duplicates;
        of.gaps.push(Duration::from_millis(verdict.longest_outage_ms));
    }

    /// Adds what an operation's own journal says: how long each step took, and how long the console took between two.
    pub fn journal(&mut self, operation: &Operation) {
        let ran: Vec<(&'static str, &StepRun)> = operation.plan.steps.iter().map(Step::as_code).zip(&operation.steps).collect();
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

    /// The median of one variant beside that of another one; nothing when one was not measured.
    pub fn ratio(&mut self, ours: &str, theirs: &str) -> Option<f64> {
        let mut median = |name: &str| self.planned.get_mut(name).map(|of| of.outages.percentile(50));
        Some(median(ours)?.as_secs_f64() / median(theirs)?.as_secs_f64())
    }

    /// Prints everything. How many goals were missed, of how many.
    pub fn print(&mut self) -> (usize, usize) {
        self.print_planned();
        self.print_emergencies();
        self.print_chats();
        if self.between.len() > 0 {
            println!("\nthe console between two steps: {}", self.between.in_words());
            let rows: Vec<Vec<String>> = self.steps.iter_mut().map(|(word, spread)| vec![(*word).to_owned(), spread.in_words()]).collect();
            table("steps, by the operation's own journal", &["step", "took"], &rows);
        }
        if self.meter_off.len() + self.meter_silent > 0 {
            println!(
                "the console's outage meter is off from the client by: {}; it had nothing to say {} times",
                self.meter_off.in_words(),
                self.meter_silent
            );
        }
        let goals = goals::goals(self);
        if !goals.is_empty() {
            let rows: Vec<Vec<String>> = goals.iter().map(goals::Goal::row).collect();
            table("goals", &["goal", "found", "wanted", ""], &rows);
        }
        (goals.iter().filter(|goal| !goal.kept).count(), goals.len())
    }

    fn print_planned(&mut self) {
        let row = |(name, of): (&String, &mut Planned)| {
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
        };
        let rows: Vec<Vec<String>> = self.planned.iter_mut().map(row).collect();
        if rows.is_empty() {
            return;
        }
        let columns = ["variant", "n", "min", "median", "max", "medians by direction", "rows lost", "two writable"];
        table("planned switchover: the longest time in which the client got no acknowledgement", &columns, &rows);
        // Whatever is beyond the floor could be less: stopping and promoting cost this much whoever does it. With latency `pg_ctl` hides in its own
        // waiting, ten looks a second, what the way costs.
        for (ours, other) in [("console", "bare, signals"), ("console, 10 ms away", "bare, pg_ctl, 10 ms away")] {
            if let Some(ratio) = self.ratio(ours, other) {
                println!("  {ours} / {other}: {ratio:.3}; to compare, no goal");
            }
        }
    }

    fn print_emergencies(&self) {
        let row = |name: &str, one: &Emergency| {
            vec![
                name.to_owned(),
                one.direction.clone(),
                ms(one.first),
                one.expected.clone(),
                one.found.clone(),
                one.lost.to_string(),
                format!("{} to {}", one.unshipped.0, one.unshipped.1),
                one.accepted.to_string(),
                one.shut_after.map_or_else(|| "never".to_owned(), ms),
                ms(one.whole_after),
            ]
        };
        let rows: Vec<Vec<String>> = self.emergencies.iter().flat_map(|(name, all)| all.iter().map(|one| row(name, one))).collect();
        if rows.is_empty() {
            return;
        }
        let columns = [
            "variant",
            "direction",
            "first write",
            "loss said before",
            "loss found after",
            "rows lost",
            "rows not shipped",
            "rows the return accepted",
            "it was writable until",
            "whole after",
        ];
        table("emergency failover: from the request to the first acknowledged write, and the return of the lost site", &columns, &rows);
    }

    fn print_chats(&mut self) {
        let row = |(name, of): (&&'static str, &mut Chats)| {
            let gaps = [50, 100].map(|percent| ms(of.gaps.percentile(percent)));
            let lost = format!("{} of {}", of.lost, of.acknowledged);
            vec![(*name).to_owned(), of.runs.to_string(), gaps[0].clone(), gaps[1].clone(), lost, of.duplicates.to_string()]
        };
        let rows: Vec<Vec<String>> = self.chats.iter_mut().map(row).collect();
        if !rows.is_empty() {
            let columns = ["during", "n", "median gap", "longest gap", "messages lost", "twice"];
            table("chat: four people in one room, whose archive is read at a member of the other site", &columns, &rows);
        }
    }
}
