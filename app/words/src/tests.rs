//! Every word has a text in every language, and figures are written as people write them.

use super::{picture, *};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use switchback_domain::{
    error::ConsoleError,
    history::Changed,
    operation::{OperationId, UnreadableCause, UnreadableEntry},
    *,
};

/// Patroni renews its key whether its database answers anybody or not.
#[test]
fn only_a_sign_of_the_database_itself_says_that_it_is_the_console_that_does_not_see() {
    for kind in WitnessKind::ALL {
        for out_of_sight in [true, false] {
            let seen: Vec<Witness> = witnesses().into_iter().filter(|witness| witness.kind == kind).collect();
            let cut_off = Finding::ConsoleCutOff { side: Side::A, active: true, witness: seen[0].clone() };
            let objection = Objection::SeenAlive { side: Side::A, witnesses: seen, out_of_sight };
            let told = readiness::objection(Locale::en, &objection, &names());
            let blames_the_console = told.contains("Only this console");
            assert_eq!(blames_the_console, kind.is_of_working_database() && out_of_sight, "{kind:?} {out_of_sight}: {told}");
            assert!(blames_the_console || told.contains("Whether clients can write is not known"), "{told}");
            let told = finding(Locale::en, &cut_off, &names());
            assert_eq!(told.contains("This console is cut off"), kind.is_of_working_database(), "{told}");
        }
    }
}

const LANGS: [Locale; 2] = [Locale::en, Locale::zh_CN];

fn at() -> Timestamp {
    "2026-03-14T02:47:09Z".parse().expect("a time")
}

fn names() -> Names {
    Pair { a: "dc-a".parse().expect("a name"), b: "dc-b".parse().expect("a name") }
}

fn node(name: &str) -> NodeName {
    name.parse().expect("a name")
}

fn endpoint() -> EndpointName {
    "postgres-a1".parse().expect("a name")
}

/// Each text is there in both languages, is no left-over slot, and is not the other language's.
fn told(make: impl Fn(Locale) -> String) {
    let [en, zh] = LANGS.map(make);
    for text in [&en, &zh] {
        assert!(!text.trim().is_empty(), "an empty text beside {en:?} and {zh:?}");
        assert!(!text.contains("{{") && !text.contains("}}"), "a slot was left open: {text}");
    }
    assert!(!en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "not English: {en}");
}

/// A sign of each kind.
fn witnesses() -> Vec<Witness> {
    let of_kind = |kind| Witness { kind, seen_by: endpoint(), node: Some(node("a1")), at: at() };
    WitnessKind::ALL.into_iter().map(of_kind).collect()
}

fn failures() -> Vec<ProbeFailure> {
    let all = vec![
        ProbeFailure::Refused,
        ProbeFailure::TimedOut { after: Millis(800) },
        ProbeFailure::Unreachable,
        ProbeFailure::Tls,
        ProbeFailure::Unauthorized,
        ProbeFailure::Status { code: 418 },
        ProbeFailure::Redirected,
        ProbeFailure::TooLarge { limit: 1 << 20 },
        ProbeFailure::CutShort,
        ProbeFailure::Garbage,
        ProbeFailure::Sql { state: "42501".to_owned() },
        ProbeFailure::Sql { state: "57P03".to_owned() },
        ProbeFailure::NoSuchBackend,
        ProbeFailure::Unproved,
        ProbeFailure::NotAskedYet,
    ];
    // A new failure does not compile until it is listed above as well.
    for failure in &all {
        match failure {
            ProbeFailure::Refused
            | ProbeFailure::TimedOut { .. }
            | ProbeFailure::Unreachable
            | ProbeFailure::Tls
            | ProbeFailure::Unauthorized
            | ProbeFailure::Status { .. }
            | ProbeFailure::Redirected
            | ProbeFailure::TooLarge { .. }
            | ProbeFailure::CutShort
            | ProbeFailure::Garbage
            | ProbeFailure::Sql { .. }
            | ProbeFailure::NoSuchBackend
            | ProbeFailure::Unproved
            | ProbeFailure::NotAskedYet => {}
        }
    }
    all
}

