//! A store in memory that can be told to fail.

use crate::ports::{
    AuditEntry, AuditStore, Closing, EvidenceStore, HeldLease, HistoryStore, IdempotencyKey, JournalStore, Lease, LeaseAnswer, LeaseAsk,
    Opening, PeopleStore, PoolRecord, RecordChange, Session, Store, StoreError, Stored,
};
use futures::FutureExt;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use switchback_domain::{
    BrokenGuard, Login, LostFile, PoolId, Reserve, Restored,
    history::{Change, Metric, Point, Span},
    operation::{Entry, Evidence, MadeActive, OperationId, OperationSummary, StageCode},
    people::Person,
};

/// How long is remembered what was begun under an idempotency key.
const A_DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

#[derive(Debug, Default)]
pub(crate) struct TestStore {
    kept: Mutex<Kept>,
    /// History fails.
    pub(crate) history_fails: AtomicBool,
    /// The audit history fails.
    pub(crate) audit_fails: AtomicBool,
    /// Sessions cannot be ended.
    pub(crate) sessions_fail: AtomicBool,
    /// Whatever operations need to write fails; what is written can still be read.
    pub(crate) journal_fails: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) spans: Vec<(PoolId, Vec<(Metric, Point)>)>,
    pub(crate) changes: Vec<(PoolId, Change)>,
    pub(crate) set_up: Option<([u8; 32], Timestamp)>,
    pub(crate) device_key: Option<[u8; 32]>,
    pub(crate) people: BTreeMap<Login, (Person, String)>,
    pub(crate) sessions: BTreeMap<[u8; 32], Session>,
    pub(crate) touches: usize,
    pub(crate) audit: Vec<AuditEntry>,
    /// The operation of number 1 comes first.
    pub(crate) operations: Vec<KeptOperation>,
    pub(crate) records: BTreeMap<PoolId, PoolRecord>,
    pub(crate) leases: BTreeMap<PoolId, KeptLease>,
    pub(crate) remembered: BTreeMap<String, ([u8; 32], OperationId, Timestamp)>,
    pub(crate) evidence: BTreeMap<(OperationId, String), (Evidence, Vec<u8>)>,
    pub(crate) write_checks: usize,
    pub(crate) broken_guards: Vec<BrokenGuard>,
    pub(crate) lost_file: Option<LostFile>,
}

#[derive(Debug)]
pub(crate) struct KeptOperation {
    pub(crate) pool: PoolId,
    pub(crate) ended: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) summary: OperationSummary,
}

#[derive(Debug, Default)]
pub(crate) struct KeptLease {
    /// Nobody after it was given back.
    pub(crate) holder: Option<String>,
    pub(crate) token: i64,
    renewal: i64,
    machine: String,
    ends: Duration,
}

impl KeptLease {
    fn ask(&mut self, pool: &PoolId, ask: &LeaseAsk<'_>) -> LeaseAnswer {
        let held = HeldLease { token: self.token, renewal: self.renewal };
        if self.holder.as_deref() != Some(ask.holder) {
            let over_here = self.machine == ask.machine && self.ends <= ask.since_boot;
            if self.holder.is_some() && !over_here && ask.stood_still != Some(held) {
                return LeaseAnswer::Held(held);
            }
            self.holder = Some(ask.holder.to_owned());
            self.token += 1;
        }
        self.renewal += 1;
        ask.machine.clone_into(&mut self.machine);
        self.ends = ask.since_boot + ask.lasts;
        LeaseAnswer::Taken(Lease { pool: pool.clone(), token: self.token })
    }
}

impl Kept {
    fn holds(&self, lease: &Lease) -> Result<(), StoreError> {
        let held = self.leases.get(&lease.pool).is_some_and(|kept| kept.holder.is_some() && kept.token == lease.token);
        if held { Ok(()) } else { Err(StoreError::Taken) }
    }

    fn record(&self, pool: &PoolId) -> PoolRecord {
        self.records.get(pool).cloned().unwrap_or_default()
    }

