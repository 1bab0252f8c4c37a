//! Whether the files of a store in `SQLite` are still at their places while it is open.
//!
//! Somebody may remove the log (`-wal`), or move another file to the database's place, and `SQLite` goes on in the files that it has open: all
//! is well until the process ends, and then everything is gone. So each file's device and inode are noted when the store is opened, and
//! compared with what is at the path. That is done by `stat` alone: nothing here opens a file (see [`crate::file`]).

use crate::{
    backup::{self, Contents},
    file::{Identity, beside, identity},
    sql::failed,
};
use jiff::Timestamp;
use sqlx::SqlitePool;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use switchback_domain::LostFile;
use switchback_engine::ports::StoreError;

/// A copy of everything, made because a file is lost.
#[derive(Clone)]
struct Copy {
    file: PathBuf,
    contents: Contents,
}

/// The files of a store that is open.
#[derive(Clone)]
pub(crate) struct OpenFiles {
    store: PathBuf,
    /// What the console was told, which may be a link to the store.
    path: PathBuf,
    opened: Arc<OnceLock<Vec<(PathBuf, Identity)>>>,
    copy: Arc<Mutex<Option<Copy>>>,
}

impl OpenFiles {
    pub(crate) fn of(store: &Path, path: &Path) -> OpenFiles {
        OpenFiles { store: store.to_owned(), path: path.to_owned(), opened: Arc::default(), copy: Arc::default() }
    }

    /// Notes what the files are. From now on they stay the same as long as any connection is open.
    pub(crate) fn note(&self) {
        let files = ["", "-wal", "-shm"].map(|ending| beside(&self.store, ending));
        let found =
            files.into_iter().chain([self.path.clone()]).filter_map(|file| identity(&file).map(|identity| (file, identity))).collect();
        // They are noted once, by whoever opens the store.
        let _ = self.opened.set(found);
    }

    /// The first file that is not at its place any more.
    fn missing(&self) -> Option<&Path> {
        let opened = self.opened.get()?;
        opened.iter().find(|(file, noted)| identity(file) != Some(*noted)).map(|(file, _)| file.as_path())
    }

    /// Refuses a new connection that would be to other files than the ones that are open: it would see another store, or damage this one.
    pub(crate) fn allow_connection(&self) -> Result<(), sqlx::Error> {
        match self.missing() {
            None => Ok(()),
            Some(file) => Err(sqlx::Error::Io(io::Error::other(format!("{} was removed or replaced", file.display())))),
        }
    }

    pub(crate) fn lost(&self) -> Option<LostFile> {
        let file = self.missing()?.display().to_string();
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|copy| copy.file.display().to_string());
        Some(LostFile { file, copy })
    }

    /// Brings what is only in the log into the database file. When a file is lost, keeps a copy of everything beside the store, and makes it
    /// anew when something was written since.
    pub(crate) async fn look_after(&self, writer: &SqlitePool, now: Timestamp) -> Result<(), StoreError> {
        if self.missing().is_some() {
            self.keep_copy(writer, now).await?;
        }
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(writer).await.map(drop).map_err(failed)
    }

    async fn keep_copy(&self, writer: &SqlitePool, now: Timestamp) -> Result<(), StoreError> {
        let before = self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut source = writer.acquire().await.map_err(failed)?;
        if let Some(copy) = &before
            && copy.file.exists()
            && copy.contents == backup::contents(&mut source).await.map_err(failed)?
        {
            return Ok(());
        }
        let file = before.map_or_else(|| beside(&self.store, &now.strftime(".rescued-%Y%m%dT%H%M%SZ").to_string()), |copy| copy.file);
        let made = backup::rescue(&mut source, &file, now).await.map_err(|error| StoreError::Failed(Box::new(error)))?;
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Copy { file, contents: made.contents });
        Ok(())
    }
}