fn findings() -> Vec<Finding> {
    let mut all = vec![
        Finding::SplitBrain { nodes: vec![node("a1"), node("b1")] },
        Finding::Collision { parent: Timeline(7) },
        Finding::DifferentDatabases,
        Finding::NothingAnswers,
        Finding::NoPrimary,
        Finding::PrimaryNotSeen { unseen: vec![node("a1"), node("a2")] },
        Finding::OtherServerAnswers { node: node("a1") },
        Finding::NodeSilent { node: node("a1"), cause: ProbeFailure::Refused, since: at() },
        Finding::Partitioned,
        Finding::ReturningSite { side: Side::A },
        Finding::HeldSite { side: Side::A },
        Finding::ProtectionOff,
        Finding::LagOverTarget,
        Finding::NodeDown { node: node("a1") },
        Finding::ReplayPaused { node: node("b1") },
        Finding::MemberDown { member: "pc-a1".parse().expect("a name"), side: Side::A },
        Finding::NoActiveMember { side: Side::A },
        Finding::ClusterPaused { side: Side::B },
        Finding::EtcdUnhealthy { endpoint: endpoint() },
    ];
    for heard_at in [None, Some(at())] {
        all.push(Finding::ActiveSiteSilent { side: Side::A, heard_at });
        all.push(Finding::StandbySiteSilent { side: Side::B, heard_at });
    }
    for kind in LinkKind::ALL {
        all.push(Finding::LinkDown { kind, to: None });
        all.push(Finding::LinkDown { kind, to: Some(node("b1")) });
    }
    for witness in witnesses() {
        for active in [true, false] {
            all.push(Finding::ConsoleCutOff { side: Side::A, active, witness: witness.clone() });
        }
    }
    all.extend(failures().into_iter().map(|cause| Finding::EndpointFails { endpoint: endpoint(), side: Side::A, cause, since: at() }));
    all
}

fn evidence() -> Vec<Evidence> {
    let text = |text: &str| Some(text.to_owned());
    let mut all = vec![
        Evidence::NoReading { endpoints: vec![endpoint()] },
        Evidence::NoSubject,
        Evidence::Values { of: ValueOf::SystemIdentifier, found: vec!["1".to_owned()] },
        Evidence::Values { of: ValueOf::SystemIdentifier, found: vec!["1".to_owned(), "2".to_owned()] },
        Evidence::Nodes { nodes: Vec::new() },
        Evidence::Nodes { nodes: vec![node("a1"), node("b1")] },
        Evidence::Timelines { primary: Timeline(7), backup: None },
        Evidence::Timelines { primary: Timeline(7), backup: Some(Timeline(6)) },
        Evidence::Age { age: Millis(300), limit: Millis(3_000) },
        Evidence::Bytes { bytes: ByteLag(24_576), limit: ByteLag(1 << 24) },
        Evidence::Slot { name: None, active: false, wal_status: None },
        Evidence::Slot { name: text("b"), active: true, wal_status: text("reserved") },
        Evidence::Slot { name: text("b"), active: false, wal_status: None },
        Evidence::Sides { sides: Vec::new() },
        Evidence::Sides { sides: Side::BOTH.to_vec() },
        Evidence::Values { of: ValueOf::PostgresVersion, found: vec!["15.18".to_owned()] },
        Evidence::Values { of: ValueOf::PostgresVersion, found: vec!["15.18".to_owned(), "16.4".to_owned()] },
        Evidence::Setting { name: "max_connections".to_owned(), node: node("b1"), standby: 50, primary: 100 },
        Evidence::SettingsEqual,
        Evidence::Members { up: Vec::new(), wanted: 1 },
        Evidence::Members { up: vec!["pc-b1".parse().expect("a name")], wanted: 1 },
        Evidence::NotYet,
        Evidence::Unreadable { databases: Vec::new(), tables: 0, first: Vec::new() },
        Evidence::Unreadable { databases: vec!["hr".to_owned()], tables: 0, first: Vec::new() },
        Evidence::Unreadable { databases: vec!["hr".to_owned()], tables: 12, first: vec!["chat: public.messages".to_owned()] },
        Evidence::Endpoints { endpoints: Vec::new() },
        Evidence::Endpoints { endpoints: vec![endpoint()] },
        Evidence::OldPatroni { members: Vec::new() },
        Evidence::OldPatroni { members: vec![(node("a1"), "3.3.8".to_owned())] },
        Evidence::Rights { excess: Vec::new(), no_histories: false },
        Evidence::Rights { excess: Vec::new(), no_histories: true },
        Evidence::Rights { excess: vec!["superuser".to_owned()], no_histories: false },
        Evidence::Rights { excess: vec!["superuser".to_owned()], no_histories: true },
    ];
    for (streaming, synchronous) in [(false, false), (true, false), (true, true)] {
        all.push(Evidence::Replica { node: None, streaming, synchronous });
        all.push(Evidence::Replica { node: Some(node("a2")), streaming, synchronous });
    }
    for failing in [false, true] {
        all.push(Evidence::Archive { newest: None, at: None, failing, up_to: None });
        all.push(Evidence::Archive { newest: text("00000001000000000000003A"), at: Some(at()), failing, up_to: None });
    }
    for pre_promote_missing in [Vec::new(), vec![Side::A]] {
        for proxy_missing in [Vec::new(), Side::BOTH.to_vec()] {
            all.push(Evidence::Guards { pre_promote_missing: pre_promote_missing.clone(), proxy_missing });
        }
    }
    all
}

