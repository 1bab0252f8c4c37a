//! The console over HTTP. Handlers translate and decide nothing; what they may answer is decided by the console.
//!
//! From outside to inside, every request passes: security headers, the form of the API's errors, request id with log and panic catcher,
//! host and origin check, body limit and time-out, session gate, then its route. Nothing but the short lists in [`session`] and [`api`] is reachable without
//! a session.

mod api;
mod files;
mod forms;
mod health;
mod live;
mod operations;
mod pages;
mod refusals;
mod request;
mod restored;
mod security;
mod serve;
mod session;

pub use api::openapi;
pub use pages::{Route, routes};
pub use serve::{Limits, serve};
pub use session::{COOKIE, DEVICE_COOKIE};

use crate::{
    config::{BaseUrl, MetricsAccess},
    network::TrustedProxies,
};
use axum::{Router, extract::FromRef, middleware, routing::get};
use files::SiteFiles;
use http::StatusCode;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use refusals::Refusals;
use session::SessionEnds;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use switchback_engine::Console;
use tokio_util::sync::CancellationToken;
use tower_http::{compression::CompressionLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

/// No form or question of ours has more, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// An ordinary answer begins within this time, or not at all. Live streams are no ordinary answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Everything that the handlers need.
pub struct Parts {
    /// The only door to everything behind.
    pub console: Arc<Console>,
    /// How people reach the console.
    pub public_url: BaseUrl,
    /// Who may read `/metrics`.
    pub metrics_access: MetricsAccess,
    /// Where the figures for `/metrics` come from.
    pub metrics: PrometheusHandle,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Where the console listens: a name under which it may be asked, beside the public one.
    pub listen: SocketAddr,
    /// Where scripts, style and fonts are.
    pub site: Site,
    /// Ends everything.
    pub stop: CancellationToken,
}

/// Where scripts, style and fonts are, and how they are called.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder that `cargo leptos build` makes.
    pub root: PathBuf,
    /// Where `cargo leptos` has written the hashes in the names of files; nothing when names carry none. With hashes files may be
    /// kept for ever.
    pub hash_file: Option<PathBuf>,
    /// Pages reload when the program is built anew; only for `make dev`.
    pub reloading: bool,
}

impl Site {
    /// The site as the environment of `cargo leptos` tells it, else the folder `site` beside the program, else `target/site`.
    pub fn find(told: Option<PathBuf>) -> Site {
        let folder = std::env::current_exe().ok().and_then(|program| program.parent().map(PathBuf::from)).unwrap_or_default();
        let root = told.unwrap_or_else(|| {
            let beside = folder.join("site");
            if beside.is_dir() { beside } else { PathBuf::from("target/site") }
        });
        let hash_file = Some(folder.join("hash.txt")).filter(|file| file.exists());
        Site { root, hash_file, reloading: std::env::var_os("LEPTOS_WATCH").is_some() }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Web(Arc<Shared>);

pub(crate) struct Shared {
    console: Arc<Console>,
    public_url: BaseUrl,
    origin: String,
    metrics_access: MetricsAccess,
    metrics: PrometheusHandle,
    proxies: TrustedProxies,
    listen: SocketAddr,
    leptos: LeptosOptions,
    reloading: bool,
    files: SiteFiles,
    sessions: SessionEnds,
    refusals: Refusals,
    stop: CancellationToken,
}

impl std::ops::Deref for Web {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Web> for LeptosOptions {
    fn from_ref(web: &Web) -> LeptosOptions {
        web.leptos.clone()
    }
}

/// The whole console as one service. It wants to know who asks: [`serve()`] tells it.
pub fn router(parts: Parts) -> Router {
    let Parts { console, public_url, metrics_access, metrics, proxies, listen, site, stop } = parts;
    let web = Web(Arc::new(Shared {
        sessions: SessionEnds::new(Arc::clone(&console), stop.clone()),
        console,
        origin: public_url.to_string(),
        public_url,
        metrics_access,
        metrics,
        proxies,
        listen,
        leptos: pages::options(&site),
        reloading: site.reloading,
        files: SiteFiles::find(&site),
        refusals: Refusals::default(),
        stop,
    }));

    let (answers, streams) = api::routers();
    let ordinary = Router::new()
        .merge(answers)
        .merge(pages::router(&web).layer(middleware::from_fn_with_state(web.clone(), forms::tell_closed_set_up)))
        .merge(forms::router())
        .merge(operations::router())
        .merge(restored::router())
        .nest_service("/pkg", web.files.package())
        .fallback(pages::file_or_not_found)
        // It leaves alone what is compressed already, pictures, and whatever is too small to gain.
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN));

    Router::new()
        .route("/live/pools", get(live::overview))
        .route("/live/pools/{pool}", get(live::pool))
        .route("/live/operations/{operation}", get(operations::live))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(streams)
        .merge(ordinary)
        .layer(middleware::from_fn_with_state(web.clone(), session::gate))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(middleware::from_fn(request::sent_in_time))
        .layer(middleware::from_fn_with_state(web.clone(), security::same_origin))
        .layer(middleware::from_fn_with_state(web.clone(), security::right_host))
        .layer(middleware::from_fn_with_state(web.clone(), request::noted))
        .layer(middleware::from_fn(api::problem::in_our_form))
        .layer(middleware::from_fn_with_state(web.clone(), security::headers))
        .with_state(web)
}

/// Tells the recorder what the figures about requests mean. Call once, after the recorder is installed.
pub fn describe_metrics() {
    serve::describe_metrics();
    metrics::describe_histogram!(request::SECONDS, metrics::Unit::Seconds, "How long until an answer began, by route and status");
}
