//! The store in memory, with the books that the simulator reads: what was written, by which start of the console, and whether every
//! effect was announced before it happened.

use crate::{
    console_handle::ConsoleHandle,
    world::{Ask, NAMES, Order, World, nodes_of, orders_clock, side_of},
};
use futures::FutureExt;
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};
use switchback_domain::{
    BrokenGuard, Login, PoolId, Reserve, Restored, Side,
    audit::Deed,
    history::{Change, Metric, Point, Span},
    operation::{
        Entry, Event, Evidence, Intent, MadeActive, MemberOrder, Operation, OperationId, OperationSummary, StageCode, Step, StepState,
        UnreadableEntry,
    },
    people::Person,
};
use switchback_engine::ports::{
    AuditEntry, AuditStore, Closing, EvidenceStore, HeldLease, HistoryStore, IdempotencyKey, JournalStore, Lease, LeaseAnswer, LeaseAsk,
    Opening, PeopleStore, PoolRecord, RecordChange, Session, Store, StoreError, Stored,
};

/// When a start of the console is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// With this write to the journal, counted from zero over the whole run.
    pub at: u32,
    /// The write is done before it dies; otherwise it is not.
    pub written: bool,
}

/// An operation as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Of which pool.
    pub pool: PoolId,
    /// Nothing more can be written.
    pub ended: bool,
    /// Its journal.
    pub entries: Vec<Entry>,
    /// How many of them are no deed, and so have no line in the audit history.
    pub silent: usize,
    /// As lists show it.
    pub summary: OperationSummary,
    /// An entry that cannot be read.
    pub unreadable: Option<UnreadableEntry>,
}

#[derive(Debug, Clone, Default)]
struct KeptLease {
    holder: Option<String>,
    token: i64,
    renewal: i64,
    machine: String,
    /// When it ends by that machine's time.
    ends: Duration,
    /// When it ends by the world's time, which no console knows.
    until: Timestamp,
}

impl KeptLease {
    fn ask(&mut self, pool: &PoolId, ask: &LeaseAsk<'_>, now: Timestamp) -> LeaseAnswer {
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
        self.until = now + ask.lasts;
        LeaseAnswer::Taken(Lease { pool: pool.clone(), token: self.token })
    }
}

/// Everything that is written down.
#[derive(Debug, Default)]
pub struct StoreState {
    /// The operation of number 1 comes first.
    pub operations: Vec<Kept>,
    /// The audit history.
    pub audit: Vec<AuditEntry>,
    /// What stands about each pool.
    pub records: BTreeMap<PoolId, PoolRecord>,
    /// When the console is killed.
    pub crashes: Vec<Crash>,
    /// What operations keep beside their journals.
    pub evidence: BTreeMap<(OperationId, String), (Evidence, Vec<u8>)>,
    /// How often the journal was written to.
    pub writes: u32,
    leases: BTreeMap<PoolId, KeptLease>,
    /// The holder's name of each start of the console.
    holders: BTreeMap<u32, String>,
    remembered: BTreeMap<String, ([u8; 32], OperationId)>,
}