    fn recalled(&self, key: &str, now: Timestamp) -> Option<([u8; 32], OperationId)> {
        let alive = self.remembered.get(key).filter(|(.., at)| now.duration_since(*at) < A_DAY);
        alive.map(|(body, operation, _)| (*body, *operation))
    }
}

fn place(operation: OperationId) -> usize {
    usize::try_from(operation.0).unwrap_or(0).wrapping_sub(1)
}

impl TestStore {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no test panics while it holds this")
    }

    fn answer<'a, T: Send + 'a>(&'a self, fails: bool, act: impl FnOnce(&mut Kept) -> Result<T, StoreError> + Send + 'a) -> Stored<'a, T> {
        let outcome = if fails { Err(StoreError::Failed("the test asked for it".into())) } else { act(&mut self.kept()) };
        std::future::ready(outcome).boxed()
    }

    fn of_history<'a, T: Send + 'a>(&'a self, act: impl FnOnce(&mut Kept) -> T + Send + 'a) -> Stored<'a, T> {
        self.answer(self.history_fails.load(Ordering::Relaxed), |kept| Ok(act(kept)))
    }

    /// Writes for an operation, with an audit entry or without.
    fn of_operations<'a, T: Send + 'a>(
        &'a self,
        audited: bool,
        act: impl FnOnce(&mut Kept) -> Result<T, StoreError> + Send + 'a,
    ) -> Stored<'a, T> {
        let fails = self.journal_fails.load(Ordering::Relaxed) || audited && self.audit_fails.load(Ordering::Relaxed);
        self.answer(fails, act)
    }

    /// What was done and refused, as `action result reason`.
    pub(crate) fn audited(&self) -> Vec<String> {
        let reason = |entry: &AuditEntry| entry.detail["reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
        self.kept().audit.iter().map(|entry| format!("{} {}{}", entry.deed(), entry.outcome(), reason(entry))).collect()
    }
}

impl HistoryStore for TestStore {
    fn add_points<'a>(&'a self, pool: &'a PoolId, points: &'a [(Metric, Point)]) -> Stored<'a, ()> {
        self.of_history(|kept| kept.spans.push((pool.clone(), points.to_vec())))
    }
    fn points<'a>(&'a self, pool: &'a PoolId, metric: &'a Metric, _: Span, from: Timestamp, until: Timestamp) -> Stored<'a, Vec<Point>> {
        self.of_history(move |kept| {
            let all = kept.spans.iter().filter(|(of, _)| of == pool).flat_map(|(_, points)| points);
            all.filter(|(of, point)| of == metric && (from..until).contains(&point.at)).map(|(_, point)| *point).collect()
        })
    }
    fn add_changes<'a>(&'a self, pool: &'a PoolId, changes: &'a [Change]) -> Stored<'a, ()> {
        self.of_history(|kept| kept.changes.extend(changes.iter().map(|change| (pool.clone(), change.clone()))))
    }
    fn changes<'a>(&'a self, pool: &'a PoolId, most: u32) -> Stored<'a, Vec<Change>> {
        self.of_history(move |kept| {
            let newest = kept.changes.iter().rev().filter(|(of, _)| of == pool);
            newest.map(|(_, change)| change.clone()).take(most as usize).collect()
        })
    }
    fn prune(&self, _: Timestamp) -> Stored<'_, u64> {
        self.of_history(|_| 0)
    }
}

