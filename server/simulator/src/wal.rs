//! Write-ahead logs as lists of records. A record exists once and has its number; a node's log is the list of the numbers it has, so
//! that two histories can be told apart even where their positions are equal.

use jiff::Timestamp;
use switchback_domain::{Lsn, Timeline, operation::OperationId};

/// A record's number, unique in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub usize);

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A client's numbered row.
    Row {
        /// Which client.
        client: usize,
        /// Its number.
        number: u64,
    },
    /// A row of the console's outage meter; number 0 is the marker, which removes those of older operations.
    Meter {
        /// Whose.
        operation: OperationId,
        /// Its number.
        number: u64,
    },
    /// The console's heartbeat row.
    Heartbeat {
        /// Counts up.
        beat: i64,
        /// The console's clock.
        beat_at: Timestamp,
    },
    /// A checkpoint while it runs.
    Checkpoint,
    /// The checkpoint of a clean shutdown.
    Shutdown,
    /// The first record of a new timeline.
    EndOfRecovery,
}

impl What {
    /// As `pg_walinspect` calls it.
    pub fn as_code(&self) -> &'static str {
        match self {
            What::Row { .. } | What::Meter { .. } | What::Heartbeat { .. } => "Transaction/COMMIT",
            What::Checkpoint => "XLOG/CHECKPOINT_ONLINE",
            What::Shutdown => "XLOG/CHECKPOINT_SHUTDOWN",
            What::EndOfRecovery => "XLOG/END_OF_RECOVERY",
        }
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// On which timeline it was written.
    pub timeline: Timeline,
    /// Where it begins.
    pub start: Lsn,
    /// Where it ends.
    pub end: Lsn,
    /// What it says.
    pub what: What,
}

/// Every record that was ever written in a world.
#[derive(Debug, Default)]
pub struct Records(Vec<Record>);

impl Records {
    /// A new one.
    pub fn add(&mut self, record: Record) -> RecordId {
        self.0.push(record);
        RecordId(self.0.len() - 1)
    }

    /// A record.
    pub fn get(&self, id: RecordId) -> &Record {
        &self.0[id.0]
    }
}

/// A node's log.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// What it has, oldest first.
    pub records: Vec<RecordId>,
    /// How many of them are replayed; on a primary all.
    pub replayed: usize,
}

impl Log {
    /// How many records it has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// It has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The last record.
    pub fn tip(&self) -> Option<RecordId> {
        self.records.last().copied()
    }

    /// The last replayed record.
    pub fn replayed_tip(&self) -> Option<RecordId> {
        self.replayed.checked_sub(1).map(|last| self.records[last])
    }

    /// It has this record, at this place.
    pub fn has_at(&self, index: usize, record: RecordId) -> bool {
        self.records.get(index) == Some(&record)
    }

    /// Everything in it is in the other one too, at the same places.
    pub fn is_prefix_of(&self, other: &Log) -> bool {
        match self.tip() {
            None => true,
            Some(tip) => other.has_at(self.len() - 1, tip),
        }
    }

    /// How many records both have in common from their beginning.
    pub fn common(&self, other: &Log) -> usize {
        let mut common = self.len().min(other.len());
        while common > 0 && self.records[common - 1] != other.records[common - 1] {
            common -= 1;
        }
        common
    }

    /// Forgets what comes after.
    pub fn cut(&mut self, length: usize) {
        self.records.truncate(length);
        self.replayed = self.replayed.min(length);
    }
}
