//! The pages and server functions of the app.

use super::{Site, Web, request::Peer};
use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{Method, StatusCode, request::Parts};
use leptos::{
    config::LeptosOptions,
    context::{provide_context, use_context},
    nonce::Nonce,
    prelude::IntoView,
};
use leptos_axum::LeptosRoutes as _;
use std::sync::Arc;
use switchback_app::{App, api::CameFrom, shell::shell};
use switchback_domain::people::Caller;

/// A page or a server function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Its path, with `{name}` for parts that differ.
    pub path: String,
}

pub(super) fn options(site: &Site) -> LeptosOptions {
    let options = LeptosOptions::builder().output_name("switchback").site_root(site.root.display().to_string()).site_pkg_dir("pkg");
    match &site.hash_file {
        // The path is whole, so it does not matter beside which program it is looked for.
        Some(file) => options.hash_files(true).hash_file(file.display().to_string().into()).build(),
        None => options.hash_files(false).build(),
    }
}

/// What every component and server function may ask its context for: the console, who asks, and this answer's nonce.
fn context(web: &Web) -> impl Fn() + Clone + Send + Sync + 'static {
    let console = Arc::clone(&web.console);
    move || {
        provide_context(Arc::clone(&console));
        let Some(parts) = use_context::<Parts>() else { return };
        if let Some(caller) = parts.extensions.get::<Caller>() {
            provide_context(caller.clone());
        }
        if let Some(peer) = parts.extensions.get::<Peer>() {
            provide_context(CameFrom(peer.address.to_string()));
        }
        if let Some(nonce) = parts.extensions.get::<Nonce>() {
            provide_context(nonce.clone());
        }
    }
}

fn view(web: &Web) -> impl Fn() -> leptos::prelude::AnyView + Clone + Send + Sync + 'static {
    use leptos::prelude::IntoAny as _;
    let options = web.leptos.clone();
    move || shell(options.clone()).into_view().into_any()
}

pub(super) fn router(web: &Web) -> Router<Web> {
    Router::new().leptos_routes_with_context(web, leptos_axum::generate_route_list(App), context(web), view(web))
}

/// Every page and every server function there is.
pub fn routes() -> Vec<Route> {
    let pages = leptos_axum::generate_route_list(App);
    let pages = pages.iter().map(|page| Route { method: Method::GET, path: page.path().to_owned() });
    let functions = leptos::server_fn::axum::server_fn_paths().map(|(path, method)| Route { method, path: path.to_owned() });
    pages.chain(functions).collect()
}

/// What no route is for: a file, or the app's own page about something that is not there.
pub(super) async fn file_or_not_found(State(web): State<Web>, request: Request) -> Response {
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if reading && web.files.has(request.uri().path()) {
        return web.files.respond(request).await;
    }
    if !reading || ["/live/", "/api/", "/health/"].iter().any(|part| request.uri().path().starts_with(part)) {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    }
    let page = leptos_axum::render_app_to_stream_with_context(context(&web), view(&web));
    let mut response = page(request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