impl PeopleStore for TestStore {
    fn people_count(&self) -> Stored<'_, u64> {
        self.answer(false, |kept| Ok(kept.people.len() as u64))
    }
    fn open_set_up<'a>(&'a self, secret_hash: &'a [u8; 32], expires_at: Timestamp) -> Stored<'a, ()> {
        self.answer(false, move |kept| {
            kept.set_up = Some((*secret_hash, expires_at));
            Ok(())
        })
    }
    fn set_up_is_open<'a>(&'a self, secret_hash: &'a [u8; 32], now: Timestamp) -> Stored<'a, bool> {
        self.answer(false, move |kept| Ok(kept.set_up.is_some_and(|(hash, expires_at)| hash == *secret_hash && now < expires_at)))
    }
    fn set_up<'a>(&'a self, secret_hash: &'a [u8; 32], person: &'a Person, password_hash: &'a str, now: Timestamp) -> Stored<'a, ()> {
        self.answer(false, move |kept| {
            let open = kept.set_up.is_some_and(|(hash, expires_at)| hash == *secret_hash && now < expires_at);
            if !open || !kept.people.is_empty() {
                return Err(StoreError::Taken);
            }
            kept.set_up = None;
            kept.people.insert(person.login.clone(), (person.clone(), password_hash.to_owned()));
            Ok(())
        })
    }
    fn person<'a>(&'a self, login: &'a Login) -> Stored<'a, Option<(Person, String)>> {
        self.answer(false, |kept| Ok(kept.people.get(login).cloned()))
    }
    fn device_key<'a>(&'a self, fresh: &'a [u8; 32]) -> Stored<'a, [u8; 32]> {
        self.answer(false, |kept| Ok(*kept.device_key.get_or_insert(*fresh)))
    }
    fn add_session<'a>(&'a self, session: &'a Session) -> Stored<'a, ()> {
        self.answer(false, |kept| {
            kept.sessions.insert(session.secret_hash, session.clone());
            Ok(())
        })
    }
    fn session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, Option<(Session, Person)>> {
        self.answer(false, |kept| {
            let session = kept.sessions.get(secret_hash).cloned();
            Ok(session.and_then(|session| kept.people.get(&session.login).map(|(person, _)| (session, person.clone()))))
        })
    }
    fn touch_session<'a>(&'a self, secret_hash: &'a [u8; 32], used_at: Timestamp) -> Stored<'a, ()> {
        self.answer(false, move |kept| {
            kept.touches += 1;
            if let Some(session) = kept.sessions.get_mut(secret_hash) {
                session.used_at = used_at;
            }
            Ok(())
        })
    }
    fn end_session<'a>(&'a self, secret_hash: &'a [u8; 32]) -> Stored<'a, ()> {
        self.answer(self.sessions_fail.load(Ordering::Relaxed), |kept| {
            kept.sessions.remove(secret_hash);
            Ok(())
        })
    }
    fn prune_sessions(&self, created_before: Timestamp, used_before: Timestamp) -> Stored<'_, u64> {
        self.answer(false, move |kept| {
            let before = kept.sessions.len();
            kept.sessions.retain(|_, session| session.created_at >= created_before && session.used_at >= used_before);
            Ok((before - kept.sessions.len()) as u64)
        })
    }
}

impl AuditStore for TestStore {
    fn append<'a>(&'a self, entry: &'a AuditEntry) -> Stored<'a, ()> {
        self.answer(self.audit_fails.load(Ordering::Relaxed), |kept| {
            kept.audit.push(entry.clone());
            Ok(())
        })
    }
    fn entries(&self, most: u32) -> Stored<'_, Vec<AuditEntry>> {
        self.answer(false, move |kept| Ok(kept.audit.iter().rev().take(most as usize).cloned().collect()))
    }
}

