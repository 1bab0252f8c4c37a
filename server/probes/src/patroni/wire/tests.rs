#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use super::*;
use crate::recorded::{NODES, SITUATIONS, answer};
use proptest::prelude::*;
use switchback_domain::ProbeFailure;

fn own(url: &str) -> Url {
    url.parse().unwrap()
}

fn facts(situation: &str, node: &str) -> Option<Result<PatroniFacts, String>> {
    let get = |question: &str| answer(situation, &format!("{node}-{question}.json"));
    let status = get("patroni")?;
    let all = || {
        let extra =
            |question| get(question).ok_or_else(|| Problem::new(ProbeFailure::TimedOut { after: switchback_domain::Millis(0) }, "none"));
        let cluster = extra("cluster").and_then(|body| cluster(&body)).unwrap_or_default();
        let history = extra("history").and_then(|body| history(&body)).unwrap_or_default();
        super::status(&status)?.facts(&own("http://198.18.1.11:8008"), cluster, config(&extra("config")?)?, history)
    };
    Some(all().map_err(|problem: Problem| format!("{:?}", problem.failure)))
}

#[test]
fn what_patroni_said_in_the_lab_is_translated() {
    for situation in SITUATIONS {
        for node in NODES {
            if let Some(facts) = facts(situation, node) {
                insta::assert_json_snapshot!(format!("{situation}-{node}"), facts);
            }
        }
    }
}

#[test]
fn the_roles_of_a_healthy_pool_are_told_apart() {
    let role = |node| facts("healthy", node).unwrap().unwrap().role;
    assert_eq!(NODES.map(role), [PatroniRole::Primary, PatroniRole::Replica, PatroniRole::StandbyLeader, PatroniRole::Replica]);
}

#[test]
fn a_node_whose_database_is_down_still_answers() {
    let body = br#"{"state":"start failed","role":"replica","dcs_last_seen":1795389787,"patroni":{"version":"4.1.5","scope":"pool-a","name":"a2"}}"#;
    let facts = status(body).unwrap().facts(&own("http://198.18.1.12:8008"), Cluster::default(), DynamicConfig::default(), vec![]).unwrap();
    assert_eq!((facts.state, facts.server_version, facts.timeline), (PatroniState::Failed, None, None));
}

#[test]
fn older_versions_are_read_and_one_that_does_not_say_its_name_is_found_in_its_cluster() {
    for (version, at, demotes_cleanly) in [("3.0.2", 20301, false), ("3.3.8", 20401, false), ("4.0.7", 20501, false)] {
        let get = |node: &str, question: &str| answer(&format!("patroni-{version}"), &format!("{node}-{question}.json")).unwrap();
        for (node, number) in [("a1", 0), ("a2", 1)] {
            let read = |own: &Url, cluster| {
                status(&get(node, "patroni")).unwrap().facts(own, cluster, config(&get("a1", "config")).unwrap(), vec![])
            };
            let own = own(&format!("http://127.0.0.1:{}", at + number));
            let facts = read(&own, cluster(&get("a1", "cluster")).unwrap()).unwrap();
            assert_eq!(facts.name.as_ref().map(NodeName::as_str), Some(node), "{version}");
            assert_eq!((facts.patroni_version.as_str(), facts.demotes_cleanly()), (version, demotes_cleanly));
            let alone = read(&own, Cluster::default()).unwrap();
            assert_eq!(alone.name.is_some(), version != "3.0.2", "{version}: without its cluster only its own word counts");
        }
    }
    let elsewhere = own("http://127.0.0.1:1");
    let get = |question: &str| answer("patroni-3.0.2", &format!("a1-{question}.json")).unwrap();
    let stranger = status(&get("patroni")).unwrap().facts(&elsewhere, cluster(&get("cluster")).unwrap(), DynamicConfig::default(), vec![]);
    assert_eq!(stranger.unwrap().name, None, "nobody's name is guessed");
}

