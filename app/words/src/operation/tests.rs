//! Every word of an operation has a sentence in both languages.

use super::{by_hand, choice, failure as troubles, lost, refusal, *};
use crate::{Locale, Names};
use jiff::Timestamp;
use switchback_domain::{error::*, operation::*, *};

fn names() -> Names {
    Pair { a: "dc-a".parse().expect("a name"), b: "dc-b".parse().expect("a name") }
}

fn node() -> NodeName {
    "b1".parse().expect("a name")
}

fn witness() -> Witness {
    Witness { kind: WitnessKind::LogStream, seen_by: endpoint(), node: Some(node()), at: at() }
}

fn endpoint() -> EndpointName {
    "postgres-a1".parse().expect("a name")
}

fn member() -> MemberName {
    "member-a1".parse().expect("a name")
}

fn login() -> Login {
    "mira".parse().expect("a name")
}

fn at() -> Timestamp {
    "2026-03-14T02:47:09Z".parse().expect("a time")
}

/// There in both languages, without an open slot, and English where it is English.
fn told(make: impl Fn(Locale) -> String) {
    let (en, zh) = (make(Locale::en), make(Locale::zh_CN));
    for text in [&en, &zh] {
        assert!(!text.trim().is_empty(), "an empty text beside {en:?} and {zh:?}");
        assert!(!text.contains("{{") && !text.contains("}}"), "a slot was left open: {text}");
    }
    assert!(!en.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "not English: {en}");
    assert!(zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "not Chinese: {zh}");
}

const ORDERS: [MemberOrder; 3] = [MemberOrder::Ready, MemberOrder::Drain, MemberOrder::Maintenance];

fn intents() -> Vec<Intent> {
    let all = vec![
        Intent::Switchover { to: Side::B },
        Intent::Failover { to: Side::B },
        Intent::Reprotect { side: Side::A },
        Intent::Failback { to: Side::A },
        Intent::Resolve { keep: Side::A },
        Intent::LocalSwitchover { side: Side::A },
        Intent::Members { changes: Vec::new() },
    ];
    // A new kind does not compile until it is listed above as well. So it is below.
    for intent in &all {
        match intent {
            Intent::Switchover { .. }
            | Intent::Failover { .. }
            | Intent::Reprotect { .. }
            | Intent::Failback { .. }
            | Intent::Resolve { .. }
            | Intent::LocalSwitchover { .. }
            | Intent::Members { .. } => {}
        }
    }
    all
}

/// Facts that come in several forms.
fn variants() -> Vec<StepEvidence> {
    let (node, side) = (node(), Side::B);
    let mut all = Vec::new();
    for (follows, already) in [(true, true), (true, false), (false, true), (false, false)] {
        all.push(StepEvidence::Stored { side, node: node.clone(), follows, already });
    }
    for (bytes, time) in [(None, None), (Some(ByteLag(9)), None), (None, Some(Millis(1))), (Some(ByteLag(9)), Some(Millis(1)))] {
        all.push(StepEvidence::ExpectedLoss { bytes, time, age: None });
        all.push(StepEvidence::ExpectedLoss { bytes, time, age: Some(Millis(2_000)) });
    }
    let orders =
        [OrderKind::Lead, OrderKind::Follow, OrderKind::Hold, OrderKind::CloseMembers, OrderKind::SwitchInSite, OrderKind::TellMember];
    for order in orders {
        for answer in [
            OrderFailure::Refused { said: "status 401".to_owned() },
            OrderFailure::NotSent { failure: ProbeFailure::Refused },
            OrderFailure::Unanswered { failure: ProbeFailure::TimedOut { after: Millis(5_000) } },
        ] {
            all.push(StepEvidence::OrderFailed { endpoint: endpoint(), order, answer });
        }
    }
    all.extend(ORDERS.map(|order| StepEvidence::Member { member: member(), order, sessions: 12 }));
    all.extend(ORDERS.map(|order| StepEvidence::MemberWas { member: member(), order }));
    all
}

