//! Use cases and loops of the console over ports; knows no database, no HTTP and no engine's wire format.

pub mod ports;
