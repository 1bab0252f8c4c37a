//! A store that an older version has filled, with operations under way. `stores/` has what commit 4f9860e has left behind: made with its
//! own `open_operation` and `append_entry` out of golden journals, and written out with `sqlite3 FILE .dump` and
//! `pg_dump --inserts --no-owner --no-privileges`.

use crate::{
    audit::entry as audited,
    fixture::{Fixture, pool},
    lease::ask,
    summaries::golden,
};
use switchback_domain::{
    Side,
    operation::{Choice, Entry, Epoch, Event, IntentKind, MadeActive, Operation, OperationId, Outcome, Stage, StageCode},
};
use switchback_engine::ports::RecordChange;

pub async fn a_store_of_an_older_version_with_operations_under_way_is_opened_and_they_go_on(fixture: Fixture) {
    // In place of the store that was just made comes the older one.
    let fixture = fixture.replaced_by_the_one_of("4f9860e").await;
    let store = &*fixture.store;
    let lines = store.summaries(None, 99).await.unwrap();
    let told: Vec<_> = lines.iter().rev().map(|line| (line.id.0, line.kind.unwrap(), line.stage, line.made_active)).collect();
    assert_eq!(
        told,
        [
            (1, IntentKind::Switchover, StageCode::Cancelled, None),
            (2, IntentKind::Members, StageCode::Done, None),
            (3, IntentKind::LocalSwitchover, StageCode::Done, None),
            (4, IntentKind::Failover, StageCode::Done, Some(Side::B)),
            (5, IntentKind::Reprotect, StageCode::Done, None),
            (6, IntentKind::Reprotect, StageCode::Done, None),
            (7, IntentKind::Switchover, StageCode::Done, None),
            (8, IntentKind::Switchover, StageCode::NeedsPerson, lines[1].made_active),
            (9, IntentKind::Failover, StageCode::Running, None),
        ]
    );
    for (id, name) in [(4, "failover-done"), (7, "rehearsed-switchover-done"), (8, "switchover-asks")] {
        assert_eq!(store.journal(OperationId(id)).await.unwrap(), golden(name), "{name}");
    }
    let chat = pool("chat-core");
    assert_eq!(store.record(&chat).await.unwrap().epoch, Epoch(2));
    assert_eq!(store.record(&pool("files")).await.unwrap().fences.len(), 1);
    assert_eq!(store.changes(&chat, 9).await.unwrap().len(), 2);
    assert_eq!(store.entries(999).await.unwrap().len(), 116);
    assert_eq!(store.evidence_names(OperationId(8)).await.unwrap().len(), 1);
    let made = store.made_active(&chat).await.unwrap();
    assert!(matches!(made, Some(MadeActive { operation: OperationId(4 | 8), .. })), "{made:?}");

    // The one that asks is answered and comes to its end.
    let mut ask = ask("the console", "here", 0);
    ask.stood_still = store
        .take_lease(&chat, &ask)
        .await
        .map(|answer| match answer {
            switchback_engine::ports::LeaseAnswer::Held(held) => Some(held),
            switchback_engine::ports::LeaseAnswer::Taken(_) => None,
        })
        .unwrap();
    let lease = store.take_lease(&chat, &ask).await.unwrap().taken().expect("nobody renews it");
    let id = store.open_operation_of(&chat).await.unwrap().expect("an operation under way");
    let mut operation = Operation::from_journal(id, &store.journal(id).await.unwrap()).unwrap();
    let Stage::NeedsPerson { question, since } = operation.stage.clone() else { panic!("{:?}", operation.stage) };
    let by: switchback_domain::Login = "ann".parse().unwrap();
    let answer = Event::Answered { number: question.number, choice: Choice::Abandon, by: by.clone(), reason: "by hand".into() };
    for event in [answer, Event::Finished { outcome: Outcome::Abandoned { by } }] {
        let (number, entry) = (operation.events, Entry { at: since, event });
        operation.evolve(&entry).unwrap();
        let ends = operation.is_finished() && matches!(entry.event, Event::Finished { .. });
        let mut line = operation.summary();
        if !ends {
            line.stage = StageCode::NeedsPerson;
        }
        store.append_entry(&lease, id, number, &entry, Some(&audited(1)), &[RecordChange::Ended(since)], &line).await.unwrap();
    }
    assert_eq!(store.open_operation_of(&chat).await.unwrap(), None);
    assert_eq!(store.summary(id).await.unwrap().unwrap().stage, StageCode::Abandoned);
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.summaries(None, 99).await.unwrap().len(), 9);
    assert_eq!(fixture.store.broken_guards().await.unwrap(), []);
}
