//! Whole operations in the simulated world: planned, emergency, re-protection and the way back, with faults, with the console killed at
//! any write of its journal, and with a second console on the same store.
//!
//! `SIMULATE_SEEDS=500` runs so many seeds of each kind instead of a few. A case that fails prints itself and its story; `tell` tells the
//! story of one seed: `SIMULATE_FROM=17 SIMULATE_KIND=Failover cargo nextest run … --run-ignored only tell --no-capture`.

use std::collections::BTreeMap;
use switchback_domain::{
    Millis, Side,
    operation::{Difference, StepEvidence},
};
use switchback_simulator::{
    case::{Case, CaseResult, Kind},
    store::Crash,
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The case that a seed stands for: every third one has a crash, every ninth two.
fn of_seed(seed: u64, kind: Kind) -> Case {
    let at = u32::try_from(seed / 3 % 24).expect("a small number");
    let first = Crash { at, written: seed.is_multiple_of(2) };
    let crashes = match (seed % 3, seed % 9) {
        (0, 0) => vec![first, Crash { at: at + 3, written: !first.written }],
        (0, _) => vec![first],
        _ => Vec::new(),
    };
    let faults = number("SIMULATE_FAULTS").unwrap_or(seed % 4);
    Case { crashes, faults, wishes: true, liars: seed % 5 == 4, ..Case::plain(kind, seed) }
}

/// Runs a case in which nothing breaks; everything must be done.
fn done(case: &Case) -> CaseResult {
    let told = case.check();
    assert!(!told.ends.is_empty() && told.ends.iter().all(|end| end.ends_with(": done")), "{:?}\n{}", told.ends, told.last(120));
    told
}

/// Runs the cases of some seeds. Whatever strikes, nothing may go wrong.
fn with_faults(kind: Kind, first: u64, count: u64) {
    for seed in first..first + number("SIMULATE_SEEDS").unwrap_or(count) {
        of_seed(seed, kind).check();
    }
}

/// Kills the console at each write of the journal in turn, before or after it is written; with nothing else broken, everything must be
/// done nevertheless.
fn killed_at_any_write(kind: Kind) {
    let (before, all) = Case::plain(kind, 2).check().writes;
    assert!(all > before + 4, "the journal is written to");
    for at in 0..all - before {
        for written in [true, false] {
            // Both ways at each write only when there is time.
            if written == at.is_multiple_of(2) || number("SIMULATE_SEEDS").is_some() {
                done(&Case { crashes: vec![Crash { at, written }], ..Case::plain(kind, 2) });
            }
        }
    }
}

#[test]
fn a_planned_switchover_in_peace_is_done_and_the_other_site_writes() {
    let told = done(&Case::plain(Kind::Switchover, 4));
    assert_eq!((told.writers, told.splits), (vec![2], 0));
}

#[test]
fn a_switchover_ends_before_the_demotion_when_patroni_turns_out_to_be_too_old() {
    for seed in 1..=4 {
        let told = Case::plain(Kind::OlderPatroni, seed).check();
        assert!(told.ends.iter().all(|end| !end.ends_with(": done")) && told.ends.len() == 1, "{:?}\n{}", told.ends, told.last(60));
        assert_eq!(told.writers, [0], "the old site was never told to follow: {}", told.last(60));
        assert!(told.measured.iter().all(|measured| measured.outage().is_none()), "nobody waited: {:?}", told.measured);
    }
}

#[test]
fn whatever_answers_in_a_living_sites_name_nobody_fails_over_from_it_and_clients_notice_nothing() {
    for seed in 1..=12 {
        let told = done(&Case::plain(Kind::LiedTo, seed));
        assert_eq!((told.writers, told.splits), (vec![2], 0), "the planned switchover afterwards is the only move");
    }
}

#[test]
fn a_failover_and_its_reprotection_are_done_and_the_lost_site_follows() {
    assert_eq!(done(&Case::plain(Kind::Failover, 4)).writers, [2]);
}

/// Between two rows of a client, and of the outage meter, something else may happen.
const ROW: u64 = 80;

#[test]
fn the_console_shows_that_clients_wait_while_they_do_and_reports_for_how_long() {
    for (kind, seed) in [(Kind::Switchover, 4), (Kind::Switchover, 5), (Kind::Failback, 4)] {
        let told = done(&Case::plain(kind, seed));
        for measured in &told.measured {
            let (last, first) = measured.felt;
            let (said_last, said_first, uncertain) = measured.outage().expect("it was measured");
            assert!(said_last.abs_diff(last) <= ROW && said_first.abs_diff(first) <= ROW, "{measured:?}");
            assert!(uncertain.0 <= 2 * ROW, "nobody disturbed it, and the console has seen too little of it: {measured:?}");
            let shown_at = measured.shown_at.expect("it was shown");
            assert!(last < shown_at && shown_at < first, "shown too late to be of use: {measured:?}");
        }
    }
}

#[test]
fn an_outage_is_measured_although_the_console_dies_in_it() {
    let mut unseen = 0;
    for seed in 2..=3 {
        let (before, all) = Case::plain(Kind::Switchover, seed).check().writes;
        for at in 0..all - before {
            let told = done(&Case { crashes: vec![Crash { at, written: true }], ..Case::plain(Kind::Switchover, seed) });
            let [measured] = &told.measured[..] else { panic!("{:?}", told.measured) };
            let (last, first) = measured.felt;
            let (said_last, said_first, uncertain) = measured.outage().unwrap_or_else(|| panic!("write {at}: {measured:?}"));
            let (felt, said) = (first - last, said_first - said_last);
            let within = said.saturating_sub(uncertain.0) <= felt + ROW && felt <= said + ROW;
            assert!(within, "write {at}: clients waited for {felt} ms, it is said to be {said} ms, perhaps {} less", uncertain.0);
            unseen += u32::from(uncertain.0 > 0);
        }
    }
    assert!(unseen > 1, "the console died in no outage: this proves nothing");
}

#[test]
fn the_outage_of_a_switchover_that_is_taken_back_is_reported_too() {
    let mut undone = 0;
    for seed in 1..=60 {
        let told = Case { wishes: true, ..Case::plain(Kind::Switchover, seed) }.check();
        for measured in &told.measured {
            let (last, first) = measured.felt;
            if measured.report.undone.iter().any(|undo| undo.step.as_code() == "demote") && first - last > 3 * ROW {
                let (said_last, said_first, _) = measured.outage().unwrap_or_else(|| panic!("{seed}: {measured:?}"));
                assert!(said_last.abs_diff(last) <= ROW && said_first.abs_diff(first) <= ROW, "{seed}: {measured:?}");
                undone += 1;
            }
        }
    }
    assert!(undone > 0, "none was taken back after clients had begun to wait: this proves nothing");
}

#[test]
fn a_failover_is_measured_from_the_last_sign_of_the_lost_site_and_judged_when_it_comes_back() {
    let mut lossy = 0;
    for seed in 1..=16 {
        let told = done(&Case::plain(Kind::Failover, seed));
        let measured = told.measured.first().expect("a failover");
        let (last, first) = measured.felt;
        let (said_last, said_first, uncertain) = measured.outage().unwrap_or_else(|| panic!("{seed}: {measured:?}"));
        assert!(said_first.abs_diff(first) <= ROW, "{seed}: the first write is known: {measured:?}");
        // The heartbeat is written each second, and a site is not always lost for everybody in the same second.
        assert!(said_last.abs_diff(last) <= 3_000 && uncertain.0 <= 3_000, "{seed}: {measured:?}");
        assert!(measured.shown_at.is_some_and(|shown_at| shown_at < first), "{seed}: {measured:?}");
        let expected = measured.expected_loss().unwrap_or_else(|| panic!("{seed}: nobody said what would be lost"));
        let (Some(_), Some(age), said_at) = expected else { panic!("{seed}: how much would be lost, and as of when? {expected:?}") };
        // The last figures are as old as the last answer of the site that died, and not older than that.
        let silent_for = said_at.saturating_sub(last);
        assert!(age.0 <= silent_for + 3_000, "{seed}: figures of {} ms ago, of a site that wrote {silent_for} ms ago", age.0);
        let loss = &measured.report.loss;
        let found = loss.found.as_ref().unwrap_or_else(|| panic!("{seed}: nobody looked: {loss:?}\n{}", told.last(60)));
        let rows = told.lost.len() as u64;
        assert!(rows == 0 || found.rows.is_some_and(|found| found >= rows), "{seed}: {rows} rows are lost: {loss:?}");
        lossy += u32::from(rows > 0);
    }
    assert!(lossy > 0, "nothing was lost: this proves nothing");
}

#[test]
fn what_a_failover_loses_is_saved_before_the_lost_site_follows() {
    let mut lost = 0;
    for seed in 1..=6 {
        for kind in [Kind::Failover, Kind::Reprotect, Kind::FailbackAtOnce] {
            let told = done(&Case::plain(kind, seed));
            let missing: Vec<_> = told.lost.difference(&told.saved).collect();
            assert!(missing.is_empty(), "{kind:?} {seed}: lost and not saved: {missing:?}\n{}", told.last(120));
            lost += told.lost.len();
        }
    }
    assert!(lost > 20, "only {lost} rows were lost: this proves nothing");
}

#[test]
fn nothing_that_cannot_be_saved_is_given_up_before_somebody_says_so() {
    let mut asked = 0;
    let failovers = (1..=16).map(|seed| (Kind::Failover, seed));
    for (kind, seed) in failovers.chain((1..=3).map(|seed| (Kind::SplitBrain, seed))) {
        let told = done(&Case { rows_are_hidden: true, ..Case::plain(kind, seed) });
        let answers = |line: &str| told.story.iter().position(|(_, said)| said == line);
        let given_up = answers("ann answers GiveUp");
        assert_eq!(given_up.is_some(), !told.lost.is_empty(), "{seed}: {} rows are lost\n{}", told.lost.len(), told.last(60));
        assert!(told.saved.is_empty(), "{seed}: they cannot be read");
        if let Some(given_up) = given_up {
            asked += 1;
            let rewound = told.story[..given_up].iter().find(|(_, line)| line.ends_with("and is rewound"));
            assert_eq!(rewound, None, "{seed}: a node was rewound before somebody gave its rows up");
            if kind == Kind::SplitBrain {
                continue;
            }
            let found = told.measured[0].report.loss.found.clone().unwrap_or_else(|| panic!("{seed}: nobody looked"));
            let writes = found.writes.unwrap_or_else(|| panic!("{seed}: nobody counted"));
            assert!(writes.changes() >= told.lost.len() as u64 && !found.not_saved.is_empty(), "{seed}: {writes:?}");
            assert_eq!(found.given_up.map(|given| given.reason).as_deref(), Some("as agreed"), "{seed}");
        }
    }
    assert!(asked > 3, "nothing was lost: this proves nothing");
}

#[test]
fn a_failback_in_peace_is_done_and_the_home_site_writes() {
    for kind in [Kind::Failback, Kind::Reprotect, Kind::FailbackAtOnce] {
        let told = done(&Case::plain(kind, 4));
        assert!(told.writers.len() == 1 && told.writers[0] < 2, "{kind:?}: {:?}", told.writers);
    }
}

#[test]
fn a_split_brain_is_ended_and_what_only_the_other_site_has_is_saved() {
    let (mut kept, mut lost) = (BTreeMap::new(), 0);
    for seed in 1..=8 {
        let told = done(&Case::plain(Kind::SplitBrain, seed));
        assert_eq!((told.writers.len(), told.splits), (1, 1), "{seed}: {:?}\n{}", told.writers, told.last(60));
        let leads = told.story.iter().find(|(_, line)| line.starts_with("console ->") && line.ends_with(": Lead"));
        assert_eq!(leads, None, "{seed}: nobody has to be told to lead");
        let missing: Vec<_> = told.lost.difference(&told.saved).collect();
        assert!(missing.is_empty(), "{seed}: set aside and not saved: {missing:?}\n{}", told.last(120));
        lost += told.lost.len();
        *kept.entry(told.writers[0] / 2).or_insert(0) += 1;
    }
    assert!(kept.len() == 2 && lost > 20, "only one site was kept, or nothing was set aside: {kept:?}, {lost}");
}

#[test]
fn a_site_whose_primary_has_lost_its_patroni_is_only_replaced_when_that_primary_has_stopped() {
    for seed in 1..=6 {
        let told = done(&Case::plain(Kind::Orphaned, seed));
        assert_eq!((told.writers.len(), told.splits), (1, 0), "{seed}: {:?}\n{}", told.writers, told.last(60));
        let asked = told.story.iter().any(|(_, line)| line.contains("StillWrites"));
        assert!(asked, "{seed}: nobody was told that it writes on");
    }
}

#[test]
fn a_site_of_which_only_the_etcd_answers_is_replaced_once_somebody_says_that_it_is_off() {
    for seed in 1..=6 {
        let told = done(&Case::plain(Kind::Walled, seed));
        // A machine whose etcd answers is not off, whatever somebody says: nobody is promoted beside it.
        assert_eq!((told.writers.len(), told.splits), (1, 0), "{seed}: {:?}\n{}", told.writers, told.last(60));
        let held = told.story.iter().any(|(_, line)| line == "etcd-a is told: HoldInEtcd");
        assert!(held, "{seed}: its etcd was not told");
    }
}

#[test]
fn after_orders_that_were_refused_there_is_always_a_way_to_a_pool_in_which_somebody_writes() {
    let (mut refused, mut put_back) = (0, 0);
    let kinds = [Kind::Switchover, Kind::Failover, Kind::BackMeanwhile, Kind::Failback, Kind::FailbackAtOnce, Kind::LocalSwitchover];
    // A refusal that begins at each write of the journal only when there is time.
    let (seeds, every) = number("SIMULATE_SEEDS").map_or((2, 5), |seeds| (seeds, 1));
    for seed in 1..=seeds {
        for kind in kinds {
            let from = u32::try_from(seed % 5).expect("a small number");
            for at in (from..20).step_by(every) {
                let side = if (seed + u64::from(at)).is_multiple_of(2) { Side::A } else { Side::B };
                let lasts = [2_000, 25_000, 120_000][usize::try_from((seed + u64::from(at)) % 3).expect("a small number")];
                let case = Case { refuses: Some((at, side, lasts)), regrets: seed.is_multiple_of(3), ..Case::plain(kind, seed) };
                let told = case.check();
                refused += u32::from(told.story.iter().any(|(_, what)| what.contains(" refuses: ")));
                put_back += u32::from(told.ends.iter().any(|end| end.ends_with(": undone")));
            }
        }
    }
    assert!(refused > 15 && put_back > 5, "{refused} cases with a refusal, {put_back} put back: this proves little");
}

/// The promotion is refused when the old site has stopped already: it leads again by itself, and nobody is asked.
#[test]
fn a_switchover_whose_promotion_is_refused_for_certain_is_taken_back_and_clients_write_on() {
    let mut seen = 0;
    for at in 8..16 {
        let case = Case { refuses: Some((at, Side::B, 300_000)), ..Case::plain(Kind::Switchover, 4) };
        let told = case.check();
        let promotes = told.story.iter().any(|(_, what)| what.starts_with("patroni-b") && what.ends_with("refuses: Lead"));
        if promotes && told.ends == ["switchover: undone"] {
            assert!(told.writers.len() == 1 && told.writers[0] < 2 && told.splits == 0, "write {at}\n{}", told.last(120));
            seen += 1;
        }
    }
    assert!(seen > 0, "no promotion was refused after the demotion: this proves nothing");
}

#[test]
fn a_switch_within_a_site_in_peace_is_done() {
    assert_eq!(done(&Case::plain(Kind::LocalSwitchover, 4)).writers.len(), 1);
}

#[test]
fn a_switchover_survives_the_death_of_the_console_at_any_write() {
    killed_at_any_write(Kind::Switchover);
}

#[test]
fn a_demotion_is_not_taken_back_beside_a_site_that_was_made_to_lead_while_the_console_was_away() {
    let mut asked = 0;
    let (before, all) = Case::plain(Kind::TakenOver, 2).check().writes;
    for at in 0..all - before {
        let told = Case { crashes: vec![Crash { at, written: true }], ..Case::plain(Kind::TakenOver, 2) }.check();
        assert_eq!(told.splits, 0, "write {at}: both sites wrote\n{}", told.last(80));
        asked += u32::from(told.story.iter().any(|(_, what)| what == "ann answers Abandon"));
    }
    assert!(asked > 0, "nobody was asked: this proves nothing");
}

#[test]
fn a_failover_survives_the_death_of_the_console_at_any_write() {
    killed_at_any_write(Kind::Failover);
}

#[test]
fn a_failover_that_is_taken_up_when_the_site_is_back_is_not_carried_through_without_a_person() {
    // Asked for, looked at, and about to be fenced.
    for at in 0..=3 {
        let told = Case { crashes: vec![Crash { at, written: true }], ..Case::plain(Kind::BackMeanwhile, 2) }.check();
        assert!(told.story.iter().any(|(_, what)| what == "ann answers Undo"), "write {at}: nobody was asked\n{}", told.last(120));
        assert_eq!((told.ends.first().map(String::as_str), told.splits), (Some("failover: undone"), 0), "write {at}\n{}", told.last(120));
    }
}

#[test]
fn a_failback_that_reprotects_first_survives_the_death_of_the_console_at_any_write() {
    killed_at_any_write(Kind::FailbackAtOnce);
}

#[test]
fn the_end_of_a_split_brain_survives_the_death_of_the_console_at_any_write() {
    killed_at_any_write(Kind::SplitBrain);
}

#[test]
fn a_switch_within_a_site_survives_the_death_of_the_console_at_any_write() {
    killed_at_any_write(Kind::LocalSwitchover);
}

#[test]
fn switchovers_under_faults_lose_nothing_and_never_let_both_sites_write() {
    with_faults(Kind::Switchover, 1, 12);
}

#[test]
fn failovers_under_faults_fence_before_they_promote() {
    with_faults(Kind::Failover, 1, 8);
}

#[test]
fn failovers_from_what_cannot_be_told_or_asked_never_promote_beside_a_node_that_writes() {
    with_faults(Kind::Orphaned, 1, 8);
    with_faults(Kind::Walled, 1, 8);
    // It is silent for a quarter of a second while it is fenced, and somebody has said that it is off.
    of_seed(223, Kind::Orphaned).check();
    of_seed(135, Kind::Orphaned).check();
}

#[test]
fn split_brains_under_faults_are_ended_by_stopping_one_site_for_good() {
    with_faults(Kind::SplitBrain, 1, 12);
}

#[test]
fn reprotections_under_faults_end_or_ask() {
    with_faults(Kind::Reprotect, 1, 6);
}

#[test]
fn failbacks_under_faults_lose_nothing_and_never_let_both_sites_write() {
    with_faults(Kind::Failback, 1, 6);
    with_faults(Kind::FailbackAtOnce, 1, 6);
}

#[test]
fn switches_within_a_site_under_faults_end_or_ask() {
    with_faults(Kind::LocalSwitchover, 1, 8);
}

#[test]
fn an_order_to_switch_within_a_site_that_was_lost_is_not_taken_for_done() {
    // Found among 1,500: the order of a second attempt got lost, and the old leader was taken for the new one.
    of_seed(1_447, Kind::LocalSwitchover).check();
}

#[test]
fn a_second_console_on_the_same_store_stays_out_of_the_way() {
    for kind in [Kind::Switchover, Kind::Reprotect, Kind::FailbackAtOnce] {
        done(&Case { second: true, ..Case::plain(kind, 2) });
    }
}

#[test]
fn what_the_fencer_did_before_a_failover_was_taken_back_is_in_its_report_with_the_outage() {
    for seed in 1..=6 {
        let told = Case::plain(Kind::HeldMeanwhile, seed).check();
        let story = || told.last(120);
        assert_eq!((&told.ends[..], told.splits), (&["failover: undone".to_owned()][..], 0), "{seed}\n{}", story());
        assert!(told.writers.len() == 1 && told.writers[0] < 2, "{seed}: {:?}\n{}", told.writers, story());
        let [measured] = &told.measured[..] else { panic!("{seed}: {:?}", told.measured) };
        let report = &measured.report;
        let held = |fact: &StepEvidence| matches!(fact, StepEvidence::FencerTold { answer } if answer.holds());
        assert!(report.undone.iter().flat_map(|undo| undo.run.every_fact()).any(held), "{seed}: {:?}\n{}", report.undone, story());
        let other = |difference: &Difference| matches!(difference, Difference::Timeline { side: Side::A, before, now } if before < now);
        assert!(report.differences.iter().any(other), "{seed}: {:?}\n{}", report.differences, story());
        let outage = report.outage.unwrap_or_else(|| panic!("{seed}: no outage\n{}", story()));
        // It was held for longer than the people took to answer.
        let length = outage.first_write_at.map(|until| Millis::between(outage.last_write_at, until));
        assert!(length.is_some_and(|length| length.0 > 6_000), "{seed}: {outage:?}\n{}", story());
        assert_eq!(report.fences, [], "{seed}: it was lifted");
    }
}

#[test]
fn a_failover_that_is_given_up_leaves_the_old_site_writable() {
    for seed in [28, 107] {
        for kind in [Kind::Reprotect, Kind::FailbackAtOnce] {
            Case { wishes: true, regrets: true, faults: 0, ..Case::plain(kind, seed) }.check();
        }
    }
}

#[test]
fn a_store_that_says_that_it_failed_and_did_not_holds_up_nobody() {
    for seed in 101..107 {
        for kind in [Kind::Switchover, Kind::Failover, Kind::Reprotect] {
            Case { forgets: true, faults: 6, ..of_seed(seed, kind) }.check();
        }
    }
}

#[test]
fn nobody_is_told_that_an_operation_has_ended_while_it_is_taken_up_again() {
    for seed in [3, 6, 9, 12] {
        for kind in [Kind::Switchover, Kind::Failover] {
            let told = of_seed(seed, kind).check();
            assert!(told.misled.is_empty(), "{kind:?} {seed}: {:?}\n{}", told.misled, told.last(60));
        }
    }
}

#[test]
fn an_isolated_site_stops_writing_as_soon_as_it_can_be_reached() {
    Case { faults: 6, ..of_seed(209, Kind::Failover) }.check();
}

#[test]
fn nothing_is_ordered_after_the_lease_has_run_out() {
    Case { faults: 6, ..of_seed(230, Kind::FailbackAtOnce) }.check();
    Case { faults: 6, ..of_seed(216, Kind::Reprotect) }.check();
    // The worst of them: the demotion is taken back when another console may already have promoted the other site.
    Case { faults: 4, ..of_seed(327, Kind::Switchover) }.check();
}

#[test]
fn the_same_case_tells_the_same_story() {
    for seed in 1..=3 {
        let case = Case { crashes: vec![Crash { at: 9, written: true }], ..of_seed(seed, Kind::Switchover) };
        let (mut one, mut two) = (case.run(), case.run());
        // Within a millisecond things may be told in any order.
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
#[ignore = "tells the stories of a seed: SIMULATE_FROM, SIMULATE_KIND, SIMULATE_FAULTS"]
fn tell() {
    let only = std::env::var("SIMULATE_KIND").unwrap_or_default();
    for kind in Kind::ALL.into_iter().filter(|kind| only.is_empty() || format!("{kind:?}") == only) {
        let told = of_seed(number("SIMULATE_FROM").unwrap_or(1), kind).run();
        println!("{}\n{:#?}\n{:?}", told.last(100_000), told.wrong, told.ends);
    }
}

#[test]
#[ignore = "goes on after failures and counts how operations end: SIMULATE_FROM, SIMULATE_SEEDS, SIMULATE_KIND"]
fn explore() {
    let (from, count) = (number("SIMULATE_FROM").unwrap_or(1), number("SIMULATE_SEEDS").unwrap_or(20));
    let only = std::env::var("SIMULATE_KIND").unwrap_or_default();
    let mut ends = BTreeMap::<String, u32>::new();
    let mut failed = 0;
    for seed in from..from + count {
        for kind in Kind::ALL.into_iter().filter(|kind| only.is_empty() || format!("{kind:?}") == only) {
            let case = of_seed(seed, kind);
            let told = case.run();
            for end in &told.ends {
                *ends.entry(end.chars().take(60).collect()).or_default() += 1;
            }
            if !told.wrong.is_empty() {
                failed += 1;
                println!("{case:?}\n   {}\n   {:?}", told.wrong.join("\n   "), told.ends);
            }
        }
    }
    println!("{ends:#?}");
    assert_eq!(failed, 0, "cases went wrong");
}