#[test]
fn only_patroni_4_1_and_newer_is_taken_to_demote_cleanly() {
    let body = |version: &str| {
        format!(r#"{{"state":"running","role":"replica","patroni":{{"version":"{version}","scope":"pool-a","name":"a2"}}}}"#)
    };
    let cleanly = |version: &str| {
        let status = status(body(version).as_bytes()).unwrap();
        status.facts(&own("http://198.18.1.12:8008"), Cluster::default(), DynamicConfig::default(), vec![]).unwrap().demotes_cleanly()
    };
    for new in ["4.1.0", "4.1.5", "4.2", "4.10.1", "5.0.0", "10.0", "4.1rc1"] {
        assert!(cleanly(new), "{new}");
    }
    for old in ["3.0.2", "3.3.11", "4.0.11", "2.1.7", "4", "", "new", "x.4.1", "-4.1"] {
        assert!(!cleanly(old), "{old:?}");
    }
}

#[test]
fn roles_of_other_versions_are_understood_and_unknown_ones_refused() {
    assert_eq!(role("master").unwrap(), PatroniRole::Primary);
    assert_eq!(role("quorum_standby").unwrap(), PatroniRole::Replica);
    assert_eq!(role("uninitialized").unwrap(), PatroniRole::Uninitialized);
    assert_eq!(role("emperor").unwrap_err().failure, ProbeFailure::Garbage);
}

#[test]
fn every_state_that_patroni_has_is_a_word_of_ours() {
    let states = [
        ("running", PatroniState::Running),
        ("in archive recovery", PatroniState::Running),
        ("starting", PatroniState::Starting),
        ("restarting", PatroniState::Starting),
        ("starting after custom bootstrap", PatroniState::Starting),
        ("stopping", PatroniState::Stopping),
        ("stopped", PatroniState::Stopped),
        ("crashed", PatroniState::Stopped),
        ("initializing new cluster", PatroniState::Creating),
        ("creating replica", PatroniState::Creating),
        ("running custom bootstrap script", PatroniState::Creating),
        ("initdb failed", PatroniState::Failed),
        ("custom bootstrap failed", PatroniState::Failed),
        ("restart failed", PatroniState::Failed),
        ("stop failed", PatroniState::Failed),
        ("unknown", PatroniState::Other("unknown".to_owned())),
    ];
    for (word, ours) in states {
        assert_eq!(state(word), ours, "{word}");
    }
}

#[test]
fn a_history_of_nothing_is_empty_and_entries_may_lack_time_and_leader() {
    assert_eq!(history(b"null").unwrap(), vec![]);
    assert_eq!(history(b"[]").unwrap(), vec![]);
    let all =
        history(br#"[[1,25165984,"no recovery target specified"],[15,83886240,"x","2026-11-22T20:43:43.123456+00:00","a2"]]"#).unwrap();
    assert_eq!((all[0].parent, all[0].at, all[0].leader.as_deref()), (Timeline(1), None, None));
    assert_eq!(all[1].switched_at, Lsn(83_886_240));
    assert_eq!(all[1].at, Some("2026-11-22T20:43:43.123456Z".parse().unwrap()));
    assert_eq!(all[1].leader.as_deref(), Some("a2"));
    assert_eq!(history(br#"[["x"]]"#).unwrap_err().failure, ProbeFailure::Garbage);
}

#[test]
fn a_scheduled_switchover_or_restart_is_noticed() {
    assert!(!cluster(br#"{"members":[{"name":"a1","role":"leader"}]}"#).unwrap().scheduled);
    assert!(cluster(br#"{"members":[],"scheduled_switchover":{"at":"2026-11-23T00:00:00+00:00","from":"a1"}}"#).unwrap().scheduled);
    assert!(cluster(br#"{"members":[{"name":"a1","role":"leader","scheduled_restart":{"schedule":"x"}}]}"#).unwrap().scheduled);
}

#[test]
fn a_configuration_written_by_hand_is_read_as_patroni_reads_it() {
    let config = config(br#"{"ttl":"30","loop_wait":10,"synchronous_mode":"on","slots":null,"postgresql":{"pre_promote":"/guard"},"standby_cluster":{"host":"b1,b2","port":"5432"}}"#)
        .unwrap();
    assert_eq!((config.ttl_s, config.loop_wait_s, config.synchronous_mode, config.pre_promote), (Some(30), Some(10), true, true));
    assert_eq!(config.standby_cluster, Some(StandbyCluster { host: "b1,b2".to_owned(), port: Some(5432), slot: None }));
}

#[test]
fn a_name_that_could_not_be_a_node_is_refused() {
    let body = br#"{"state":"running","role":"replica","patroni":{"version":"4","scope":"s","name":"<script>"}}"#;
    assert_eq!(status(body).err().unwrap().failure, ProbeFailure::Garbage);
}

#[test]
fn every_beginning_of_an_answer_is_cut_short() {
    let body = answer("healthy", "a1-patroni.json").unwrap();
    for end in 0..body.len() {
        assert_eq!(status(&body[..end]).err().unwrap().failure, ProbeFailure::CutShort, "{end}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
        let _ = (status(&bytes).is_ok(), cluster(&bytes).is_ok(), config(&bytes).is_ok(), history(&bytes).is_ok());
    }

    #[test]
    fn a_damaged_answer_is_read_or_refused_without_panic(at in 0usize..4096, byte: u8, which in 0usize..4) {
        let question = ["patroni", "cluster", "config", "history"][which];
        let mut body = answer("switched-over", &format!("b1-{question}.json")).unwrap();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        let read = status(&body).and_then(|status| status.facts(&own("http://198.18.1.11:8008"), Cluster::default(), DynamicConfig::default(), vec![]));
        let _ = (read.is_ok(), cluster(&body).is_ok(), config(&body).is_ok(), history(&body).is_ok());
    }
}