fn facts() -> Vec<StepEvidence> {
    let (node, side) = (node(), Side::B);
    let outage = |first_write_at| Outage { last_write_at: at(), first_write_at, acknowledged: 10, found: None, uncertain: Millis(0) };
    let mut all = vec![
        StepEvidence::Leader { side, node: node.clone(), timeline: None },
        StepEvidence::Leader { side, node: node.clone(), timeline: Some(Timeline(7)) },
        StepEvidence::Written { node: node.clone(), at: Lsn(0x5E) },
        StepEvidence::Marker { node: node.clone() },
        StepEvidence::Checkpoint { node: node.clone(), took: Millis(0) },
        StepEvidence::ShutdownReplayed { node: node.clone(), record: Lsn(1), end: Lsn(2), timeline: Timeline(7) },
        StepEvidence::NoLongerPrimary { node: node.clone(), said: "replica, stopped".to_owned() },
        StepEvidence::Answer { endpoint: endpoint(), failure: None },
        StepEvidence::Answer { endpoint: endpoint(), failure: Some(ProbeFailure::Refused) },
        StepEvidence::Fenced { endpoint: endpoint() },
        StepEvidence::NoOrderTaken,
        StepEvidence::FencerTold { answer: FenceAnswer { endpoint: endpoint(), order: OrderKind::Hold, at: at(), failure: None } },
        StepEvidence::FencerTold {
            answer: FenceAnswer {
                endpoint: endpoint(),
                order: OrderKind::CloseMembers,
                at: at(),
                failure: Some(OrderFailure::NotSent { failure: ProbeFailure::Refused }),
            },
        },
        StepEvidence::Attested { by: login(), how: "power is off".to_owned() },
        StepEvidence::Rest { node: node.clone(), received: None, replayed: Lsn(2) },
        StepEvidence::Rest { node: node.clone(), received: Some(Lsn(2)), replayed: Lsn(2) },
        StepEvidence::LastHeartbeat { node: node.clone(), at: at() },
        StepEvidence::LastConfirmed { side, at: at(), failing_since: None, gone_since: None },
        StepEvidence::LastConfirmed { side, at: at(), failing_since: Some(at()), gone_since: None },
        StepEvidence::LastConfirmed { side, at: at(), failing_since: Some(at()), gone_since: Some(at()) },
        StepEvidence::Promoted { node: node.clone(), from: None, to: Timeline(8), at: None },
        StepEvidence::Promoted { node: node.clone(), from: Some(Timeline(7)), to: Timeline(8), at: Some(Lsn(3)) },
        StepEvidence::RowsFound { acknowledged: 10, found: 10 },
        StepEvidence::RowsFound { acknowledged: 10, found: 9 },
        StepEvidence::ClientsWaited { outage: outage(None) },
        StepEvidence::ClientsWaited { outage: outage(Some(at())) },
        StepEvidence::Follows { node: node.clone(), timeline: Timeline(8), replayed: Lsn(9) },
        StepEvidence::Mirror { node: node.clone() },
        StepEvidence::FollowedBefore { side },
        StepEvidence::Silent { node: node.clone() },
        StepEvidence::Collided { side, timeline: Timeline(7), active_left_at: Lsn(1), returning_left_at: Lsn(2) },
        StepEvidence::HistoriesAgree { timeline: None },
        StepEvidence::HistoriesAgree { timeline: Some(Timeline(7)) },
        StepEvidence::Diverged { side, node: node.clone(), timeline: Timeline(7), fork: Lsn(2), end: Lsn(9), rows: None },
        StepEvidence::Diverged { side, node: node.clone(), timeline: Timeline(7), fork: Lsn(2), end: Lsn(9), rows: Some(3) },
        StepEvidence::DataDirectory { node: node.clone(), path: "/var/lib/postgresql/15/main".to_owned() },
        lost_writes(&node, LostWrites { complete: true, ..LostWrites::default() }),
        lost_writes(&node, writes()),
        lost_writes(&node, LostWrites { complete: false, more_tables: 7, ..writes() }),
        StepEvidence::Saved { node: node.clone(), name: "lost-rows-b1.jsonl".to_owned(), rows: 3, bytes: 512, tables: 2, left_out: 0 },
        StepEvidence::Saved { node: node.clone(), name: "lost-rows-b1.jsonl".to_owned(), rows: 3, bytes: 512, tables: 2, left_out: 1 },
        StepEvidence::NothingToSave { side },
        StepEvidence::Elected { node: node.clone() },
        StepEvidence::Witnessed { side, witness: witness() },
        StepEvidence::Rehearsed,
        StepEvidence::TakenUpAgain,
    ];
    all.extend(variants());
    for fact in &all {
        match fact {
            StepEvidence::Leader { .. }
            | StepEvidence::Written { .. }
            | StepEvidence::Marker { .. }
            | StepEvidence::Checkpoint { .. }
            | StepEvidence::Stored { .. }
            | StepEvidence::ShutdownReplayed { .. }
            | StepEvidence::NoLongerPrimary { .. }
            | StepEvidence::Answer { .. }
            | StepEvidence::ExpectedLoss { .. }
            | StepEvidence::Fenced { .. }
            | StepEvidence::OrderFailed { .. }
            | StepEvidence::NoOrderTaken
            | StepEvidence::FencerTold { .. }
            | StepEvidence::Attested { .. }
            | StepEvidence::Rest { .. }
            | StepEvidence::LastHeartbeat { .. }
            | StepEvidence::LastConfirmed { .. }
            | StepEvidence::Promoted { .. }
            | StepEvidence::RowsFound { .. }
            | StepEvidence::ClientsWaited { .. }
            | StepEvidence::Member { .. }
            | StepEvidence::MemberWas { .. }
            | StepEvidence::Follows { .. }
            | StepEvidence::Mirror { .. }
            | StepEvidence::FollowedBefore { .. }
            | StepEvidence::Silent { .. }
            | StepEvidence::Collided { .. }
            | StepEvidence::HistoriesAgree { .. }
            | StepEvidence::Diverged { .. }
            | StepEvidence::DataDirectory { .. }
            | StepEvidence::LostWrites { .. }
            | StepEvidence::Saved { .. }
            | StepEvidence::NothingToSave { .. }
            | StepEvidence::Elected { .. }
            | StepEvidence::Witnessed { .. }
            | StepEvidence::Rehearsed
            | StepEvidence::TakenUpAgain => {}
        }
    }
    all
}

