//! The parts that pages are made of. They know nothing of pages, of addresses or of any language: what they show is
//! passed to them.
//!
//! A property of type `Signal` takes a plain value, a signal or a closure; one of type `ViewFn` takes a closure that
//! returns a view and is run again when something it reads has changed. No part writes a `style` attribute, so that a
//! content security policy can forbid them.

use leptos::{
    prelude::{AnyView, IntoAny, ViewFn},
    tachys::reactive_graph::SharedReactiveFunction,
};
use std::sync::{Arc, Mutex};

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

/// A view that is drawn again when something it reads has changed. What stands between braces in a `view!` is such a view by itself;
/// for all others this puts them behind one type, because each closure that is a view of its own costs a few kilobytes of wasm.
pub fn dynamic(view: impl FnMut() -> AnyView + Send + 'static) -> AnyView {
    let view: SharedReactiveFunction<AnyView> = Arc::new(Mutex::new(view));
    view.into_any()
}

/// What a property of type `ViewFn` draws.
fn run(view: ViewFn) -> AnyView {
    dynamic(move || view.run())
}