const VERDICTS: [Verdict; 4] = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Unknown];
const PROTECTIONS: [ProtectionState; 6] = [
    ProtectionState::Protected,
    ProtectionState::NoReading,
    ProtectionState::AtRisk,
    ProtectionState::Unprotected,
    ProtectionState::SiteSilent,
    ProtectionState::SplitBrain,
];

#[test]
fn every_finding_and_failure_is_told_in_both_languages() {
    for found in findings() {
        told(|lang| finding(lang, &found, &names()));
    }
    for failed in failures() {
        told(|lang| failure(lang, &failed));
    }
    for severity in [Severity::Degraded, Severity::AtRisk, Severity::Serious, Severity::Critical] {
        told(|lang| super::finding::severity(lang, severity));
    }
}

#[test]
fn every_check_has_title_refusal_and_remedy_and_any_evidence_is_a_sentence() {
    for kind in CheckKind::ALL {
        told(|lang| readiness::title(lang, kind));
        told(|lang| readiness::fails(lang, kind));
        told(|lang| readiness::remedy(lang, kind));
        for evidence in evidence() {
            let check = Check { kind, verdict: Verdict::Pass, evidence, seen_at: None, sources: Vec::new() };
            told(|lang| readiness::evidence(lang, &check, &names()));
        }
    }
    for verdict in VERDICTS {
        told(|lang| readiness::verdict(lang, verdict));
    }
}

#[test]
fn every_objection_says_what_is_wrong_and_those_of_checks_say_what_to_do() {
    let mut all = vec![Objection::SplitBrain, Objection::Collision, Objection::ActiveSiteUnknown];
    all.push(Objection::PatroniTooOld { node: node("a1"), version: "3.3.8".to_owned() });
    for side in Side::BOTH {
        all.push(Objection::TargetSilent { side });
        all.push(Objection::NothingToPromote { side });
        all.push(Objection::ActiveSiteAnswers { side });
        for out_of_sight in [true, false] {
            all.push(Objection::SeenAlive { side, witnesses: witnesses(), out_of_sight });
        }
        for kind in [WitnessKind::LeaderKey, WitnessKind::DatabaseRefuses] {
            let witnesses = witnesses().into_iter().filter(|witness| witness.kind == kind).collect();
            all.push(Objection::SeenAlive { side, witnesses, out_of_sight: true });
        }
        all.push(Objection::OtherMayElect { side });
        all.push(Objection::OtherIsFurther { side, bytes: None });
        all.push(Objection::OtherIsFurther { side, bytes: Some(ByteLag(4_096)) });
        all.push(Objection::AlreadyHome { side });
        all.push(Objection::HomeDoesNotFollow { side });
    }
    for check in CheckKind::ALL {
        for verdict in VERDICTS {
            all.push(Objection::CheckFails { check, verdict });
        }
        for lang in LANGS {
            let told = readiness::objection(lang, &Objection::CheckFails { check, verdict: Verdict::Fail }, &names());
            assert!(told.ends_with(&readiness::remedy(lang, check)), "{told}");
        }
    }
    for objection in all {
        told(|lang| readiness::objection(lang, &objection, &names()));
    }
}