impl StoreState {
    /// The operation of this number.
    pub fn operation(&self, id: OperationId) -> Option<Operation> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.operations.get(index).and_then(|kept| Operation::from_journal(id, &kept.entries).ok())
    }

    fn open(&self) -> Option<Operation> {
        let index = self.operations.iter().position(|kept| !kept.ended)?;
        self.operation(OperationId(index as u64 + 1))
    }

    fn holds(&self, lease: &Lease) -> Result<(), StoreError> {
        let kept = self.leases.get(&lease.pool).filter(|kept| kept.token == lease.token && kept.holder.is_some());
        kept.map(|_| ()).ok_or(StoreError::Taken)
    }

    /// Closes an operation that cannot be read.
    fn close_unread(&mut self, pool: &PoolId, closing: &Closing) -> Result<(), StoreError> {
        let record = self.record(pool).with(&closing.changes)?;
        let index = usize::try_from(closing.operation.0).unwrap_or(0).wrapping_sub(1);
        let kept = self.operations.get_mut(index).filter(|kept| kept.pool == *pool && !kept.ended).ok_or(StoreError::Taken)?;
        kept.entries.push(closing.entry.clone());
        kept.ended = true;
        kept.summary = OperationSummary { stage: StageCode::ClosedUnread, ended_at: Some(closing.entry.at), ..kept.summary.clone() };
        self.audit.push(closing.audit.clone());
        self.records.insert(pool.clone(), record);
        Ok(())
    }

    fn record(&self, pool: &PoolId) -> PoolRecord {
        self.records.get(pool).cloned().unwrap_or_default()
    }

    fn fenced(&self, side: Side) -> bool {
        self.records.values().any(|record| record.fences.iter().any(|fence| fence.side == side))
    }

    /// What speaks against an order that start `number` of the console sends now; nothing when it is announced in the journal and its
    /// sender holds the lease.
    pub fn objection(&self, number: u32, order: &Order, world: &World) -> Option<String> {
        let is_row = matches!(order.ask, Ask::WriteRow(..));
        if !order.ask.is_effect() && !is_row {
            return None;
        }
        let what = format!("{:?} to {} by start {number}", order.ask, order.to);
        let now = orders_clock(world.now);
        let (side, _, _) = world.place_of(&order.to);
        let fenced = self.fenced(side);
        let closes = matches!(order.ask, Ask::TellMember(_, MemberOrder::Maintenance));
        if fenced && (closes || matches!(order.ask, Ask::Hold | Ask::HoldInEtcd)) {
            // What stands in the record is announced for as long as it stands there; every console may see to it.
            return None;
        }
        let lease = self.leases.values().next();
        let mine = self.holders.get(&number);
        if is_row {
            // A row of its own table moves nothing, but never may two consoles work on one pool.
            let others = lease.is_some_and(|lease| lease.holder.is_some() && lease.holder.as_ref() != mine && now < lease.until);
            return others.then(|| format!("while another console holds the lease: {what}"));
        }
        if !lease.is_some_and(|lease| lease.holder.is_some() && lease.holder.as_ref() == mine && now < lease.until) {
            return Some(format!("without the lease: {what}"));
        }
        let Some(operation) = self.open() else { return Some(format!("without any operation: {what}")) };
        if operation.request.dry_run {
            return Some(format!("in a rehearsal: {what}"));
        }
        let running: Vec<&Step> = operation
            .plan
            .steps
            .iter()
            .zip(&operation.steps)
            .filter(|(_, run)| run.state == StepState::Running)
            .map(|(step, _)| step)
            .collect();
        let undoing: Vec<&Step> = operation
            .undo
            .iter()
            .filter(|undo| undo.run.state == StepState::Running)
            .map(|undo| &operation.plan.steps[undo.step])
            .collect();
        if let Ask::Lead = order.ask {
            return self.objection_to_lead(side, &operation, &running, &undoing, &what, world);
        }
        let announced = running.iter().chain(&undoing).any(|step| announces(step, &order.ask, side));
        (!announced).then(|| format!("not announced in the journal: {what}"))
    }

    fn objection_to_lead(
        &self,
        side: Side,
        operation: &Operation,
        running: &[&Step],
        undoing: &[&Step],
        what: &str,
        world: &World,
    ) -> Option<String> {
        let planned = operation.plan.steps.contains(&Step::Demote { side });
        if planned && world.lead_sent() == Some(side.other()) {
            return Some(format!("both sites are told to lead in one operation: {what}"));
        }
        let promotes = running.contains(&&Step::Promote { side });
        let restores = undoing.contains(&&Step::Demote { side }) || undoing.contains(&&Step::Fence { side });
        if restores && operation.is_past_no_return() {
            return Some(format!("the old site is made writable after the point of no return: {what}"));
        }
        if self.fenced(side) {
            return Some(format!("a fenced site is told to lead: {what}"));
        }
        let still: Vec<&str> =
            nodes_of(side.other()).into_iter().filter(|node| world.is_heard_writing(*node)).map(|node| NAMES[node]).collect();
        if promotes && !still.is_empty() {
            return Some(format!("a site is promoted while {} writes and could be asked: {what}", still.join(" and ")));
        }
        if promotes && matches!(operation.plan.intent, Intent::Failover { .. }) && !self.fenced(side.other()) {
            return Some(format!("a failover promotes before the fence of the other site is written down: {what}"));
        }
        // While nothing can be written, the demotion that was begun announces that it may be taken back.
        let demoted =
            operation.plan.steps.iter().zip(&operation.steps).any(|(step, run)| *step == Step::Demote { side } && run.attempts > 0);
        let unwritten = demoted && (!world.store_works || world.store_forgets > 0);
        (!promotes && !restores && !unwritten).then(|| format!("not announced in the journal: {what}"))
    }

    /// Another console takes every lease.
    pub fn seize_leases(&mut self) {
        for lease in self.leases.values_mut() {
            lease.holder = Some("another".to_owned());
            "another machine".clone_into(&mut lease.machine);
            lease.token += 1;
            lease.renewal += 1;
        }
    }

    /// Journal and audit history say equally much.
    pub fn difference(&self) -> Option<String> {
        (1..).zip(&self.operations).find_map(|(number, kept)| {
            let subject = OperationId(number).to_string();
            // How a fenced site has answered stands beside the fence, also after the operation's end, and in no entry of its journal.
            let deed = |entry: &&AuditEntry| entry.subject == subject && *entry.deed() != Deed::FenceAnswered;
            let lines = self.audit.iter().filter(deed).count();
            let deeds = kept.entries.len() - kept.silent;
            let measured = kept.entries.iter().filter(|entry| matches!(entry.event, Event::OutageSeen { .. })).count();
            (lines != deeds || kept.silent != measured)
                .then(|| format!("{subject} has {deeds} deeds in its journal and {lines} lines in the audit history"))
        })
    }
}

