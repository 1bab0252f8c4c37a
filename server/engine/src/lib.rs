//! Use cases and loops of the console over ports; knows no database, no HTTP and no engine's wire format.
//!
//! [`Console`] is the only door: it is started with everything in [`Parts`], observes by itself and answers whoever it was
//! told is signed in.

mod alarm;
pub mod audit;
mod console;
mod figures;
mod history;
mod live;
mod observe;
mod operate;
mod people;
pub mod ports;
mod store_watch;
#[cfg(test)]
mod testing;
mod time;

pub use console::{Console, Parts, PoolParts, Readiness, Settings, Started, WorkOut};
pub use figures::describe as describe_metrics;
pub use live::LiveStream;
pub use people::{SetUpForm, SetUpLink, SignedIn, SignedOut, Source};
