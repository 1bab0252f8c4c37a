//! A store in memory that can be told to fail.

use crate::ports::{AuditEntry, AuditStore, HistoryStore, PeopleStore, Session, Store, StoreError, Stored};
use futures::FutureExt;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use switchback_domain::{
    Login, PoolId,
    history::{Change, Metric, Point, Span},
    people::Person,
};

#[derive(Debug, Default)]
pub(crate) struct TestStore {
    kept: Mutex<Kept>,
    /// History fails.
    pub(crate) history_fails: AtomicBool,
    /// The audit history fails.
    pub(crate) audit_fails: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) spans: Vec<(PoolId, Vec<(Metric, Point)>)>,
    pub(crate) changes: Vec<(PoolId, Change)>,
    pub(crate) set_up: Option<([u8; 32], Timestamp)>,
    pub(crate) people: BTreeMap<Login, (Person, String)>,
    pub(crate) sessions: BTreeMap<[u8; 32], Session>,
    pub(crate) touches: usize,
    pub(crate) audit: Vec<AuditEntry>,
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

    /// What was done and refused, as `action result reason`.
    pub(crate) fn audited(&self) -> Vec<String> {
        let reason = |entry: &AuditEntry| entry.detail["reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
        self.kept().audit.iter().map(|entry| format!("{} {}{}", entry.action, entry.result, reason(entry))).collect()
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
        self.answer(false, |kept| {
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

impl Store for TestStore {
    fn ping(&self) -> Stored<'_, ()> {
        self.of_history(|_| ())
    }
}
