//! Where operations are kept.

use super::{AuditEntry, StoreError, Stored};
use jiff::Timestamp;
use std::time::Duration;
use switchback_domain::{
    PoolId, Restored,
    operation::{Entry, Epoch, Fence, MadeActive, OperationId, OperationSummary},
};

/// The right to act on a pool, held by one console at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which pool.
    pub pool: PoolId,
    /// Grows with each new holder: whatever carries an older one is refused.
    pub token: i64,
}

/// Who asks for a lease, and what the machine that asks knows of time. Two machines' clocks are never compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseAsk<'a> {
    /// Random for each start of a console.
    pub holder: &'a str,
    /// Which start of which machine asks ([`super::Clock::machine`]).
    pub machine: &'a str,
    /// Time since the machine was started ([`super::Clock::since_boot`]).
    pub since_boot: Duration,
    /// For how long the lease is asked for.
    pub lasts: Duration,
    /// The lease of somebody else that this console has watched for the whole of that time, and that nobody has renewed.
    pub stood_still: Option<HeldLease>,
    /// For consoles of an older version, which go by it: when the lease ends by this machine's clock. Nothing here decides by it.
    pub told_until: Timestamp,
}

/// A lease of somebody else, as it was found. It is another one after each renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLease {
    /// Its token.
    pub token: i64,
    /// Grows with each renewal, and means nothing else.
    pub renewal: i64,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is the asker's.
    Taken(Lease),
    /// Somebody else has it.
    Held(HeldLease),
}

impl LeaseAnswer {
    /// The lease, when it is the asker's.
    pub fn taken(self) -> Option<Lease> {
        match self {
            LeaseAnswer::Taken(lease) => Some(lease),
            LeaseAnswer::Held(_) => None,
        }
    }
}

/// What the journal says about a pool beside its operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolRecord {
    /// The present epoch; 0 until the first change of the active site.
    pub epoch: Epoch,
    /// Sites that must not come back as active.
    pub fences: Vec<Fence>,
    /// When the last operation ended that was no rehearsal, in whole milliseconds.
    pub ended_at: Option<Timestamp>,
    /// The store was restored, and nobody has confirmed yet that what stands here is still so: the engines may be far ahead of it.
    pub unconfirmed: Option<Restored>,
}

impl PoolRecord {
    /// The record after these changes, for stores that keep it as a whole.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] when the epoch would become an earlier one.
    pub fn with(mut self, changes: &[RecordChange]) -> Result<PoolRecord, StoreError> {
        for change in changes {
            match change {
                RecordChange::Epoch(epoch) if *epoch < self.epoch => return Err(StoreError::OtherEpoch),
                RecordChange::Epoch(epoch) => self.epoch = *epoch,
                RecordChange::FenceUp(fence) => {
                    self.fences.retain(|kept| kept.side != fence.side);
                    self.fences.push(fence.clone());
                    self.fences.sort_by_key(|fence| fence.side);
                }
                RecordChange::FenceDown(side) => self.fences.retain(|kept| kept.side != *side),
                RecordChange::Ended(at) => self.ended_at = Some(*at),
            }
        }
        Ok(self)
    }
}

/// A change of the pool's record that belongs to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordChange {
    /// The epoch is now this one. It never becomes an earlier one; to be told the present one again changes nothing.
    Epoch(Epoch),
    /// A site is fenced.
    FenceUp(Fence),
    /// A site is no longer fenced.
    FenceDown(switchback_domain::Side),
    /// An operation that was no rehearsal ended at this time.
    Ended(Timestamp),
}

/// What is asked for under an idempotency key is begun once, however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Text of whoever asks. Nobody gets another person's answers: the console makes it that person's own.
    pub key: String,
    /// SHA-256 of what is asked for.
    pub body: [u8; 32],
}

/// An operation that is about to be opened: everything that is written with it.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The first entry of its journal.
    pub first: Entry,
    /// Its line in the audit history. The subject becomes the operation's number, which nobody knows before.
    pub audit: AuditEntry,
    /// The epoch that its plan rests on.
    pub epoch: Epoch,
    /// The key under which it was asked for. The operation's number is remembered under it for a day.
    pub key: Option<IdempotencyKey>,
    /// The operation as lists show it, whatever number it says.
    pub summary: OperationSummary,
    /// The open operation of the pool whose journal cannot be read: it ends with this one's beginning.
    pub closes: Option<Closing>,
}

