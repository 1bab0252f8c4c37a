//! First response of the pool page, and what a browser downloads for it.

use crate::{
    client::Connection,
    console::{Console, Program},
    engines::{Pool, Shape},
    figures::{Spread, ms, table},
};
use anyhow::bail;
use clap::Args;
use std::collections::BTreeSet;

/// What to measure.
#[derive(Args, Clone)]
pub struct Options {
    /// How many times each address is asked for.
    #[arg(long, default_value_t = 200)]
    requests: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { requests: 200 }
    }
}

/// Measures.
pub async fn run(program: &Program, options: &Options) -> anyhow::Result<()> {
    let pools = [Pool::start("page".to_owned(), Shape::Whole).await?];
    let console = Console::start(program, &pools).await?;
    console.settle(&pools[0]).await?;
    let mut connection = Connection::open(console.address).await?;
    let headers = console.headers();
    let mut compressed = headers.clone();
    compressed.push("accept-encoding: br".to_owned());

    let (mut page_first, mut page_whole, mut baseline) = (Spread::default(), Spread::default(), Spread::default());
    let mut sent = 0;
    for _ in 0..options.requests {
        let answer = connection.ask("GET", "/health/live", &[], "").await?;
        if answer.status != 200 {
            bail!("/health/live answers {}", answer.status);
        }
        baseline.push(answer.first_byte);
        let answer = connection.ask("GET", "/pools/page", &compressed, "").await?;
        if answer.status != 200 {
            bail!("the pool page answers {}", answer.status);
        }
        page_first.push(answer.first_byte);
        page_whole.push(answer.whole);
        sent = answer.body.len();
    }
    let page = connection.ask("GET", "/pools/page", &headers, "").await?.body;

    println!("\npage: the pool page, {} times, and /health/live each time before it", options.requests);
    println!("  first byte:      {}", page_first.in_words());
    println!("  last byte:       {}", page_whole.in_words());
    println!("  /health/live:    {}", baseline.in_words());
    let times = page_first.percentile(50).as_secs_f64() / baseline.percentile(50).as_secs_f64();
    println!("  the page's first byte takes {times:.1}x of /health/live (p50); {} bytes of HTML, {sent} as sent", page.len());

    let mut rows = Vec::new();
    let mut total = 0;
    let mut wasm = Vec::new();
    for path in package_files(&String::from_utf8_lossy(&page)) {
        let plain = connection.ask("GET", &path, &headers, "").await?;
        let small = connection.ask("GET", &path, &compressed, "").await?;
        if plain.status != 200 || small.status != 200 {
            bail!("{path} answers {}; make it with `cargo leptos build --release`", plain.status);
        }
        let said = |name: &str| small.header(name).unwrap_or("–").to_owned();
        rows.push(vec![
            path.clone(),
            plain.body.len().to_string(),
            small.body.len().to_string(),
            said("content-encoding"),
            said("cache-control"),
            ms(small.whole),
        ]);
        total += small.body.len();
        if std::path::Path::new(&path).extension().is_some_and(|kind| kind == "wasm") {
            wasm.push((small.body.len(), said("content-encoding")));
        }
    }
    table(
        "downloads: what the pool page names under /pkg/, in bytes",
        &["file", "plain", "with accept-encoding: br", "encoding", "cache-control", "took"],
        &rows,
    );
    println!("  {total} bytes in all with brotli");
    if wasm.is_empty() {
        bail!("the pool page names no wasm file");
    }
    let size: usize = wasm.iter().map(|(size, _)| size).sum();
    let compressed = wasm.iter().all(|(_, encoding)| encoding == "br");
    let note = if compressed { " in brotli" } else { ", not all compressed by brotli" };
    println!("  wasm: {size} bytes{note} in the {} files that the page names", wasm.len());
    println!("  that this is all a browser loads for it is held by end2end/tests/delivered.spec.ts");
    Ok(())
}

/// The files under `/pkg/` that a page names, whether in attributes or in its script.
fn package_files(html: &str) -> BTreeSet<String> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c));
    let named = html.match_indices("/pkg/").map(|(at, _)| {
        let rest = &html[at..];
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    });
    let kinds = ["css", "js", "wasm"];
    named.filter(|path| path.rsplit_once('.').is_some_and(|(_, kind)| kinds.contains(&kind))).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_wherever_a_page_names_them() {
        let html = r#"<link rel="stylesheet" href="/pkg/app.a1.css"><link rel="modulepreload" href="/pkg/app.b2.js">
            <link rel="preload" href="/pkg/app.c3.wasm" as="fetch"><script>import('/pkg/app.b2.js').then(m=>m("/pkg/app.c3.wasm"))</script>
            <img src="/pkg/"><a href="/pools/pkg">"#;
        let found: Vec<String> = package_files(html).into_iter().collect();
        assert_eq!(found, ["/pkg/app.a1.css", "/pkg/app.b2.js", "/pkg/app.c3.wasm"]);
    }
}