/// A step's beginning announces such an order to this site.
fn announces(step: &Step, ask: &Ask, at: Side) -> bool {
    match (step, ask) {
        // The fence of a site that followed before is taken back by letting it follow.
        (Step::Demote { side } | Step::Fence { side } | Step::Follow { side } | Step::Reprotect { side }, Ask::Follow(section)) => {
            *side == at && *section == at
        }
        // ClusterMode to lead once more, the other one is told first to stay what it is.
        (Step::Promote { side }, Ask::Follow(section)) => side.other() == at && *section == at,
        (Step::Fence { side }, Ask::Hold | Ask::HoldInEtcd)
        | (Step::Follow { side }, Ask::FollowInEtcd)
        | (Step::Checkpoint { side }, Ask::Checkpoint)
        | (Step::SwitchInSite { side }, Ask::Switch { .. })
        | (Step::Reprotect { side } | Step::Follow { side }, Ask::Elect(_))
        | (Step::Drain { side, .. } | Step::Fence { side }, Ask::TellMember(..)) => *side == at,
        (Step::SetMember { change }, Ask::TellMember(member, order)) => change.member == *member && change.to == *order,
        (Step::Reroute { .. }, Ask::TellMember(..)) => true,
        _ => false,
    }
}

/// The store as one start of the console has it.
pub struct WorldStore(pub ConsoleHandle);

fn broken() -> StoreError {
    StoreError::Failed("the store is away".into())
}

impl WorldStore {
    fn read<'a, T: Send + 'a>(&'a self, act: impl FnOnce(&mut StoreState) -> T + Send + 'a) -> Stored<'a, T> {
        async move {
            self.0.alive().await;
            if !self.0.world().store_works {
                return Err(broken());
            }
            Ok(act(&mut self.0.books()))
        }
        .boxed()
    }

    /// A write of the journal, at which the console may be killed.
    fn write<'a, T: Send + 'a>(
        &'a self,
        what: String,
        act: impl FnOnce(&mut StoreState) -> Result<T, StoreError> + Send + 'a,
    ) -> Stored<'a, T> {
        async move {
            crate::console_handle::let_pass(2).await;
            self.0.alive().await;
            if !self.0.world().store_works {
                return Err(broken());
            }
            let number = self.0.books().writes;
            let crash = self.0.books().crashes.iter().copied().find(|crash| crash.at == number);
            if let Some(Crash { written: false, .. }) = crash {
                self.0.books().writes += 1;
                self.0.world().tell(format!("start {} is killed before it writes: {what}", self.0.number));
                self.0.kill();
                self.0.alive().await;
            }
            let outcome = {
                let mut books = self.0.books();
                books.writes += 1;
                act(&mut books)
            };
            let forgets = {
                let world = self.0.world();
                world.store_forgets > 0 && crate::chance::Dice::of(world.seed, world.now, &what).percent(world.store_forgets)
            };
            if forgets && outcome.is_ok() {
                self.0.world().tell(format!("journal, said to have failed: {what}"));
                return Err(broken());
            }
            match &outcome {
                Ok(_) => self.0.world().tell(format!("journal: {what}")),
                Err(error) => self.0.world().tell(format!("not written ({error}): {what}")),
            }
            if let Some(Crash { written: true, .. }) = crash {
                self.0.world().tell(format!("start {} is killed after it wrote", self.0.number));
                self.0.kill();
                self.0.alive().await;
            }
            outcome
        }
        .boxed()
    }
}