/// The end of an operation whose journal cannot be read.
#[derive(Debug, Clone)]
pub struct Closing {
    /// Which.
    pub operation: OperationId,
    /// The entry that says so. It comes after all that are there.
    pub entry: Entry,
    /// Its line in the audit history.
    pub audit: AuditEntry,
    /// What changes about the pool with it.
    pub changes: Vec<RecordChange>,
}

/// The journal. Entries are only ever added.
pub trait JournalStore: Send + Sync + 'static {
    /// Takes the lease of a pool, or renews it: the holder keeps its token. It is somebody else's as long as that one renews it. What nobody
    /// renews is taken by whoever has watched it stand still for as long as it lasts, or by whoever asks on the same machine, once that
    /// machine's time since its start says that it is over.
    fn take_lease<'a>(&'a self, pool: &'a PoolId, ask: &'a LeaseAsk<'a>) -> Stored<'a, LeaseAnswer>;

    /// Gives the lease back.
    fn give_lease_back<'a>(&'a self, lease: &'a Lease) -> Stored<'a, ()>;

    /// Opens an operation with everything that is written with it, or not at all, and gives it its number.
    /// [`StoreError::Taken`] when the pool has one that has not ended, the lease is not held any more, or something is remembered under the key;
    /// [`StoreError::OtherEpoch`] when the pool's epoch is not the one that the plan rests on.
    fn open_operation<'a>(&'a self, lease: &'a Lease, opening: &'a Opening) -> Stored<'a, OperationId>;

    /// Appends entry `number` (counted from zero) with its audit entry and the changes of the pool's record: all or nothing.
    /// [`StoreError::Taken`] when that number exists already or the lease is not held any more, [`StoreError::OtherEpoch`] when
    /// the epoch would become an earlier one. `summary` is the operation as lists show it from then on; when it is at an end, nothing more can
    /// be written.
    #[expect(clippy::too_many_arguments, reason = "one transaction takes them all; a struct of borrowed parts would only hide it")]
    fn append_entry<'a>(
        &'a self,
        lease: &'a Lease,
        operation: OperationId,
        number: u32,
        entry: &'a Entry,
        audit: Option<&'a AuditEntry>,
        changes: &'a [RecordChange],
        summary: &'a OperationSummary,
    ) -> Stored<'a, ()>;

    /// Closes an operation whose journal cannot be read, without another one. Fails like [`JournalStore::append_entry`].
    fn close_unread<'a>(&'a self, lease: &'a Lease, closing: &'a Closing) -> Stored<'a, ()>;

    /// The newest operations as lists show them, of one pool or of all, newest first, at most `most`. No journal is read for it.
    fn summaries<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationSummary>>;

    /// One of them.
    fn summary(&self, operation: OperationId) -> Stored<'_, Option<OperationSummary>>;

    /// The newest operation of a pool that has made a site the active one; nothing when none has, or when that cannot be read.
    fn made_active<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<MadeActive>>;

    /// The journal of an operation, oldest first; empty when there is none. [`StoreError::Unreadable`] when an entry cannot be read.
    fn journal(&self, operation: OperationId) -> Stored<'_, Vec<Entry>>;

    /// The newest operations, of one pool or of all, newest first, at most `most`.
    fn operations<'a>(&'a self, pool: Option<&'a PoolId>, most: u32) -> Stored<'a, Vec<OperationId>>;

    /// The operation of a pool that has not ended.
    fn open_operation_of<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, Option<OperationId>>;

    /// What stands about a pool.
    fn record<'a>(&'a self, pool: &'a PoolId) -> Stored<'a, PoolRecord>;

    /// Changes a pool's record outside of an operation's entry (a fence that is taken down when the site follows). Fails like
    /// [`JournalStore::append_entry`].
    fn change_record<'a>(&'a self, lease: &'a Lease, change: &'a RecordChange, audit: &'a AuditEntry) -> Stored<'a, ()>;

    /// Writes that somebody has confirmed what a restored store says about a pool, with what had to be changed for that and the audit entry:
    /// all or nothing. [`StoreError::Taken`] when it is confirmed already, was restored anew, or the lease is not held any more.
    fn confirm_restored<'a>(
        &'a self,
        lease: &'a Lease,
        restored: Restored,
        changes: &'a [RecordChange],
        audit: &'a AuditEntry,
    ) -> Stored<'a, ()>;

    /// The operation that was opened under an idempotency key less than a day before `now`, and the SHA-256 of what was asked for.
    fn remembered<'a>(&'a self, key: &'a str, now: Timestamp) -> Stored<'a, Option<([u8; 32], OperationId)>>;
}
