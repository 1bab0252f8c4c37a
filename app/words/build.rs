//! Makes the module `i18n` from the locale files: one namespace for each file, so that a missing or misspelt text does not compile.

use leptos_i18n_build::{Config, ParseOptions, TranslationsInfos, options::CodegenOptions};
use std::{env, error::Error, fs, path::PathBuf};

const LOCALES: &str = "locales";
const DEFAULT_LOCALE: &str = "en";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={LOCALES}");

    let mut namespaces = Vec::new();
    for entry in fs::read_dir(format!("{LOCALES}/{DEFAULT_LOCALE}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            namespaces.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    namespaces.sort();

    let config = Config::new(DEFAULT_LOCALE)?
        .add_locale("zh-CN")?
        .locales_path(LOCALES)
        .add_namespaces(namespaces)?
        // Sentences with slots are wanted as strings: for labels, announcements and tests, not only as views.
        .parse_options(ParseOptions::new().interpolate_display(true));
    let texts = TranslationsInfos::parse(config)?;
    texts.emit_diagnostics();
    texts.rerun_if_locales_changed();

    let module = PathBuf::from(env::var("OUT_DIR")?).join("i18n");
    texts.generate_i18n_module_with_options(module, CodegenOptions::new().gen_docs(false))?;
    Ok(())
}
