//! Scripts, style, fonts and the icon: the files that `cargo leptos build` makes, as they were when the console started.

use super::Site;
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};
use tower_http::services::ServeDir;

/// A file whose name carries a hash of its content is never asked for again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Fonts and icons, which keep their names.
const FOR_AN_HOUR: &str = "public, max-age=3600";

/// Files whose names stay the same while their content changes, as in `make dev`.
const ASK_AGAIN: &str = "no-cache";

/// Which files there are.
#[derive(Debug, Clone)]
pub(crate) struct SiteFiles {
    root: PathBuf,
    hashed: bool,
    /// Paths as in addresses, without those of the package.
    paths: BTreeSet<String>,
    /// The name of the style sheet.
    style: String,
}

impl SiteFiles {
    pub(super) fn find(site: &Site) -> SiteFiles {
        let mut paths = BTreeSet::new();
        collect(&site.root, "", &mut paths);
        if !site.root.join("pkg").is_dir() {
            tracing::warn!(folder = %site.root.display(), "there are no scripts and no style; build them with: cargo leptos build");
        }
        let hashes = site.hash_file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        // The file has a line such as `css: 9bLm4`.
        let hash = hashes.lines().find_map(|line| line.strip_prefix("css:")).map(str::trim);
        let style = hash.map_or_else(|| "switchback.css".to_owned(), |hash| format!("switchback.{hash}.css"));
        SiteFiles { root: site.root.clone(), hashed: site.hash_file.is_some(), paths, style }
    }

    /// The address of the style sheet, for pages that are not the app's.
    pub(super) fn style(&self) -> String {
        format!("/pkg/{}", self.style)
    }

    /// Whether an address is one of these files.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// One of these files.
    pub(super) async fn respond(&self, request: Request) -> Response {
        let files = ServeDir::new(&self.root).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
        serve(files, request, |_| FOR_AN_HOUR).await
    }

    /// Scripts and style.
    pub(super) fn package(&self) -> BoxCloneSyncService<Request, Response, Infallible> {
        let files = ServeDir::new(self.root.join("pkg")).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
        let hashed = self.hashed;
        let keep = move |path: &str| {
            // A hashed name looks like `switchback.5fKd0.wasm`; what wasm-bindgen puts into `snippets` has its hash in the folder's name.
            let name = path.rsplit('/').next().unwrap_or_default();
            if hashed && (name.split('.').count() >= 3 || path.contains("/snippets/")) { FOR_EVER } else { ASK_AGAIN }
        };
        BoxCloneSyncService::new(tower::service_fn(move |request: Request| {
            let files = files.clone();
            async move { Ok(serve(files, request, keep).await) }
        }))
    }
}

async fn serve(files: ServeDir, request: Request, keep: impl Fn(&str) -> &'static str) -> Response {
    let keep = keep(request.uri().path());
    let mut response = match files.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    if response.status().is_success() || response.status() == http::StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    }
    response.into_response()
}

fn collect(folder: &Path, prefix: &str, paths: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}/{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path != "/pkg" => collect(&entry.path(), &path, paths),
            Ok(kind) if kind.is_file() && !has_ending(&name, &["html", "br", "gz"]) => {
                paths.insert(path);
            }
            _ => {}
        }
    }
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    Path::new(name).extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
