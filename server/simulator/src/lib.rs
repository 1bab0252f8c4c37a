//! A world of two sites in virtual time: engines that behave as they were measured (`probes/ENGINES.md`), clients that remember what was
//! acknowledged, faults by seed, and a monitor of everything that must never happen. The real console runs in it, over ports that lead
//! into this world. For tests only; nothing of it is ever released.
//!
//! A [`case::Case`] is one run. The same case tells the same story each time, so a failing one is named by its seed.

pub mod case;
pub mod chance;
pub mod console_handle;
pub mod control;
pub mod probe;
pub mod store;
pub mod wal;
pub mod world;