#[test]
fn every_role_and_state_has_a_word_and_what_is_old_is_told_in_the_past_tense() {
    for role in [
        SiteRole::Active,
        SiteRole::Standby,
        SiteRole::ClaimsActive,
        SiteRole::Fenced,
        SiteRole::Silent,
        SiteRole::OutOfSight,
        SiteRole::Unknown,
    ] {
        told(|lang| picture::site_role(lang, role));
    }
    for role in [NodeRole::Primary, NodeRole::SyncStandby, NodeRole::StandbyLeader, NodeRole::BackupMirror, NodeRole::Unknown] {
        told(|lang| picture::node_role(lang, role));
    }
    let healthy = [NodeState::AcceptingWrites, NodeState::InStep, NodeState::Replaying, NodeState::FromArchive];
    let others = [
        NodeState::WaitingForLog,
        NodeState::ReplayPaused,
        NodeState::InTransition,
        NodeState::Stopped,
        NodeState::NoAnswer,
        NodeState::Unknown,
    ];
    for state in healthy.into_iter().chain(others) {
        for fresh in [true, false] {
            told(|lang| picture::node_state(lang, state, fresh));
        }
    }
    for state in healthy {
        for lang in LANGS {
            assert_ne!(picture::node_state(lang, state, true), picture::node_state(lang, state, false));
        }
    }
    let members = [
        MemberState::Active,
        MemberState::Draining,
        MemberState::Standby,
        MemberState::Maintenance,
        MemberState::Down,
        MemberState::Unknown,
    ];
    for state in members {
        for lang in LANGS {
            assert_ne!(picture::member_state(lang, state, true), picture::member_state(lang, state, false));
        }
        told(|lang| picture::member_state(lang, state, true));
        told(|lang| picture::member_state(lang, state, false));
    }
    let flowing = [LinkState::Streaming, LinkState::Synchronous, LinkState::CatchingUp, LinkState::Shipping];
    for state in flowing {
        for lang in LANGS {
            assert_ne!(picture::link_state(lang, state, true), picture::link_state(lang, state, false));
        }
    }
    for state in flowing.into_iter().chain([LinkState::Failing, LinkState::Broken, LinkState::Off, LinkState::Unknown]) {
        told(|lang| picture::link_state(lang, state, true));
        told(|lang| picture::link_state(lang, state, false));
    }
    for kind in LinkKind::ALL {
        told(|lang| picture::link_kind(lang, kind));
    }
    for kind in [EndpointKind::Patroni, EndpointKind::Postgres, EndpointKind::Haproxy, EndpointKind::Etcd] {
        told(|lang| picture::endpoint_kind(lang, kind));
    }
    for state in PROTECTIONS {
        told(|lang| protection::state(lang, state));
    }
}

#[test]
fn every_change_and_error_is_told_in_both_languages() {
    let changes = [
        Changed::Protection { from: ProtectionState::Protected, to: ProtectionState::AtRisk },
        Changed::Site { side: Side::A, from: SiteRole::Active, to: SiteRole::Silent },
        Changed::Node { node: node("a1"), from: NodeState::Replaying, to: NodeState::Stopped },
        Changed::Link { kind: LinkKind::CrossSite, to_node: None, from: LinkState::Streaming, to: LinkState::Broken },
        Changed::Link { kind: LinkKind::Cascade, to_node: Some(node("b2")), from: LinkState::Streaming, to: LinkState::Broken },
    ];
    for changed in changes {
        told(|lang| change(lang, &changed, &names()));
    }
    let operation = OperationId(4);
    let errors = [
        ConsoleError::NotSignedIn,
        ConsoleError::NotAllowed,
        ConsoleError::UnknownPool { pool: "chat".parse().expect("a name") },
        ConsoleError::UnknownOperation { operation },
        ConsoleError::UnreadableOperation { operation, entry: UnreadableEntry { number: 3, cause: UnreadableCause::Damaged } },
        ConsoleError::Internal { incident: "4711".to_owned() },
    ];
    for error in errors {
        told(|lang| super::error::console(lang, &error));
    }
}

fn picture_with(protection: Protection, active: Option<Side>, findings: Vec<Finding>) -> Picture {
    let site = |id: &str, role| SitePicture {
        id: id.parse().expect("a name"),
        place: String::new(),
        role,
        heard_at: None,
        witnesses: Vec::new(),
        unproven: Vec::new(),
        leader: None,
        nodes: Vec::new(),
        members: Vec::new(),
        endpoints: Vec::new(),
    };
    Picture {
        pool: "chat".parse().expect("a name"),
        title: "Chat".to_owned(),
        home: Side::A,
        active,
        target: Side::B,
        sites: Pair { a: site("dc-a", SiteRole::Active), b: site("dc-b", SiteRole::Standby) },
        links: Vec::new(),
        protection,
        findings,
        checks: Vec::new(),
        actions: Actions::default(),
        loss_target: Millis(5_000),
        loss_target_bytes: ByteLag(1 << 24),
        pool_state: switchback_domain::operation::PoolState::default(),
    }
}

