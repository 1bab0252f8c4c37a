#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use super::*;
use crate::recorded::{SITUATIONS, answer};
use proptest::prelude::*;

/// What `HAProxy` answers to the probe's question, put together from what it said to `show info` and to a plain `show stat`.
fn recorded(situation: &str, site: &str, backend: &str, guard: Option<&str>) -> Option<String> {
    let text = |name: &str| Some(String::from_utf8(answer(situation, &format!("haproxy-{site}-{name}"))?).unwrap());
    let (info, stat) = (text("info.txt")?, text("stat.csv")?);
    let columns = stat.lines().next().unwrap();
    let part = |proxy: &str, server: fn(&str) -> bool| {
        let mut of_proxy = stat.lines().filter(|line| line.starts_with(&format!("{proxy},"))).peekable();
        if of_proxy.peek().is_none() {
            return "No such proxy.\n\n".to_owned();
        }
        let rows = of_proxy.filter(|line| server(line.split(',').nth(1).unwrap()));
        let lines: Vec<&str> = std::iter::once(columns).chain(rows).collect();
        format!("{}\n\n", lines.join("\n"))
    };
    let mut all = format!("{}\n\n{}", info.trim_end(), part(backend, |name| name != "BACKEND" && name != "FRONTEND"));
    if let Some(guard) = guard {
        all.push_str(&part(guard, |name| name == "BACKEND"));
    }
    Some(all)
}

fn whole() -> String {
    recorded("healthy", "a", "members", Some("peer_pg")).unwrap()
}

fn failure(answer: &str) -> ProbeFailure {
    facts(answer.as_bytes(), true).unwrap_err().failure
}

#[test]
fn what_haproxy_said_in_the_lab_is_translated() {
    for situation in SITUATIONS {
        for site in ["a", "b"] {
            if let Some(text) = recorded(situation, site, "members", Some("peer_pg")) {
                let facts = facts(text.as_bytes(), true).map_err(|problem| problem.failure);
                insta::assert_json_snapshot!(format!("{situation}-{site}"), facts);
            }
        }
    }
}

#[test]
fn an_answer_that_a_real_haproxy_gave_to_the_whole_question_is_read() {
    let text = include_str!("../../../fixtures/haproxy/members-and-guard.txt");
    insta::assert_json_snapshot!("members-and-guard", facts(text.as_bytes(), true).unwrap());
}

#[test]
fn without_the_guards_backend_there_is_no_guard() {
    let text = recorded("healthy", "a", "members", Some("nowhere")).unwrap();
    assert!(!facts(text.as_bytes(), true).unwrap().guard);
    assert!(facts(whole().as_bytes(), true).unwrap().guard);
    let unasked = recorded("healthy", "a", "members", None).unwrap();
    assert!(!facts(unasked.as_bytes(), false).unwrap().guard);
}

#[test]
fn a_backend_that_does_not_exist_is_said_to_be_missing() {
    let text = recorded("healthy", "a", "nowhere", Some("peer_pg")).unwrap();
    assert_eq!(failure(&text), ProbeFailure::NoSuchBackend);
}

#[test]
fn a_level_without_the_right_is_unauthorized() {
    assert_eq!(failure("Permission denied\n\n"), ProbeFailure::Unauthorized);
}

#[test]
fn every_beginning_of_an_answer_is_cut_short() {
    let text = whole();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert_eq!(failure(&text[..end]), ProbeFailure::CutShort, "{end}");
    }
}

#[test]
fn an_answer_of_something_else_is_garbage() {
    for text in ["HTTP/1.1 400 Bad request\r\n\r\n", "Unknown command.\n\n", "\n", "220 mail.example.org ESMTP\r\n"] {
        assert_eq!(failure(text), ProbeFailure::Garbage, "{text:?}");
    }
    assert_eq!(facts(&[0xff, 0xfe, b'\n'], true).unwrap_err().failure, ProbeFailure::Garbage);
}

#[test]
fn drained_members_are_draining_while_somebody_is_there_and_standby_afterwards() {
    assert_eq!(state("DRAIN", 2), MemberState::Draining);
    assert_eq!(state("DRAIN", 0), MemberState::Standby);
    assert_eq!(state("DRAIN 1/2", 0), MemberState::Standby);
}

#[test]
fn every_status_of_haproxy_is_a_state_of_ours() {
    for (status, ours) in [
        ("UP", MemberState::Active),
        ("UP 1/2", MemberState::Active),
        ("no check", MemberState::Active),
        ("MAINT", MemberState::Maintenance),
        ("MAINT (via members/a1)", MemberState::Maintenance),
        ("MAINT (resolution)", MemberState::Maintenance),
        ("DOWN", MemberState::Down),
        ("DOWN 1/2", MemberState::Down),
        ("DOWN (agent)", MemberState::Down),
        ("NOLB", MemberState::Down),
        ("", MemberState::Unknown),
    ] {
        assert_eq!(state(status, 0), ours, "{status}");
    }
}

#[test]
fn a_quoted_value_may_hold_commas_quotes_and_line_breaks() {
    let mut rest = "a,\"b, \"\"c\"\"\nd\",e\nnext";
    assert_eq!(row(&mut rest).unwrap(), ["a", "b, \"c\"\nd", "e"]);
    assert_eq!(rest, "next");
}

#[test]
fn a_check_under_way_does_not_hide_the_last_result() {
    let text = whole().replace(",L7OK,", ",* L7OK,");
    assert!(text.contains("* L7OK"));
    assert!(facts(text.as_bytes(), true).unwrap().members.iter().all(|member| member.healthy));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
        let _ = facts(&bytes, true).is_ok();
    }

    #[test]
    fn a_damaged_answer_is_read_or_refused_without_panic(at in 0usize..8192, byte: u8) {
        let mut bytes = whole().into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _ = facts(&bytes, true).is_ok();
    }
}