#[test]
fn an_outage_is_no_more_exact_than_it_was_seen() {
    let outage = |first_write_at, uncertain| Outage { last_write_at: at(), first_write_at, acknowledged: 1, found: None, uncertain };
    let later = at() + jiff::SignedDuration::from_millis(1_500);
    let told = |one: Outage| (super::outage(Locale::en, &one, later), super::outage(Locale::zh_CN, &one, later));
    for (one, en, zh) in [
        (outage(Some(later), Millis(0)), "1.5 s", "1.5 秒"),
        (outage(Some(later), Millis(900)), "between 0.6 s and 1.5 s", "0.6 秒 至 1.5 秒"),
        (outage(Some(later), Millis(u64::MAX)), "at most 1.5 s", "最多 1.5 秒"),
        (outage(None, Millis(0)), "at least 1.5 s", "至少 1.5 秒"),
        (outage(None, Millis(500)), "at least 1.0 s", "至少 1.0 秒"),
    ] {
        assert_eq!(told(one), (en.to_owned(), zh.to_owned()), "{one:?}");
    }
}

#[test]
fn every_attempt_is_told_in_both_languages() {
    let facts = Vec::new();
    let cut = Attempt { number: 1, began_at: at(), ended_at: None, facts, trouble: None };
    let failed = Attempt { number: 2, ended_at: Some(at()), trouble: Some(StepFailure::SplitBrain), ..cut.clone() };
    let done = Attempt { trouble: None, ..failed.clone() };
    for one in [cut, failed, done] {
        told(|lang| attempt(lang, &one, &names()));
    }
}

#[test]
fn whatever_may_stay_of_an_operation_is_told_in_both_languages() {
    let mut said = std::collections::BTreeSet::new();
    let lasting: Vec<Step> = fixture::steps().into_iter().filter(|step| step.nature().lasts).collect();
    for step in &lasting {
        for state in [StepState::Done, StepState::Failed { trouble: StepFailure::SplitBrain }] {
            let run =
                StepRun { state, attempts: 1, began_at: None, ended_at: None, facts: Vec::new(), earlier: Vec::new(), acted_before: false };
            told(|lang| stays(lang, 3, &run, step, &names()));
            said.insert(stays(Locale::en, 3, &run, step, &names()));
        }
    }
    // The three orders to a member stay in the same way.
    assert_eq!(said.len(), 2 * lasting.len() - 2, "{said:#?}");
}

fn missing() -> Vec<Missing> {
    let all = vec![
        Missing::Answer,
        Missing::ShutdownCheckpoint { last_record: None },
        Missing::ShutdownCheckpoint { last_record: Some("RUNNING_XACTS".to_owned()) },
        Missing::Replay,
        Missing::OldPrimaryGone,
        Missing::Primary,
        Missing::Write,
        Missing::Nodes { nodes: vec![node()] },
        Missing::Mirror,
        Missing::Members { members: vec![member()] },
    ];
    for missing in &all {
        match missing {
            Missing::Answer
            | Missing::ShutdownCheckpoint { .. }
            | Missing::Replay
            | Missing::OldPrimaryGone
            | Missing::Primary
            | Missing::Write
            | Missing::Nodes { .. }
            | Missing::Mirror
            | Missing::Members { .. } => {}
        }
    }
    all
}