fn protection_of(state: ProtectionState, bound: Bound, loss: Option<u64>, bytes: Option<u64>) -> Protection {
    Protection { state, loss: loss.map(Millis), loss_bytes: bytes.map(ByteLag), bound, measured_at: Some(at()) }
}

#[test]
fn the_verdict_names_the_site_and_both_units() {
    let protection = protection_of(ProtectionState::Protected, Bound::About, Some(300), Some(24_576));
    let healthy = picture_with(protection, Some(Side::A), Vec::new());
    let told = protection::verdict(Locale::en, &healthy, &names());
    assert_eq!(told, ["If *dc-a* is lost now, about *0.3 s* (24 KiB) of writes would be lost."]);

    let idle = picture_with(protection_of(ProtectionState::Protected, Bound::About, Some(0), Some(0)), Some(Side::A), Vec::new());
    let told = protection::verdict(Locale::en, &idle, &names());
    assert_eq!(told, ["If *dc-a* is lost now, *nothing* would be lost, as far as the last reading tells."]);

    let lost = Finding::ActiveSiteSilent { side: Side::A, heard_at: Some(at()) };
    let protection = protection_of(ProtectionState::SiteSilent, Bound::AtLeast, Some(1_800), Some(155_648));
    let lost = picture_with(protection, None, vec![lost]);
    let told = protection::verdict(Locale::en, &lost, &names());
    assert_eq!(
        told,
        [
            "*dc-a* does not answer this console. Whether it is down is not known: find out before you fail over.",
            "Failing over to *dc-b* would lose at least *1.8 s* (152 KiB) of writes."
        ]
    );
}

#[test]
fn there_is_a_verdict_for_every_state_and_no_present_figure_in_a_stale_one() {
    let bounds = [Bound::About, Bound::AtLeast, Bound::Was, Bound::NotKnown];
    for worst in findings().into_iter().map(Some).chain([None]) {
        for bound in bounds {
            for (loss, bytes) in [(Some(300), Some(1)), (Some(300), None), (None, Some(24_576)), (None, None)] {
                for active in [None, Some(Side::A)] {
                    let protection = protection_of(ProtectionState::AtRisk, bound, loss, bytes);
                    let picture = picture_with(protection, active, worst.clone().into_iter().collect());
                    told(|lang| sentences(lang, &protection::verdict(lang, &picture, &names())));
                    if matches!(bound, Bound::Was | Bound::NotKnown) {
                        let said = sentences(Locale::en, &protection::verdict(Locale::en, &picture, &names()));
                        assert!(!said.contains("would be lost."), "a figure of the past is told as of now: {said}");
                    }
                }
            }
        }
    }
}

#[test]
fn split_brain_is_told_without_a_figure() {
    let split = vec![Finding::SplitBrain { nodes: vec![node("a1"), node("b1")] }];
    let picture = picture_with(protection_of(ProtectionState::SplitBrain, Bound::About, Some(300), Some(1)), None, split);
    let told = protection::verdict(Locale::en, &picture, &names());
    assert_eq!(told, ["*Both sites accept writes.* The copies grow apart. Stop one side now."]);
}

#[test]
fn durations_are_no_more_precise_than_they_are_known() {
    let cases = [
        (0, "0 s"),
        (40, "40 ms"),
        (99, "99 ms"),
        (100, "0.1 s"),
        (349, "0.3 s"),
        (9_949, "9.9 s"),
        (9_950, "10 s"),
        (12_900, "12 s"),
        (59_999, "59 s"),
        (60_000, "1 min 00 s"),
        (252_000, "4 min 12 s"),
        (3_599_999, "59 min 59 s"),
        (11_100_000, "3 h 05 min"),
        (3_564_000_000, "41 d 06 h"),
    ];
    for (ms, text) in cases {
        assert_eq!(duration(Locale::en, Millis(ms)), text, "{ms} ms");
    }
    assert_eq!(duration(Locale::zh_CN, Millis(252_000)), "4 分 12 秒");
    let ages =
        [(0, "< 1 s ago"), (999, "< 1 s ago"), (1_999, "1 s ago"), (9_999, "9 s ago"), (12_400, "12 s ago"), (252_000, "4 min 12 s ago")];
    for (ms, text) in ages {
        assert_eq!(ago(Locale::en, Millis(ms)), text, "readings do not come by the millisecond");
    }
    assert_eq!(super::figures::target(Locale::en, Millis(5_000)), "≤ 5 s");
    assert_eq!(super::figures::target(Locale::en, Millis(1_500)), "≤ 1.5 s");
    assert_eq!(super::figures::wait(Locale::en, Millis(0)), "< 1 ms");
    assert_eq!(ago(Locale::zh_CN, Millis(3_400)), "3 秒前");
}

