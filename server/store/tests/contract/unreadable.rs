//! Promises about journals that cannot be read.

use crate::{
    audit::entry as audited,
    fixture::{Fixture, at, pool},
    journal::{leased, opening, summary},
    summaries::{damage, golden, written},
};
use switchback_domain::{
    ByteLag, Side,
    operation::{Entry, Epoch, Event, Fence, OperationId, Outcome, StageCode, UnreadableCause, UnreadableEntry},
};
use switchback_engine::ports::{Closing, Lease, Opening, RecordChange, StoreError};

fn closing(operation: OperationId, changes: Vec<RecordChange>) -> Closing {
    let event = Event::Finished { outcome: Outcome::ClosedUnread { by: "ada".parse().unwrap() } };
    Closing { operation, entry: Entry { at: at(77), event }, audit: audited(77), changes }
}

pub async fn an_entry_that_cannot_be_read_is_named_and_the_rest_of_the_store_is_not_touched_by_it(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let other = written(store, &lease, &golden("switchover-done")).await;
    let mut damages = vec![
        ("SET entry = '{\"version\":2,' || substr(entry, 2)".to_owned(), UnreadableCause::Newer { version: 2 }),
        ("SET entry = substr(entry, 1, 40)".to_owned(), UnreadableCause::Damaged),
        ("SET entry = ''".to_owned(), UnreadableCause::Damaged),
        ("SET entry = 'null'".to_owned(), UnreadableCause::Damaged),
        ("SET entry = replace(entry, 'step_begun', 'step_from_the_future')".to_owned(), UnreadableCause::Damaged),
    ];
    if fixture.url.starts_with("sqlite:") {
        damages.push(("SET entry = CAST(x'7bff7d' AS TEXT)".to_owned(), UnreadableCause::Damaged));
    }
    for (round, (change, cause)) in damages.into_iter().enumerate() {
        let name = format!("q{round}");
        let lease = leased(store, &name).await;
        let id = written(store, &lease, &golden("failover-under-way")).await;
        damage(&fixture, &format!("UPDATE journal {change} WHERE operation = {} AND number = 3", id.0)).await;
        let refused = store.journal(id).await.unwrap_err();
        let found = UnreadableEntry { number: 3, cause };
        assert!(matches!(refused, StoreError::Unreadable(entry) if entry == found), "{change}: {refused:?}");
        // Nothing else fails because of it.
        assert_eq!(store.open_operation_of(&pool(&name)).await.unwrap(), Some(id));
        assert_eq!(store.summaries(None, 9).await.unwrap()[0].stage, StageCode::Running, "it was, when it was written last");
        assert_eq!(store.journal(other).await.unwrap(), golden("switchover-done"));
    }
    // An entry that is missing is one that cannot be read.
    let lease = leased(store, "gap").await;
    let id = written(store, &lease, &golden("failover-under-way")).await;
    let gap = format!("DELETE FROM journal WHERE operation = {} AND number = 2", id.0);
    damage(&fixture, &gap).await;
    let refused = store.journal(id).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreadable(UnreadableEntry { number: 2, cause: UnreadableCause::DoesNotFit })), "{refused:?}");
    // Its line does not rest on what is there any more, so it says so as well.
    let line = store.summary(id).await.unwrap().unwrap();
    assert_eq!((line.stage, line.unreadable.map(|entry| entry.number)), (StageCode::Unreadable, Some(2)));
    assert!(line.requested_by.is_some() && line.kind.is_some(), "{line:?}");
    let fixture = fixture.reopen().await;
    assert!(fixture.store.journal(id).await.is_err());
    assert_eq!(fixture.store.journal(other).await.unwrap(), golden("switchover-done"));
}

pub async fn an_operation_that_cannot_be_read_is_closed_by_the_next_one_or_not_at_all(fixture: Fixture) {
    let store = &*fixture.store;
    let lease = leased(store, "p").await;
    let id = written(store, &lease, &golden("failover-under-way")).await;
    let since = at(7);
    let fence = Fence { side: Side::A, epoch: Epoch(1), operation: Some(id), since, expected_loss: Some(ByteLag(9)), answers: Vec::new() };
    store.change_record(&lease, &RecordChange::FenceUp(fence), &audited(3)).await.unwrap();
    damage(&fixture, "UPDATE journal SET entry = '?' WHERE number = 3").await;
    let before = async || {
        let record = store.record(&pool("p")).await.unwrap();
        (
            store.summaries(None, 9).await.unwrap(),
            store.entries(99).await.unwrap(),
            record,
            store.open_operation_of(&pool("p")).await.unwrap(),
        )
    };
    let stood = before().await;
    let next = |closes, epoch| Opening { closes, epoch: Epoch(epoch), ..opening(9) };
    let lifts = || closing(id, vec![RecordChange::FenceDown(Side::A)]);
    // Not beside it, not in another epoch, not without the lease, not in its place of another operation.
    assert!(matches!(store.open_operation(&lease, &next(None, 0)).await, Err(StoreError::Taken)));
    assert!(matches!(store.open_operation(&lease, &next(Some(lifts()), 1)).await, Err(StoreError::OtherEpoch)));
    let lost = Lease { token: lease.token + 1, ..lease.clone() };
    assert!(matches!(store.open_operation(&lost, &next(Some(lifts()), 0)).await, Err(StoreError::Taken)));
    assert!(matches!(store.close_unread(&lost, &lifts()).await, Err(StoreError::Taken)));
    let wrong = closing(OperationId(99), Vec::new());
    assert!(matches!(store.open_operation(&lease, &next(Some(wrong), 0)).await, Err(StoreError::Taken)));
    assert_eq!(before().await, stood, "nothing is left of what was refused");

    let begun = store.open_operation(&lease, &next(Some(lifts()), 0)).await.unwrap();
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), Some(begun));
    let closed = store.summary(id).await.unwrap().unwrap();
    assert_eq!((closed.stage, closed.ended_at, closed.kind), (StageCode::ClosedUnread, Some(at(77)), stood.0[0].kind));
    assert_eq!(store.record(&pool("p")).await.unwrap().fences, []);
    let audit = store.entries(2).await.unwrap();
    assert_eq!((audit[0].subject.clone(), audit[1].clone()), (begun.to_string(), audited(77)));
    // It is closed for good, whoever could read it; and another one can be closed without a successor.
    assert!(matches!(store.close_unread(&lease, &lifts()).await, Err(StoreError::Taken)));
    assert!(matches!(
        store.append_entry(&lease, id, 6, &closing(id, Vec::new()).entry, None, &[], &summary(true)).await,
        Err(StoreError::Taken)
    ));
    store.close_unread(&lease, &closing(begun, Vec::new())).await.unwrap();
    assert_eq!(store.open_operation_of(&pool("p")).await.unwrap(), None);
}