fn troubled() -> Vec<StepFailure> {
    let mut all = vec![
        StepFailure::SituationChanged {
            checks: vec![(CheckKind::OnePrimary, Verdict::Fail), (CheckKind::EtcdHealthy, Verdict::Unknown)],
            findings: vec![Finding::NoPrimary],
        },
        StepFailure::OtherEpoch,
        StepFailure::PatroniTooOld { members: vec![("a1".parse().expect("a name"), "3.3.8".to_owned())] },
        StepFailure::NoLeader { side: Side::A },
        StepFailure::Endpoint { endpoint: endpoint(), failure: ProbeFailure::TimedOut { after: Millis(800) } },
        StepFailure::Refused { endpoint: endpoint(), said: "no".to_owned() },
        StepFailure::NotFenced { side: Side::A, unreached: vec![endpoint()], within: Some(Millis(3_000)) },
        StepFailure::SeenAlive { side: Side::A, witnesses: vec![witness()] },
        StepFailure::StillWrites { nodes: vec!["a1".parse().expect("a name")] },
        StepFailure::SplitBrain,
        StepFailure::Collision { timeline: Timeline(7), active_left_at: Lsn(1), returning_left_at: Lsn(2) },
        StepFailure::NotSaved { side: Side::A, node: Some("a1".parse().expect("a name")), what: not_saved() },
        StepFailure::TimelinesGivenUp { side: Side::B, timelines: vec![Timeline(8)] },
        StepFailure::RowsMissing { acknowledged: 10, found: 9 },
        StepFailure::Interrupted,
        StepFailure::StoreUnwritable,
        StepFailure::Internal { incident: "abc".to_owned() },
    ];
    all.extend(missing().into_iter().map(|missing| StepFailure::TooLate { after: Millis(15_000), missing }));
    for trouble in &all {
        match trouble {
            StepFailure::SituationChanged { .. }
            | StepFailure::OtherEpoch
            | StepFailure::PatroniTooOld { .. }
            | StepFailure::NoLeader { .. }
            | StepFailure::Endpoint { .. }
            | StepFailure::Refused { .. }
            | StepFailure::TooLate { .. }
            | StepFailure::NotFenced { .. }
            | StepFailure::SeenAlive { .. }
            | StepFailure::StillWrites { .. }
            | StepFailure::SplitBrain
            | StepFailure::Collision { .. }
            | StepFailure::NotSaved { .. }
            | StepFailure::TimelinesGivenUp { .. }
            | StepFailure::RowsMissing { .. }
            | StepFailure::Interrupted
            | StepFailure::StoreUnwritable
            | StepFailure::Internal { .. } => {}
        }
    }
    all
}

fn lost_writes(node: &NodeName, writes: LostWrites) -> StepEvidence {
    StepEvidence::LostWrites { node: node.clone(), timeline: Timeline(7), fork: Lsn(2), end: Lsn(9), writes }
}

fn writes() -> LostWrites {
    let table = |table: Option<&str>, inserted, updated, deleted| LostTable {
        database: "chat".to_owned(),
        table: table.map(str::to_owned),
        inserted,
        updated,
        deleted,
        saved: 0,
    };
    let tables = vec![table(Some("public.messages"), 343, 0, 1), table(None, 0, 2, 0)];
    LostWrites { transactions: 9, bytes: ByteLag(41 * 1024), tables, complete: true, ..LostWrites::default() }
}