impl JournalStore for TestStore {
    fn take_lease<'a>(&'a self, pool: &'a PoolId, ask: &'a LeaseAsk<'a>) -> Stored<'a, LeaseAnswer> {
        self.of_operations(false, move |kept| Ok(kept.leases.entry(pool.clone()).or_default().ask(pool, ask)))
    }
    fn give_lease_back<'a>(&'a self, lease: &'a Lease) -> Stored<'a, ()> {
        self.of_operations(false, |kept| {
            if let Some(kept) = kept.leases.get_mut(&lease.pool).filter(|kept| kept.token == lease.token) {
                kept.holder = None;
            }
            Ok(())
        })
    }
    fn open_operation<'a>(&'a self, lease: &'a Lease, opening: &'a Opening) -> Stored<'a, OperationId> {
        self.of_operations(true, |kept| {
            kept.holds(lease)?;
            if kept.record(&lease.pool).epoch != opening.epoch {
                return Err(StoreError::OtherEpoch);
            }
            if kept.operations.iter().any(|operation| operation.pool == lease.pool && !operation.ended) {
                return Err(StoreError::Taken);
            }
            let at = opening.first.at;
            if opening.key.as_ref().is_some_and(|key| kept.recalled(&key.key, at).is_some()) {
                return Err(StoreError::Taken);
            }
            let id = OperationId(kept.operations.len() as u64 + 1);
            let summary = OperationSummary { id, ..opening.summary.clone() };
            kept.operations.push(KeptOperation { pool: lease.pool.clone(), ended: false, entries: vec![opening.first.clone()], summary });
            kept.remembered.extend(opening.key.clone().map(|IdempotencyKey { key, body }| (key, (body, id, at))));
            kept.audit.push(opening.audit.clone().with_subject(id.to_string()));
            Ok(id)
        })
    }
    fn append_entry<'a>(
        &'a self,
        lease: &'a Lease,
        operation: OperationId,
        number: u32,
        entry: &'a Entry,
        audit: Option<&'a AuditEntry>,
        changes: &'a [RecordChange],
        summary: &'a OperationSummary,
    ) -> Stored<'a, ()> {
        self.of_operations(audit.is_some(), move |kept| {
            kept.holds(lease)?;
            let record = kept.record(&lease.pool).with(changes)?;
            let open = kept.operations.get_mut(place(operation)).filter(|kept| kept.pool == lease.pool && !kept.ended);
            let open = open.ok_or(StoreError::Taken)?;
            match (number as usize).cmp(&open.entries.len()) {
                std::cmp::Ordering::Less => return Err(StoreError::Taken),
                std::cmp::Ordering::Equal => open.entries.push(entry.clone()),
                std::cmp::Ordering::Greater => return Err(StoreError::Failed("the journal has no gaps".into())),
            }
            open.ended = summary.stage.is_end();
            open.summary = summary.clone();
            kept.audit.extend(audit.cloned());
            kept.records.insert(lease.pool.clone(), record);
            Ok(())
        })
    }
    fn close_unread<'a>(&'a self, lease: &'a Lease, closing: &'a Closing) -> Stored<'a, ()> {
        self.of_operations(true, |kept| {
            kept.holds(lease)?;
            let open = kept.operations.get_mut(place(closing.operation)).filter(|kept| kept.pool == lease.pool && !kept.ended);
            let open = open.ok_or(StoreError::Taken)?;
            open.ended = true;
            open.entries.push(closing.entry.clone());
            open.summary.stage = StageCode::ClosedUnread;
            kept.audit.push(closing.audit.clone());
            Ok(())
        })
    }
    fn summaries<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationSummary>> {
        self.answer(false, move |kept| {
            let newest = kept.operations.iter().rev().filter(|kept| pool.is_none_or(|pool| *pool == kept.pool));
            Ok(newest.take(most as usize).map(|kept| kept.summary.clone()).collect())
        })
    }
    fn summary(&self, operation: OperationId) -> Stored<'_, Option<OperationSummary>> {
        self.answer(false, move |kept| Ok(kept.operations.get(place(operation)).map(|kept| kept.summary.clone())))
    }
    fn made_active<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<MadeActive>> {
        self.answer(false, move |kept| {
            let mut newest = kept.operations.iter().rev().filter(|kept| kept.pool == *pool).map(|kept| &kept.summary);
            Ok(newest.find_map(|summary| Some(MadeActive { side: summary.made_active?, operation: summary.id })))
        })
    }
    fn journal(&self, operation: OperationId) -> Stored<'_, Vec<Entry>> {
        self.answer(false, move |kept| Ok(kept.operations.get(place(operation)).map(|kept| kept.entries.clone()).unwrap_or_default()))
    }
    fn operations<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationId>> {
        self.answer(false, move |kept| {
            let newest = (1..).map(OperationId).zip(&kept.operations).filter(|(_, kept)| pool.is_none_or(|pool| *pool == kept.pool));
            let newest: Vec<OperationId> = newest.map(|(id, _)| id).collect();
            Ok(newest.into_iter().rev().take(most as usize).collect())
        })
    }
    fn open_operation_of<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<OperationId>> {
        self.answer(false, move |kept| {
            let mut open = (1..).map(OperationId).zip(&kept.operations).filter(|(_, kept)| kept.pool == *pool && !kept.ended);
            Ok(open.next().map(|(id, _)| id))
        })
    }
    fn record<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, PoolRecord> {
        self.answer(false, |kept| Ok(kept.record(pool)))
    }
    fn change_record<'a>(&'a self, lease: &'a Lease, change: &'a RecordChange, audit: &'a AuditEntry) -> Stored<'a, ()> {
        self.of_operations(true, |kept| {
            kept.holds(lease)?;
            let record = kept.record(&lease.pool).with(std::slice::from_ref(change))?;
            kept.records.insert(lease.pool.clone(), record);
            kept.audit.push(audit.clone());
            Ok(())
        })
    }
    fn confirm_restored<'a>(
        &'a self,
        lease: &'a Lease,
        restored: Restored,
        changes: &'a [RecordChange],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()> {
        self.of_operations(true, move |kept| {
            kept.holds(lease)?;
            let record = kept.record(&lease.pool).with(changes)?;
            if record.unconfirmed != Some(restored) {
                return Err(StoreError::Taken);
            }
            kept.records.insert(lease.pool.clone(), PoolRecord { unconfirmed: None, ..record });
            kept.audit.push(audit.clone());
            Ok(())
        })
    }
    fn remembered<'a>(&'a self, key: &'a str, now: Timestamp) -> Stored<'a, Option<([u8; 32], OperationId)>> {
        self.answer(false, move |kept| Ok(kept.recalled(key, now)))
    }
}