impl JournalStore for WorldStore {
    fn take_lease<'a>(&'a self, pool: &'a PoolId, ask: &'a LeaseAsk<'a>) -> Stored<'a, LeaseAnswer> {
        let number = self.0.number;
        let now = orders_clock(self.0.world().now);
        self.read(move |books| {
            books.holders.insert(number, ask.holder.to_owned());
            books.leases.entry(pool.clone()).or_default().ask(pool, ask, now)
        })
    }

    fn give_lease_back<'a>(&'a self, lease: &'a Lease) -> Stored<'a, ()> {
        self.read(move |books| {
            if let Some(kept) = books.leases.get_mut(&lease.pool).filter(|kept| kept.token == lease.token) {
                kept.holder = None;
            }
        })
    }

    fn open_operation<'a>(&'a self, lease: &'a Lease, opening: &'a Opening) -> Stored<'a, OperationId> {
        self.write(short(&opening.first), move |books| {
            books.holds(lease)?;
            if books.record(&lease.pool).epoch != opening.epoch {
                return Err(StoreError::OtherEpoch);
            }
            let closes = opening.closes.as_ref().map(|closing| closing.operation.0);
            let open = |(number, kept): (u64, &Kept)| kept.pool == lease.pool && !kept.ended && Some(number) != closes;
            if (1..).zip(&books.operations).any(open) {
                return Err(StoreError::Taken);
            }
            if opening.key.as_ref().is_some_and(|key| books.remembered.contains_key(&key.key)) {
                return Err(StoreError::Taken);
            }
            if let Some(closing) = &opening.closes {
                books.close_unread(&lease.pool, closing)?;
            }
            let id = OperationId(books.operations.len() as u64 + 1);
            let summary = OperationSummary { id, ..opening.summary.clone() };
            let entries = vec![opening.first.clone()];
            books.operations.push(Kept { pool: lease.pool.clone(), ended: false, entries, silent: 0, summary, unreadable: None });
            books.remembered.extend(opening.key.clone().map(|IdempotencyKey { key, body }| (key, (body, id))));
            books.audit.push(opening.audit.clone().with_subject(id.to_string()));
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
        self.write(format!("{operation} #{number} {} {changes:?}", short(entry)), move |books| {
            books.holds(lease)?;
            let record = books.record(&lease.pool).with(changes)?;
            let index = usize::try_from(operation.0).unwrap_or(0).wrapping_sub(1);
            let kept = books.operations.get_mut(index).filter(|kept| kept.pool == lease.pool && !kept.ended).ok_or(StoreError::Taken)?;
            if usize::try_from(number).unwrap_or(usize::MAX) != kept.entries.len() {
                return Err(StoreError::Taken);
            }
            kept.entries.push(entry.clone());
            kept.ended = summary.stage.is_end();
            kept.summary = summary.clone();
            kept.silent += usize::from(audit.is_none());
            books.audit.extend(audit.cloned());
            books.records.insert(lease.pool.clone(), record);
            Ok(())
        })
    }

    fn close_unread<'a>(&'a self, lease: &'a Lease, closing: &'a Closing) -> Stored<'a, ()> {
        self.write(format!("{} is closed unread", closing.operation), move |books| {
            books.holds(lease)?;
            books.close_unread(&lease.pool, closing)
        })
    }

    fn summaries<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationSummary>> {
        self.read(move |books| {
            let all = books.operations.iter().rev().filter(|kept| pool.is_none_or(|pool| *pool == kept.pool));
            all.take(most as usize).map(|kept| kept.summary.clone()).collect()
        })
    }

    fn summary(&self, operation: OperationId) -> Stored<'_, Option<OperationSummary>> {
        self.read(move |books| books.operations.iter().map(|kept| &kept.summary).find(|summary| summary.id == operation).cloned())
    }

    fn made_active<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<MadeActive>> {
        self.read(move |books| {
            let mut newest = books.operations.iter().rev().filter(|kept| kept.pool == *pool).map(|kept| &kept.summary);
            newest.find_map(|summary| Some(MadeActive { side: summary.made_active?, operation: summary.id }))
        })
    }

    fn journal(&self, operation: OperationId) -> Stored<'_, Vec<Entry>> {
        let read = self.read(move |books| {
            let index = usize::try_from(operation.0).unwrap_or(0).wrapping_sub(1);
            books.operations.get(index).map(|kept| (kept.entries.clone(), kept.unreadable)).unwrap_or_default()
        });
        async move {
            match read.await? {
                (_, Some(entry)) => Err(StoreError::Unreadable(entry)),
                (entries, None) => Ok(entries),
            }
        }
        .boxed()
    }

    fn operations<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationId>> {
        self.read(move |books| {
            let all = (1..).map(OperationId).zip(&books.operations);
            let mut all: Vec<OperationId> = all.filter(|(_, kept)| pool.is_none_or(|pool| *pool == kept.pool)).map(|(id, _)| id).collect();
            all.reverse();
            all.truncate(most as usize);
            all
        })
    }

    fn open_operation_of<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<OperationId>> {
        self.read(move |books| {
            (1..).map(OperationId).zip(&books.operations).find(|(_, kept)| kept.pool == *pool && !kept.ended).map(|(id, _)| id)
        })
    }

    fn record<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, PoolRecord> {
        self.read(move |books| books.record(pool))
    }

    fn change_record<'a>(&'a self, lease: &'a Lease, change: &'a RecordChange, audit: &'a AuditEntry) -> Stored<'a, ()> {
        self.write(format!("{change:?}"), move |books| {
            books.holds(lease)?;
            let record = books.record(&lease.pool).with(std::slice::from_ref(change))?;
            books.records.insert(lease.pool.clone(), record);
            books.audit.push(audit.clone());
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
        self.write("a restored store is confirmed".to_owned(), move |books| {
            books.holds(lease)?;
            let record = books.record(&lease.pool).with(changes)?;
            if record.unconfirmed != Some(restored) {
                return Err(StoreError::Taken);
            }
            books.records.insert(lease.pool.clone(), PoolRecord { unconfirmed: None, ..record });
            books.audit.push(audit.clone());
            Ok(())
        })
    }

    fn remembered<'a>(&'a self, key: &'a str, _: Timestamp) -> Stored<'a, Option<([u8; 32], OperationId)>> {
        self.read(move |books| books.remembered.get(key).copied())
    }
}

/// An entry in a few words.
fn short(entry: &Entry) -> String {
    match &entry.event {
        Event::Requested { request, plan, .. } => {
            let steps: Vec<&str> = plan.steps.iter().map(Step::as_code).collect();
            format!("requested {}{}: {}", request.intent.as_code(), if request.dry_run { " (rehearsal)" } else { "" }, steps.join(", "))
        }
        other => format!("{other:?}").chars().take(400).collect(),
    }
}

impl AuditStore for WorldStore {
    fn append<'a>(&'a self, entry: &'a AuditEntry) -> Stored<'a, ()> {
        self.read(move |books| books.audit.push(entry.clone()))
    }
    fn entries(&self, most: u32) -> Stored<'_, Vec<AuditEntry>> {
        self.read(move |books| books.audit.iter().rev().take(most as usize).cloned().collect())
    }
}