/// One of each.
fn not_saved() -> Vec<NotSaved> {
    let text = |text: &str| text.to_owned();
    let (database, schema, table, why) = (text("chat"), text("public"), text("messages"), text("permission denied"));
    let limit = |reached: &str| NotSaved::Limit { reached: reached.to_owned() };
    let all = vec![
        NotSaved::Table { database: database.clone(), schema: schema.clone(), table: table.clone(), rows: 343, why: why.clone() },
        NotSaved::Database { database: database.clone(), tables: 2, rows: 9, why: why.clone() },
        NotSaved::Deleted { database: database.clone(), schema: schema.clone(), table: table.clone(), rows: 1 },
        NotSaved::Long { database: database.clone(), schema: schema.clone(), table, rows: 1 },
        NotSaved::Gone { database: database.clone(), file: 16_404, rows: 3 },
        NotSaved::Definitions { database: database.clone(), transactions: 2 },
        NotSaved::Definitions { database: String::new(), transactions: 2 },
        NotSaved::LargeObjects { database: database.clone(), rows: 4 },
        NotSaved::Sequence { database, schema, sequence: text("ids"), why },
        NotSaved::Messages { messages: 1 },
        NotSaved::Prepared { transactions: 1 },
        NotSaved::Unknown { transactions: 1 },
        NotSaved::Log { from: Lsn(1), to: Lsn(2) },
        NotSaved::Before { at: Lsn(1) },
        limit("time"),
        limit("size"),
        limit("memory"),
        NotSaved::Silent { node: "a2".parse().expect("a name") },
        NotSaved::More { things: 5 },
    ];
    for one in &all {
        match one {
            NotSaved::Table { .. }
            | NotSaved::Database { .. }
            | NotSaved::Deleted { .. }
            | NotSaved::Long { .. }
            | NotSaved::Gone { .. }
            | NotSaved::Definitions { .. }
            | NotSaved::LargeObjects { .. }
            | NotSaved::Sequence { .. }
            | NotSaved::Messages { .. }
            | NotSaved::Prepared { .. }
            | NotSaved::Unknown { .. }
            | NotSaved::Log { .. }
            | NotSaved::Before { .. }
            | NotSaved::Limit { .. }
            | NotSaved::Silent { .. }
            | NotSaved::More { .. } => {}
        }
    }
    all
}

#[test]
fn everything_that_could_not_be_saved_is_a_sentence_with_its_figures() {
    for one in not_saved() {
        told(|lang| lost::not_saved(lang, &one));
    }
    let one = lost::not_saved(Locale::en, &not_saved()[0]);
    assert_eq!(one, "chat: public.messages, 343 rows: permission denied.");
    // A table that was made behind the fork was never in the other site.
    let deleted = lost::not_saved(Locale::en, &not_saved()[2]);
    let before_the_fork = "In the other site, those of these rows that were there before the fork are still there.";
    assert_eq!(deleted, format!("chat: public.messages, 1 deletion: what was deleted is not there any more. {before_the_fork}"));
    for what in not_saved() {
        let said = lost::not_saved(Locale::en, &what);
        for wrong in [" 1 rows", " 1 deletions", " 1 transactions", " 1 pieces", " 1 messages"] {
            assert!(!format!(" {said}").contains(wrong), "{said}");
        }
    }
    assert_eq!(lost::figure(Locale::en, &LostWrites { complete: true, ..LostWrites::default() }), "nothing");
    assert_eq!(lost::figure(Locale::en, &writes()), "346 rows · 9 transactions · 41 KiB");
    let by_table = "By table: chat: public.messages (343 inserted and 1 deleted), chat: tables that have no name any more or cannot be read (2 changed).";
    assert_eq!(lost::tables(Locale::en, &writes()).as_deref(), Some(by_table));
    // What was not read to its end is never said to be nothing, nor to be all.
    assert!(
        lost::figure(Locale::en, &LostWrites::default()).starts_with("at least "),
        "{}",
        lost::figure(Locale::en, &LostWrites::default())
    );
}

fn objections() -> Vec<PlanObjection> {
    let unreadable = |cause| PlanObjection::OperationUnreadable { operation: OperationId(42), entry: UnreadableEntry { number: 3, cause } };
    let all = vec![
        PlanObjection::Situation { objection: Objection::SplitBrain },
        PlanObjection::OperationRuns { operation: OperationId(42) },
        unreadable(UnreadableCause::Newer { version: 2 }),
        unreadable(UnreadableCause::Damaged),
        unreadable(UnreadableCause::DoesNotFit),
        PlanObjection::CoolingDown { until: at() },
        PlanObjection::FreezeWindow { until: at(), reason: "end of the quarter".to_owned() },
        PlanObjection::NoStandbySection { side: Side::A },
        PlanObjection::OnlyWatched,
        PlanObjection::NotConfirmed,
        PlanObjection::Fenced { side: Side::A },
        PlanObjection::NothingToDo,
        PlanObjection::OtherAdvised {
            advice: Advice { keep: Side::A, because: Because::OtherFenced { operation: Some(OperationId(42)) } },
        },
        PlanObjection::OtherAdvised { advice: Advice { keep: Side::A, because: Because::MadeActive { operation: OperationId(42) } } },
        PlanObjection::OtherAdvised { advice: Advice { keep: Side::A, because: Because::ActiveBefore } },
        PlanObjection::OtherAdvised { advice: Advice { keep: Side::A, because: Because::LaterTimeline } },
        PlanObjection::NoSuchMember { member: member() },
        PlanObjection::TooManyActive { would_be: 3, most: 2 },
        PlanObjection::NotLocal { member: member() },
        PlanObjection::NobodyLeft,
    ];
    for objection in &all {
        match objection {
            PlanObjection::Situation { .. }
            | PlanObjection::OperationRuns { .. }
            | PlanObjection::OperationUnreadable { .. }
            | PlanObjection::CoolingDown { .. }
            | PlanObjection::FreezeWindow { .. }
            | PlanObjection::NoStandbySection { .. }
            | PlanObjection::OnlyWatched
            | PlanObjection::NotConfirmed
            | PlanObjection::Fenced { .. }
            | PlanObjection::NothingToDo
            | PlanObjection::OtherAdvised { .. }
            | PlanObjection::NoSuchMember { .. }
            | PlanObjection::TooManyActive { .. }
            | PlanObjection::NotLocal { .. }
            | PlanObjection::NobodyLeft => {}
        }
    }
    all
}

