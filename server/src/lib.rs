//! The server: commands, configuration, wiring and HTTP. What the console does is in its engine; here it is only connected and served.

// The types of pages are as deep as the pages are nested.
#![recursion_limit = "512"]

pub mod cli;
pub mod config;
pub mod http;
pub mod log;
pub mod network;
mod password;
pub mod run;
mod wiring;

pub use password::Argon2id;
