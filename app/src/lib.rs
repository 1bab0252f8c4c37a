//! What browser and server both compile: pages, the parts they are made of, and the functions by which the browser asks.

// A page is one type, nested as deeply as its elements.
#![recursion_limit = "512"]
#![allow(clippy::redundant_closure, reason = "what is written as a closure within a view shares its code with all others there")]

pub mod api;
pub mod live;
pub mod pages;
pub mod paths;
mod preferences;
mod reader;
pub mod shell;
pub mod ui;

pub use shell::App;

/// Takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;

    console_error_panic_hook::set_once();
    let root = document().get_element_by_id(shell::ROOT).and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(root) = root {
        wasm_bindgen_futures::spawn_local(async {
            // First its code: then everything is taken over in one go, in the order in which the server wrote it.
            pages::lazy::load(&leptos::prelude::location().pathname().unwrap_or_default()).await;
            leptos::mount::hydrate_from(root, App).forget();
        });
    }
}