fn changes() -> Vec<PlanChange> {
    let check = |check, was, now| PlanChange::Check { check, was, now };
    let all = vec![
        PlanChange::Epoch { was: Epoch(1), now: Epoch(2) },
        PlanChange::Leader { side: Side::A, was: Some(node()), now: None },
        PlanChange::Timeline { side: Side::B, was: None, now: Some(Timeline(7)) },
        check(CheckKind::OnePrimary, None, Some(Verdict::Fail)),
        check(CheckKind::SameTimeline, Some(Verdict::Unknown), None),
        check(CheckKind::MirrorInStep, Some(Verdict::Unknown), Some(Verdict::Fail)),
        PlanChange::Protection { was: ProtectionState::Protected, now: ProtectionState::SiteSilent },
        PlanChange::Steps { was: 5, now: 10 },
        PlanChange::Steps { was: 5, now: 5 },
    ];
    for change in &all {
        match change {
            PlanChange::Epoch { .. }
            | PlanChange::Leader { .. }
            | PlanChange::Timeline { .. }
            | PlanChange::Check { .. }
            | PlanChange::Protection { .. }
            | PlanChange::Steps { .. } => {}
        }
    }
    all
}

fn refusals() -> Vec<Refusal> {
    let all = vec![
        Refusal::Objections { objections: objections() },
        Refusal::PlanChanged { changes: changes() },
        Refusal::PlanExpired,
        Refusal::WrongPool { expected: "chat-core".parse().expect("a name") },
        Refusal::WrongSite { expected: "dc-b".parse().expect("a name") },
        Refusal::NoReason,
        Refusal::TooLong { most: 1_000 },
        Refusal::NoAttestation { nodes: vec![node()] },
        Refusal::SeenAlive { witnesses: vec![witness()] },
        Refusal::LossNotAccepted,
        Refusal::NotAcknowledged { checks: vec![CheckKind::OnePrimary] },
    ];
    for refusal in &all {
        match refusal {
            Refusal::Objections { .. }
            | Refusal::PlanChanged { .. }
            | Refusal::PlanExpired
            | Refusal::WrongPool { .. }
            | Refusal::WrongSite { .. }
            | Refusal::NoReason
            | Refusal::TooLong { .. }
            | Refusal::NoAttestation { .. }
            | Refusal::SeenAlive { .. }
            | Refusal::LossNotAccepted
            | Refusal::NotAcknowledged { .. } => {}
        }
    }
    all
}

#[test]
fn every_kind_and_every_step_is_told_also_when_it_is_taken_back() {
    for intent in intents() {
        for dry_run in [false, true] {
            told(|lang| title(lang, &intent, dry_run, &names()));
        }
        told(|lang| about(lang, &intent, "chat-core", &names()));
    }
    for one in fixture::steps() {
        told(|lang| step(lang, &one, &names()));
        told(|lang| undo(lang, &one, &names()));
        told(|lang| phase(lang, one.nature().phase).0);
        told(|lang| phase(lang, one.nature().phase).1);
    }
}

#[test]
fn every_fact_is_a_sentence() {
    for one in facts() {
        told(|lang| fact(lang, &one, &names()));
        assert!(fact(Locale::en, &one, &names()).ends_with(['.', '”']), "{}", fact(Locale::en, &one, &names()));
    }
}

