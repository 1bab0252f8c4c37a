//! Space on the disk of a store in `SQLite` that is kept for an emergency: a file that is given up when the disk is full, so that operations,
//! sign-ins and their audit entries can still be written, and made again when there is room.

use crate::file::{self, beside};
use nix::{fcntl::posix_fallocate, sys::statvfs::statvfs};
use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use switchback_domain::Reserve;

/// How much is kept, in bytes: some hundred operations with all their entries.
const KEPT: u64 = 16 * 1024 * 1024;

/// With less than this left, in bytes, the disk counts as full.
const FULL: u64 = 1024 * 1024;

/// The file that keeps the space, and whether it does.
pub(crate) struct ReserveFile {
    /// Nothing when the store is not in a file.
    file: Option<PathBuf>,
    state: Mutex<Reserve>,
}

impl ReserveFile {
    /// Nothing is kept, and nothing is needed.
    pub(crate) fn not_needed() -> ReserveFile {
        ReserveFile { file: None, state: Mutex::default() }
    }

    /// Beside a store's file.
    pub(crate) fn of(store: &Path) -> ReserveFile {
        let reserve = ReserveFile { file: Some(beside(store, "-reserve")), state: Mutex::new(Reserve::GivenUp) };
        reserve.tend();
        reserve
    }

    pub(crate) fn state(&self) -> Reserve {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the space up when the disk is full, and keeps it again when there is room for twice as much.
    pub(crate) fn tend(&self) -> Reserve {
        let Some(file) = &self.file else { return Reserve::NotNeeded };
        let Ok(free) = free_beside(file) else { return self.state() };
        match self.state() {
            Reserve::Kept if free < FULL => drop(self.give_up()),
            Reserve::GivenUp if is_whole(file) || free >= 2 * KEPT => match keep(file) {
                Ok(()) => *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Reserve::Kept,
                Err(error) => {
                    tracing::warn!(file = %file.display(), error = &error as &dyn std::error::Error, "no space could be kept for an emergency");
                }
            },
            Reserve::NotNeeded | Reserve::Kept | Reserve::GivenUp => {}
        }
        self.state()
    }

    /// Gives the space up. Returns whether that made room.
    pub(crate) fn give_up(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != Reserve::Kept {
            return false;
        }
        let gone = std::fs::remove_file(file);
        *state = Reserve::GivenUp;
        match gone {
            Ok(()) => tracing::error!(
                file = %file.display(), bytes = KEPT,
                "the disk of the store is full: the space that was kept for an emergency is given up, for operations only; make room now"
            ),
            Err(error) => tracing::error!(
                file = %file.display(), error = &error as &dyn std::error::Error,
                "the disk of the store is full, and the space that was kept for an emergency could not be given up; make room now"
            ),
        }
        true
    }
}

fn is_whole(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|found| found.len() >= KEPT && found.blocks() * 512 >= KEPT)
}

/// Space that everybody may still write, in bytes.
fn free_beside(file: &Path) -> io::Result<u64> {
    let disk = statvfs(file::folder_of(file))?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

fn keep(file: &Path) -> io::Result<()> {
    let kept = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)?;
    if let Err(error) = posix_fallocate(&kept, 0, i64::try_from(KEPT).unwrap_or(i64::MAX)) {
        let _ = std::fs::remove_file(file);
        return Err(error.into());
    }
    kept.sync_all()
}
