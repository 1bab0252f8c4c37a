//! The parts that pages are made of. They know nothing of pages, of addresses or of any language: what they show is
//! passed to them.
//!
//! A property of type `Signal` takes a plain value, a signal or a closure; one of type `ViewFn` takes a closure that
//! returns a view and is run again when something it reads has changed. No part writes a `style` attribute, so that a
//! content security policy can forbid them.

mod actions;
mod announce;
mod banner;
mod button;
mod chart;
mod checks;
mod clock;
mod curve;
mod form;
mod icon;
mod link;
mod live_pill;
mod navigation;
mod page;
mod panel;
mod placeholder;
mod pools;
mod route;
mod site;
mod spark;
mod status;
mod verdict;

pub use actions::*;
pub use announce::*;
pub use banner::*;
pub use button::*;
pub use chart::*;
pub use checks::*;
pub use clock::*;
pub use curve::*;
pub use form::*;
pub use icon::*;
pub use link::*;
pub use live_pill::*;
pub use navigation::*;
pub use page::*;
pub use panel::*;
pub use placeholder::*;
pub use pools::*;
pub use route::*;
pub use site::*;
pub use spark::*;
pub use status::*;
pub use verdict::*;