#[test]
fn every_trouble_says_what_happened_and_what_to_do() {
    for one in troubled() {
        told(|lang| trouble(lang, &one, &names()));
        told(|lang| troubles::remedy(lang, &one, &names()));
        told(|lang| troubles::brief(lang, &one, &names()));
    }
}

#[test]
fn every_instruction_says_what_to_do_and_where() {
    for task in [
        Task::StopPatroni,
        Task::EmptyData,
        Task::ForgetCluster,
        Task::EmptyArchive,
        Task::SetAside,
        Task::CopyTables,
        Task::CopyData,
        Task::StartSilent,
        Task::SaveAgain,
        Task::GiveUp,
        Task::Confirm,
        Task::Retry,
        Task::StartFirst,
        Task::StartNext,
    ] {
        match task {
            Task::StopPatroni
            | Task::EmptyData
            | Task::ForgetCluster
            | Task::EmptyArchive
            | Task::SetAside
            | Task::CopyTables
            | Task::CopyData
            | Task::StartSilent
            | Task::SaveAgain
            | Task::GiveUp
            | Task::Confirm
            | Task::Retry
            | Task::StartFirst
            | Task::StartNext => {}
        }
        for on in [None, Some("b1".to_owned())] {
            for command in [None, Some("true".to_owned())] {
                let one = Instruction { task, on: on.clone(), command };
                told(|lang| by_hand::instruction(lang, &one));
            }
        }
    }
}

#[test]
fn whoever_may_leave_a_step_out_is_told_what_follows_for_that_step() {
    let of = |step: &Step| choice::consequences(Locale::en, Choice::Skip, step, None, choice::When::default(), &names());
    let other = of(&Step::Preflight);
    for step in fixture::steps() {
        let offered = step.nature().on_failure == OnFailure::Ask { without: Some(Choice::Skip) };
        assert_eq!(of(&step) != other, offered, "{}: {:?}", step.as_code(), of(&step));
    }
}

#[test]
fn every_choice_has_a_name_a_button_and_consequences() {
    for one in [Choice::Retry, Choice::Skip, Choice::Undo, Choice::Attest, Choice::Confirm, Choice::GiveUp, Choice::Abandon] {
        match one {
            Choice::Retry | Choice::Skip | Choice::Undo | Choice::Attest | Choice::Confirm | Choice::GiveUp | Choice::Abandon => {}
        }
        told(|lang| choice::title(lang, one));
        told(|lang| choice::button(lang, one, 3, OperationId(42)));
        for on in fixture::steps() {
            for (outage, undoing, unknown) in [(false, false, false), (true, false, true), (true, true, false)] {
                let when = choice::When { outage, undoing, unknown };
                for active in [Some(Side::A), None] {
                    let count = choice::consequences(Locale::en, one, &on, active, when, &names()).len();
                    assert!(count > 0);
                    for index in 0..count {
                        told(|lang| choice::consequences(lang, one, &on, active, when, &names())[index].clone());
                    }
                }
            }
        }
    }
}

#[test]
fn every_refusal_is_told_by_itself_and_by_its_code_in_an_address() {
    let pool: PoolId = "chat-core".parse().expect("a name");
    for one in objections() {
        told(|lang| objection(lang, &one, &names()));
    }
    let console = |error| RequestError::Console { console: error };
    let mut errors: Vec<RequestError> = refusals().into_iter().map(|refusal| RequestError::Refused { refusal }).collect();
    errors.extend([
        RequestError::LeaseHeld,
        RequestError::KeyReused,
        console(ConsoleError::NotSignedIn),
        console(ConsoleError::NotAllowed),
        console(ConsoleError::UnknownPool { pool: pool.clone() }),
        console(ConsoleError::Internal { incident: "abc".to_owned() }),
    ]);
    let mut by_code = std::collections::BTreeSet::new();
    for error in &errors {
        told(|lang| refusal::request(lang, error, &names()));
        told(|lang| refusal::request_by_code(lang, error.code(), &pool, "dc-b", &[], &names()));
        by_code.insert(refusal::request_by_code(Locale::en, error.code(), &pool, "dc-b", &[], &names()));
    }
    assert_eq!(by_code.len(), errors.len() - 1, "each code has a sentence of its own; only what failed inside shares one");
}