#[test]
fn amounts_keep_their_units_and_numbers_their_groups() {
    let cases = [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (24_576, "24 KiB"),
        (3_250_586, "3.1 MiB"),
        (16 * 1024 * 1024, "16 MiB"),
        (5 << 30, "5.0 GiB"),
        (u64::MAX, "16383 PiB"),
    ];
    for (amount, text) in cases {
        assert_eq!(bytes(ByteLag(amount)), text);
    }
    assert_eq!(rate(Locale::en, ByteLag(82_944)), "81 KiB/s");
    let counts = [(0, "0"), (999, "999"), (1_204, "1\u{202f}204"), (1_000_000, "1\u{202f}000\u{202f}000")];
    for (number, text) in counts {
        assert_eq!(count(number), text);
    }
}

#[test]
fn times_are_utc_and_tell_the_day_unless_it_is_today() {
    let later: Timestamp = "2026-03-14T23:59:59Z".parse().expect("a time");
    let tomorrow: Timestamp = "2026-03-15T00:00:00Z".parse().expect("a time");
    assert_eq!(when(Locale::en, at(), later), "02:47:09 UTC");
    assert_eq!(when(Locale::en, at(), tomorrow), "14 Mar 2026, 02:47:09 UTC");
    assert_eq!(when(Locale::zh_CN, at(), tomorrow), "2026年3月14日 02:47:09 UTC");
}

#[test]
fn marked_texts_come_apart_at_their_marks() {
    let strong = |text: &str| Piece::Strong(text.to_owned());
    let plain_piece = |text: &str| Piece::Plain(text.to_owned());
    assert_eq!(pieces("*a* b *c*"), [strong("a"), plain_piece(" b "), strong("c")]);
    assert_eq!(pieces("none"), [plain_piece("none")]);
    assert_eq!(plain("If *dc-a* is lost"), "If dc-a is lost");
}

/// Every text of a locale file by its key, with the slots and marks in it.
fn texts(folder: &str) -> BTreeMap<String, (BTreeSet<String>, usize)> {
    fn walk(prefix: &str, value: &Value, into: &mut BTreeMap<String, (BTreeSet<String>, usize)>) {
        match value {
            Value::Object(inner) => inner.iter().for_each(|(key, value)| walk(&format!("{prefix}.{key}"), value, into)),
            Value::String(text) => {
                let slots = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(slot, _)| slot.trim().to_owned());
                assert_eq!(text.matches('*').count() % 2, 0, "{prefix} opens a mark and does not close it");
                into.insert(prefix.to_owned(), (slots.collect(), text.len().min(1)));
            }
            other => panic!("{prefix} is no text: {other}"),
        }
    }
    let mut all = BTreeMap::new();
    let folder = format!("{}/locales/{folder}", env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(folder).expect("the locales are there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let value = serde_json::from_str(&text).expect("JSON");
        walk(&path.file_stem().expect("a name").to_string_lossy(), &value, &mut all);
    }
    all
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_slots_and_no_empty_text() {
    let (english, chinese) = (texts("en"), texts("zh-CN"));
    let keys = |texts: &BTreeMap<String, _>| texts.keys().cloned().collect::<BTreeSet<_>>();
    let apart: Vec<_> = keys(&english).symmetric_difference(&keys(&chinese)).cloned().collect();
    assert!(apart.is_empty(), "only in one language: {apart:?}");
    for (key, (slots, length)) in &english {
        assert_eq!(slots, &chinese[key].0, "the slots of {key}");
        // The separator of whole sentences is empty in Chinese, where a full stop is wide.
        assert!((*length > 0 && chinese[key].1 > 0) || key == "words.sentence_separator", "{key} is empty");
    }
}
