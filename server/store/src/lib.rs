//! The store of the engine's ports over sqlx: `SQLite` in one file, or `PostgreSQL` by URL.
//!
//! Both databases hold the same tables and are asked with the same SQL text (see `sql.rs`). The store decides
//! nothing; times come in as parameters and are kept as whole milliseconds.

mod audit;
mod backup;
mod evidence;
mod file;
mod guards;
mod head;
mod history;
mod journal;
mod open;
mod open_files;
mod people;
mod repair;
mod reserve;
mod sql;
mod summary;

pub use backup::{Author, BackupError, Contents, MadeBackup, MadeRestore, back_up, restore};
pub use open::{OpenError, head_file, mark_restored, migrate_store, open, open_remembered};
pub use repair::{RepairError, repair_guards};
