#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use super::*;
use crate::recorded::{NODES, answer};
use proptest::prelude::*;

fn recorded(node: &str) -> String {
    String::from_utf8(answer("healthy", &format!("{node}-postgres.json")).unwrap()).unwrap()
}

#[test]
fn what_postgresql_said_in_the_lab_is_translated() {
    for node in NODES {
        insta::assert_json_snapshot!(format!("healthy-{node}"), facts(&recorded(node)).unwrap());
    }
}

#[test]
fn a_role_that_sees_only_a_part_gets_no_facts() {
    let text = recorded("a1").replace("\"may_see_all\" : true", "\"may_see_all\" : false");
    assert_eq!(facts(&text).unwrap_err().failure, ProbeFailure::Sql { state: "42501".to_owned() });
}

#[test]
fn a_position_that_is_none_is_garbage() {
    let text = recorded("b1").replace("\"received\" : \"", "\"received\" : \"-");
    assert_eq!(facts(&text).unwrap_err().failure, ProbeFailure::Garbage);
}

#[test]
fn a_heartbeat_row_is_read() {
    let beat = heartbeat(r#"{"beat" : 7, "beat_at" : "2026-11-22T23:27:09.123+00:00"}"#).unwrap();
    assert_eq!((beat.beat, beat.beat_at), (7, "2026-11-22T23:27:09.123Z".parse().unwrap()));
    assert_eq!(heartbeat("{}"), None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in ".*") {
        let _ = (facts(&text).is_ok(), heartbeat(&text));
    }

    #[test]
    fn a_damaged_answer_is_read_or_refused_without_panic(at in 0usize..2048, c: char, node in 0usize..4) {
        let text: String = recorded(NODES[node]).chars().enumerate().map(|(place, was)| if place == at { c } else { was }).collect();
        let _ = facts(&text).is_ok();
    }
}
