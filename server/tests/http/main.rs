//! The console over HTTP, with a real store and scripted endpoints.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed preparation should fail the test at once")]

mod garbage;
mod gate;
mod health;
mod live;
mod origin;
mod people;
mod support;
