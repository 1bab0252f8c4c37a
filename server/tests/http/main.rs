//! The console over HTTP, with a real store and scripted endpoints.
// The types of pages are as deep as the pages are nested.
#![recursion_limit = "512"]
#![expect(clippy::unwrap_used, reason = "a failed preparation should fail the test at once")]

mod api;
mod backup;
mod cli;
mod connections;
mod control;
mod crowd;
mod description;
mod evidence;
mod garbage;
mod gate;
mod health;
mod hosts;
mod live;
mod operations;
mod origin;
mod people;
mod questions;
mod records;
mod rehearsal;
mod restored;
mod security;
mod split;
mod support;
mod unreadable;
