//! The server: commands, configuration, wiring and HTTP. What the console does is in its engine; here it is only connected and served.

pub mod config;
pub mod http;
pub mod log;
mod password;
pub mod run;
mod wiring;

pub use password::Argon2id;
