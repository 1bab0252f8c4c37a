//! Whole operations in the simulated world: planned, emergency, re-protection and the way back, with faults and with the console killed
//! after any write of its journal. `SIMULATE_SEEDS=500` runs more of them; `SIMULATE_ONLY=<seed>` one, with its story.

use switchback_simulator::{
    case::{Case, Kind, Told},
    store::Crash,
};

fn plain(kind: Kind, seed: u64) -> Case {
    Case { seed, kind, crashes: Vec::new(), faults: 0, wishes: false, second: false }
}

fn done(kind: Kind) -> Told {
    let told = plain(kind, 4).check();
    println!("{kind:?}: {:?} splits {} writers {:?} lines {}", told.ends, told.splits, told.writers, told.story.len());
    assert!(told.ends.iter().all(|end| end.ends_with(": done")), "{:?}\n{}", told.ends, told.last(120));
    told
}

#[test]
fn a_planned_switchover_in_peace_is_done_and_the_other_site_writes() {
    assert_eq!(done(Kind::Switchover).writers, [2]);
}

#[test]
fn a_failover_and_its_reprotection_are_done_and_the_lost_site_follows() {
    assert_eq!(done(Kind::Failover).writers, [2]);
}

#[test]
fn a_failback_in_peace_is_done_and_the_home_site_writes() {
    assert!(done(Kind::Failback).writers[0] < 2);
}

#[test]
fn a_switch_within_a_site_in_peace_is_done() {
    assert_eq!(done(Kind::LocalSwitchover).writers.len(), 1);
}

#[test]
fn the_same_case_tells_the_same_story() {
    for seed in 1..=3 {
        let case = Case { seed, kind: Kind::Switchover, crashes: vec![Crash { at: 9, written: true }], faults: 2, wishes: true, second: false };
        let (one, two) = (case.run(), case.run());
        // Within a millisecond things may be told in any order.
        let (mut one, mut two) = (one, two);
        one.story.sort();
        two.story.sort();
        let differs = one.story.iter().zip(&two.story).position(|(one, two)| one != two);
        if let Some(at) = differs {
            let from = at.saturating_sub(5);
            panic!("seed {seed}, line {at}:\n{:#?}\n{:#?}", &one.story[from..=at], &two.story[from..=at]);
        }
        assert_eq!(one.story.len(), two.story.len());
    }
}

#[test]
#[ignore = "for exploring: SIMULATE_FROM, SIMULATE_SEEDS"]
fn explore() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (from, count) = (number("SIMULATE_FROM", 1), number("SIMULATE_SEEDS", 20));
    let only = std::env::var("SIMULATE_KIND").ok();
    let began = std::time::Instant::now();
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for seed in from..from + count {
        for kind in Kind::ALL {
            if only.as_ref().is_some_and(|only| format!("{kind:?}") != *only) {
                continue;
            }
            let case = explored(seed, kind);
            let told = case.run();
            for end in &told.ends {
                *ends.entry(end.chars().take(60).collect()).or_default() += 1;
            }
            if !told.wrong.is_empty() {
                println!("{case:?}\n   {}\n   {:?}", told.wrong.join("\n   "), told.ends);
            }
        }
    }
    println!("{ends:#?}\n{:?}", began.elapsed());
}

#[test]
#[ignore = "tells one story: SIMULATE_FROM, SIMULATE_KIND, SIMULATE_FAULTS"]
fn tell() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let seed = number("SIMULATE_FROM", 1);
    let only = std::env::var("SIMULATE_KIND").unwrap_or_default();
    for kind in Kind::ALL.into_iter().filter(|kind| format!("{kind:?}") == only) {
        let case = explored(seed, kind);
        let told = case.run();
        println!("{}\n{:#?}\n{:?}", told.last(100_000), told.wrong, told.ends);
    }
}

/// The case that exploring makes of a seed.
fn explored(seed: u64, kind: Kind) -> Case {
    let faults = std::env::var("SIMULATE_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(seed % 4);
    let at = u32::try_from(seed / 3 % 24).expect("a small number");
    let crashes = if seed % 3 == 0 { vec![Crash { at, written: seed % 2 == 0 }] } else { Vec::new() };
    Case { seed, kind, crashes, faults, wishes: true, second: seed % 5 == 0 }
}
