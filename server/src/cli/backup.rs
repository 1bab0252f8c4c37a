//! Backup and restore of the console's store, by whoever may read its files.

use crate::{
    config::{Config, StoreAddress},
    wiring,
};
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use std::{path::Path, process::ExitCode};
use switchback_domain::audit::Deed;
use switchback_engine::audit::{Actor, audited};
use switchback_store::Author;

/// Who runs this program, for the audit history.
fn author(reason: &str) -> Author {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let user = user.map_or_else(|| format!("user {}", nix::unistd::getuid()), |user| user.name);
    Author { user, reason: switchback_domain::text::visible(reason).into_owned() }
}

fn config(file: &Path) -> anyhow::Result<Config> {
    Ok(Config::read(file, wiring::now())?)
}

/// An address of `PostgreSQL` that can be shown: without its password, which its programs take from `PGPASSWORD` or `~/.pgpass`.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, String::new()), |(authority, path)| (authority, format!("/{path}")));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let path = match path.split_once('?') {
        Some((path, query)) => {
            let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("password=")).collect();
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
        }
        None => path,
    };
    format!("{scheme}://{authority}{path}")
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Makes the tables of a store in `PostgreSQL` as their owner.
pub async fn migrate_store(url_file: &Path, console: &str) -> anyhow::Result<ExitCode> {
    let url = std::fs::read_to_string(url_file).with_context(|| format!("cannot read {}", url_file.display()))?;
    switchback_store::migrate_store(url.trim(), console).await.context("the store is not brought up to date")?;
    println!("The tables are up to date, and the user {console} may use them.");
    Ok(ExitCode::SUCCESS)
}

/// Puts the guards of the audit history back, whether the console runs or not.
pub async fn repair_guards(config_file: &Path, url_file: Option<&Path>, reason: &str) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!reason.trim().is_empty(), "say why, with --reason");
    let url: SecretString = match url_file {
        Some(file) => {
            let url = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            url.trim().to_owned().into()
        }
        None => wiring::store_url(&config(config_file)?.store),
    };
    let repaired = switchback_store::repair_guards(url.expose_secret(), wiring::now(), &author(reason)).await;
    let repaired = repaired.context("the guards are not put back")?;
    if repaired.is_empty() {
        println!("Every guard is as it was made; there is nothing to put back.");
        return Ok(ExitCode::SUCCESS);
    }
    for broken in &repaired {
        println!("{} was {}: it is as it was made again.", broken.guard, broken.fault.as_code());
    }
    println!(
        "This is in the audit history. What may have been changed meanwhile is not undone: compare with a backup, and find out who did it. A console \
         that runs sees within the hour that the guards are whole, or when it is started anew."
    );
    Ok(ExitCode::SUCCESS)
}

/// Copies the store into a new file, whether the console runs or not.
pub async fn back_up(config_file: &Path, to: &Path, reason: &str) -> anyhow::Result<ExitCode> {
    let store = match config(config_file)?.store {
        StoreAddress::Sqlite(store) => store,
        StoreAddress::Postgres(url) => {
            eprintln!(
                "The store is in PostgreSQL, which has a backup of its own (while the console runs, too):\n\n  (umask 077; pg_dump --format=custom --file={} {})\n\n\
                 `switchback restore --loaded` has to be run after it was loaded again.",
                quoted(&to.display().to_string()),
                quoted(&shown(url.expose_secret())),
            );
            return Ok(ExitCode::FAILURE);
        }
    };
    let made = switchback_store::back_up(&store, to, wiring::now(), &author(reason)).await.context("there is no backup")?;
    println!(
        "{}: {} bytes, looked through; {} operations, audit history up to line {}.",
        to.display(),
        made.bytes,
        made.contents.operations,
        made.contents.newest_audit
    );
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in the place of the store, while no console runs.
pub async fn restore(config_file: &Path, from: Option<&Path>, loaded: bool, reason: &str) -> anyhow::Result<ExitCode> {
    let now = wiring::now();
    let by = author(reason);
    let taken_at = match (config(config_file)?.store, from, loaded) {
        (StoreAddress::Sqlite(store), Some(from), false) => {
            let made = switchback_store::restore(from, &store, now, &by).await.context("nothing was restored")?;
            if let Some(aside) = &made.kept_aside {
                println!("What was there is kept in {}.", aside.display());
            }
            made.taken_at
        }
        (StoreAddress::Sqlite(_), _, false) => anyhow::bail!("name the backup: switchback restore FILE"),
        (store, _, true) => {
            let deed = audited(&Actor::console(), Deed::StoreRestored, "");
            let entry = deed.done(now, serde_json::json!({ "user": by.user, "why": by.reason }));
            switchback_store::mark_restored(wiring::store_url(&store).expose_secret(), &entry)
                .await
                .context("it is not noted that the store was restored")?
                .taken_at
        }
        (StoreAddress::Postgres(url), from, false) => {
            let file = from.map_or_else(|| "FILE".to_owned(), |file| quoted(&file.display().to_string()));
            eprintln!(
                "The store is in PostgreSQL. Stop the console, load the backup as the owner of the tables, and note that it was restored:\n\n  \
                 pg_restore --clean --if-exists --single-transaction --dbname={} {file}\n  switchback restore --loaded --reason '…'",
                quoted(&shown(url.expose_secret())),
            );
            return Ok(ExitCode::FAILURE);
        }
    };
    println!(
        "Restored: the store as of {taken_at:.0}. Start the console: it watches, and does nothing to a pool before somebody has confirmed that what \
         the store says of it is still so (switchback restored POOL, switchback confirm-restored POOL --reason …)."
    );
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, public) in [
            ("postgres://console:very-secret@db.example:5432/store", "postgres://console@db.example:5432/store"),
            (
                "postgres://console@db.example/store?sslmode=verify-full&password=x",
                "postgres://console@db.example/store?sslmode=verify-full",
            ),
            ("postgresql:///store?host=/run/postgresql", "postgresql:///store?host=/run/postgresql"),
        ] {
            assert_eq!(shown(url), public);
        }
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
