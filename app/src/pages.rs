//! One module for each page.

pub mod audit;
mod charts;
mod common;
pub(crate) mod lazy;
pub mod link;
pub mod node;
pub mod not_found;
pub mod operation;
pub mod operations;
pub mod overview;
pub mod plan;
pub mod pool;
pub mod set_up;
pub mod sign_in;
mod tones;
