//! What only the log of a site has that was given up: counted out of the log itself, whether or not its rows can be read.

use crate::{ByteLag, Lsn, Millis, NodeName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What clients committed in a log behind the place where the other site went on without it. The server's own records, the unused rest of
/// a file of the log, images of whole pages, and the console's own rows are not in it: zero is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LostWrites {
    /// How many transactions committed.
    pub transactions: u64,
    /// The size of their records behind that place.
    pub bytes: ByteLag,
    /// When the first of them committed, by the clock of the node that wrote it.
    pub first_commit_at: Option<Timestamp>,
    /// When the last of them committed.
    pub last_commit_at: Option<Timestamp>,
    /// The tables that they wrote, those with most changes first.
    pub tables: Vec<LostTable>,
    /// How many more tables there were than are named.
    #[serde(default)]
    pub more_tables: u64,
    /// All of the log was read. Otherwise it is at least this.
    pub complete: bool,
}

/// What a lost log did to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LostTable {
    /// Its database.
    pub database: String,
    /// Its schema and name; nothing for a table whose name could not be read.
    pub table: Option<String>,
    /// Rows that were inserted.
    pub inserted: u64,
    /// Rows that were changed; of one that was changed twice, both count.
    pub updated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
    /// Rows that were saved, as they were in the end.
    pub saved: u64,
}

impl LostTable {
    /// How often a row was inserted, changed or deleted.
    pub fn changes(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

impl LostWrites {
    /// More tables than this are not named.
    pub const TABLES_MAX: usize = 40;

    /// How often a row was inserted, changed or deleted, in the tables that are named.
    pub fn changes(&self) -> u64 {
        self.tables.iter().map(LostTable::changes).sum()
    }

    /// Clients committed nothing in it, and that is certain.
    pub fn is_nothing(&self) -> bool {
        self.complete && self.transactions == 0
    }

    /// How old the oldest lost commit can have been when its site had stopped, which it had by `ended_by`.
    pub fn lasted_at_most(&self, ended_by: Option<Timestamp>) -> Option<Millis> {
        // The clocks of two machines are never quite the same.
        Some(Millis::between(self.first_commit_at?, ended_by?.max(self.last_commit_at?)))
    }

    /// The time from the first lost commit to the last.
    pub fn span(&self) -> Option<Millis> {
        Some(Millis::between(self.first_commit_at?, self.last_commit_at?))
    }
}

/// Something that only a lost log has and that could not be saved, and why. Each is a line of the file that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "left_out", rename_all = "snake_case")]
pub enum NotSaved {
    /// A table that could not be read.
    Table {
        /// Its database.
        database: String,
        /// Its schema.
        schema: String,
        /// Its name.
        table: String,
        /// How many of its rows were written.
        #[serde(default)]
        rows: u64,
        /// Why.
        why: String,
    },
    /// A database that could not be entered.
    Database {
        /// Its name.
        database: String,
        /// In how many of its tables rows were written.
        tables: u64,
        /// How many rows at most: pieces of long values count as rows.
        #[serde(default)]
        rows: u64,
        /// Why.
        why: String,
    },
    /// Rows that were deleted: what was deleted is not there any more.
    Deleted {
        /// The database.
        database: String,
        /// The table's schema.
        schema: String,
        /// The table.
        table: String,
        /// How many.
        rows: u64,
    },
    /// Rows that are too long to be saved.
    Long {
        /// The database.
        database: String,
        /// The table's schema.
        schema: String,
        /// The table.
        table: String,
        /// How many.
        rows: u64,
    },
    /// A table that was dropped, emptied or written anew after rows were written into it.
    Gone {
        /// The database.
        database: String,
        /// The number of the file that held it.
        file: u32,
        /// How many rows were written or deleted.
        #[serde(default)]
        rows: u64,
    },
    /// Changes to what a database consists of: tables made, changed, emptied or dropped, roles, rights.
    Definitions {
        /// The database; empty for what all databases share, or for one that was dropped.
        database: String,
        /// How many transactions.
        transactions: u64,
    },
    /// Pieces of large objects.
    LargeObjects {
        /// The database.
        database: String,
        /// How many pieces were written or deleted.
        rows: u64,
    },
    /// A sequence whose value could not be read.
    Sequence {
        /// The database.
        database: String,
        /// Its schema.
        schema: String,
        /// Its name.
        sequence: String,
        /// Why.
        why: String,
    },
    /// Messages that were written into the log for others to decode.
    Messages {
        /// How many.
        messages: u64,
    },
    /// Transactions that were prepared for a commit in two phases and are still open.
    Prepared {
        /// How many.
        transactions: u64,
    },
    /// Transactions of an extension whose records nobody here can read.
    Unknown {
        /// How many.
        transactions: u64,
    },
    /// A part of the log that is not there any more or cannot be read: nobody knows what committed in it.
    Log {
        /// From here.
        from: Lsn,
        /// To here.
        to: Lsn,
    },
    /// What was written before this place and committed behind the fork was not looked for.
    Before {
        /// The place.
        at: Lsn,
    },
    /// A limit was reached: `time`, `size`, or `memory`.
    Limit {
        /// Which.
        reached: String,
    },
    /// A node did not say what its log has.
    Silent {
        /// Which.
        node: NodeName,
    },
    /// More than is named here.
    More {
        /// How many.
        things: u64,
    },
}

impl NotSaved {
    /// More than this is not named one by one.
    pub const NAMED_MAX: usize = 40;

    /// The table that a superuser could still copy, as database, schema and name.
    pub fn table(&self) -> Option<(&str, &str, &str)> {
        match self {
            NotSaved::Table { database, schema, table, .. } | NotSaved::Long { database, schema, table, .. } => {
                Some((database, schema, table))
            }
            NotSaved::Sequence { database, schema, sequence, .. } => Some((database, schema, sequence)),
            _ => None,
        }
    }

    /// Only a copy of the node's whole data directory has it still.
    pub fn needs_all_data(&self) -> bool {
        !matches!(
            self,
            NotSaved::Table { .. }
                | NotSaved::Long { .. }
                | NotSaved::Sequence { .. }
                | NotSaved::Database { .. }
                | NotSaved::Silent { .. }
        )
    }
}