impl EvidenceStore for TestStore {
    fn keep_evidence<'a>(
        &'a self,
        operation: OperationId,
        evidence: &'a Evidence,
        content: &'a [u8],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()> {
        self.of_operations(true, move |kept| {
            let open = kept.operations.get(place(operation)).is_some_and(|kept| !kept.ended);
            let place = (operation, evidence.name.clone());
            if !open || kept.evidence.contains_key(&place) {
                return Err(StoreError::Taken);
            }
            kept.evidence.insert(place, (evidence.clone(), content.to_vec()));
            kept.audit.push(audit.clone());
            Ok(())
        })
    }
    fn evidence_names(&self, operation: OperationId) -> Stored<'_, Vec<Evidence>> {
        self.answer(false, move |kept| {
            let own = kept.evidence.iter().filter(|((of, _), _)| *of == operation);
            Ok(own.map(|(_, (evidence, _))| evidence.clone()).collect())
        })
    }
    fn evidence<'a>(&'a self, operation: OperationId, name: &'a str) -> Stored<'a, Option<Vec<u8>>> {
        self.answer(false, move |kept| Ok(kept.evidence.get(&(operation, name.to_owned())).map(|(_, content)| content.clone())))
    }
}

impl Store for TestStore {
    fn write_check(&self, _: Timestamp) -> Stored<'_, ()> {
        self.answer(self.audit_fails.load(Ordering::Relaxed), |kept| {
            kept.write_checks += 1;
            Ok(())
        })
    }
    fn broken_guards(&self) -> Stored<'_, Vec<BrokenGuard>> {
        self.answer(false, |kept| Ok(kept.broken_guards.clone()))
    }
    fn tend_reserve(&self) -> Reserve {
        Reserve::NotNeeded
    }
    fn lost_file(&self) -> Option<LostFile> {
        self.kept().lost_file.clone()
    }
}