#[test]
fn every_wish_that_is_not_taken_says_why() {
    let all = [
        WishError::Ended,
        WishError::PastNoReturn,
        WishError::LeaseHeld,
        WishError::NotPaused,
        WishError::NoSuchQuestion,
        WishError::NotOffered,
        WishError::NoReason,
        WishError::WrongSite { expected: "dc-b".parse().expect("a name") },
        WishError::Console { console: ConsoleError::NotSignedIn },
    ];
    let mut by_code = std::collections::BTreeSet::new();
    for error in &all {
        match error {
            WishError::Ended
            | WishError::PastNoReturn
            | WishError::LeaseHeld
            | WishError::NotPaused
            | WishError::NoSuchQuestion
            | WishError::NotOffered
            | WishError::NoReason
            | WishError::WrongSite { .. }
            | WishError::Console { .. } => {}
        }
        told(|lang| refusal::wish_by_code(lang, error.code()));
        by_code.insert(refusal::wish_by_code(Locale::en, error.code()));
    }
    assert_eq!(by_code.len(), all.len());
}

#[test]
fn every_stage_has_a_word_and_every_end_its_reason() {
    let cancelled = GivenUp::Cancelled { by: login() };
    let failed = GivenUp::StepFailed { step: 4, trouble: StepFailure::OtherEpoch };
    let question = Question { number: 1, step: 0, undoing: false, trouble: StepFailure::OtherEpoch, options: Vec::new() };
    let finished = |outcome| Stage::Finished { outcome, at: at() };
    let stages = [
        Stage::Running,
        Stage::Paused { by: login(), since: at() },
        Stage::Undoing { why: cancelled.clone() },
        Stage::NeedsPerson { question, since: at() },
        finished(Outcome::Done),
        finished(Outcome::Undone { why: cancelled.clone(), stays: Vec::new() }),
        finished(Outcome::Undone { why: failed.clone(), stays: vec![1] }),
        finished(Outcome::Abandoned { by: login() }),
        finished(Outcome::ClosedUnread { by: login() }),
    ];
    for one in &stages {
        for loss in [LossCode::Nothing, LossCode::NotKnown, LossCode::Lost] {
            told(|lang| stage(lang, one.as_code(), false, loss));
            told(|lang| stage(lang, one.as_code(), true, loss));
        }
    }
    for why in [cancelled, failed] {
        told(|lang| given_up(lang, &why, &names()));
    }
}

#[test]
fn what_has_changed_since_a_plan_was_seen_is_said_thing_by_thing() {
    for change in changes() {
        told(|lang| refusal::changes(lang, std::slice::from_ref(&change), &names()).join(" "));
    }
    let told = [
        "Another operation has changed the pool since then.",
        "Leader of dc-a: not known, was b1.",
        "Timeline of dc-b: 7, was not known.",
        "Protection: Site silent, was Protected.",
        "Steps of the plan: 10, were 5.",
        "The plan has other steps.",
        "Checks that do not pass any more: Exactly one node accepts writes.",
        "Checks that pass now: The backup receives the primary’s timeline.",
        "Checks that do not pass for another reason: The mirror confirms every commit.",
    ];
    assert_eq!(refusal::changes(Locale::en, &changes(), &names()), told);
}

#[test]
fn a_fence_is_asked_for_confirmed_or_refused_and_never_said_to_stand_before_it_is_confirmed() {
    let mut fence =
        Fence { side: Side::A, epoch: Epoch(1), operation: Some(OperationId(3)), since: at(), expected_loss: None, answers: Vec::new() };
    let answer = |name: &str, failure: Option<OrderFailure>| FenceAnswer {
        endpoint: name.parse().expect("a name"),
        order: OrderKind::Hold,
        at: at(),
        failure,
    };
    let told = |fence: &Fence| super::fence(Locale::en, fence, &names());
    assert!(told(&fence).contains("is not confirmed") && told(&fence).contains("op-0003"), "{}", told(&fence));
    fence.take(answer("etcd-a", Some(OrderFailure::Unanswered { failure: ProbeFailure::TimedOut { after: Millis(500) } })));
    assert!(told(&fence).contains("is not confirmed") && told(&fence).contains("Not reached: etcd-a"), "{}", told(&fence));
    fence.take(answer("patroni-a1", Some(OrderFailure::Refused { said: "status 401".to_owned() })));
    assert!(told(&fence).contains("is not fenced") && told(&fence).contains("status 401"), "{}", told(&fence));
    fence.take(answer("etcd-a", None));
    assert!(told(&fence).contains("is fenced: etcd-a confirmed it"), "{}", told(&fence));
    assert!(told(&fence).contains("patroni-a1 refused"), "{}", told(&fence));
    assert!(!super::fence(Locale::zh_CN, &fence, &names()).is_empty());
}