/// History is of no concern to operations, so it is forgotten.
impl HistoryStore for WorldStore {
    fn add_points<'a>(&'a self, _: &'a PoolId, _: &'a [(Metric, Point)]) -> Stored<'a, ()> {
        self.read(|_| ())
    }
    fn points<'a>(&'a self, _: &'a PoolId, _: &'a Metric, _: Span, _: Timestamp, _: Timestamp) -> Stored<'a, Vec<Point>> {
        self.read(|_| Vec::new())
    }
    fn add_changes<'a>(&'a self, _: &'a PoolId, _: &'a [Change]) -> Stored<'a, ()> {
        self.read(|_| ())
    }
    fn changes<'a>(&'a self, _: &'a PoolId, _: u32) -> Stored<'a, Vec<Change>> {
        self.read(|_| Vec::new())
    }
    fn prune(&self, _: Timestamp) -> Stored<'_, u64> {
        self.read(|_| 0)
    }
}

/// Nobody signs in in this world: callers are handed to the console as they are.
impl PeopleStore for WorldStore {
    fn people_count(&self) -> Stored<'_, u64> {
        self.read(|_| 1)
    }
    fn open_set_up<'a>(&'a self, _: &'a [u8; 32], _: Timestamp) -> Stored<'a, ()> {
        async { Err(StoreError::Taken) }.boxed()
    }
    fn set_up_is_open<'a>(&'a self, _: &'a [u8; 32], _: Timestamp) -> Stored<'a, bool> {
        self.read(|_| false)
    }
    fn set_up<'a>(&'a self, _: &'a [u8; 32], _: &'a Person, _: &'a str, _: Timestamp) -> Stored<'a, ()> {
        async { Err(StoreError::Taken) }.boxed()
    }
    fn person<'a>(&'a self, _: &'a Login) -> Stored<'a, Option<(Person, String)>> {
        self.read(|_| None)
    }
    fn device_key<'a>(&'a self, fresh: &'a [u8; 32]) -> Stored<'a, [u8; 32]> {
        self.read(|_| *fresh)
    }
    fn add_session<'a>(&'a self, _: &'a Session) -> Stored<'a, ()> {
        async { Err(StoreError::Taken) }.boxed()
    }
    fn session<'a>(&'a self, _: &'a [u8; 32]) -> Stored<'a, Option<(Session, Person)>> {
        self.read(|_| None)
    }
    fn touch_session<'a>(&'a self, _: &'a [u8; 32], _: Timestamp) -> Stored<'a, ()> {
        self.read(|_| ())
    }
    fn end_session<'a>(&'a self, _: &'a [u8; 32]) -> Stored<'a, ()> {
        self.read(|_| ())
    }
    fn prune_sessions(&self, _: Timestamp, _: Timestamp) -> Stored<'_, u64> {
        self.read(|_| 0)
    }
}

impl EvidenceStore for WorldStore {
    fn keep_evidence<'a>(
        &'a self,
        operation: OperationId,
        evidence: &'a Evidence,
        content: &'a [u8],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()> {
        self.write(format!("{operation} keeps {}", evidence.name), move |books| {
            let index = usize::try_from(operation.0).unwrap_or(0).wrapping_sub(1);
            let place = (operation, evidence.name.clone());
            if books.operations.get(index).is_none_or(|kept| kept.ended) || books.evidence.contains_key(&place) {
                return Err(StoreError::Taken);
            }
            books.evidence.insert(place, (evidence.clone(), content.to_vec()));
            books.audit.push(audit.clone());
            Ok(())
        })
    }

    fn evidence_names(&self, operation: OperationId) -> Stored<'_, Vec<Evidence>> {
        self.read(move |books| {
            let own = books.evidence.iter().filter(|((of, _), _)| *of == operation);
            own.map(|(_, (evidence, _))| evidence.clone()).collect()
        })
    }

    fn evidence<'a>(&'a self, operation: OperationId, name: &'a str) -> Stored<'a, Option<Vec<u8>>> {
        self.read(move |books| books.evidence.get(&(operation, name.to_owned())).map(|(_, content)| content.clone()))
    }
}

impl Store for WorldStore {
    fn write_check(&self, _: Timestamp) -> Stored<'_, ()> {
        self.read(|_| ())
    }
    fn broken_guards(&self) -> Stored<'_, Vec<BrokenGuard>> {
        self.read(|_| Vec::new())
    }
    fn tend_reserve(&self) -> Reserve {
        Reserve::NotNeeded
    }
}

/// A node's site, for messages.
pub fn site_word(node: usize) -> &'static str {
    match side_of(node) {
        Side::A => "a",
        Side::B => "b",
    }
}
