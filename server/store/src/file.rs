//! The files of a store in `SQLite`, as the operating system sees them: made, found, and readable by their owner only.
//!
//! **Nothing in this process opens the database file, its log (`-wal`) or its index (`-shm`) but `SQLite`.** POSIX takes *all* locks of a
//! process on a file away as soon as the process closes *any* handle on it (fcntl(2), "Advisory record locking"). `SQLite` would go on
//! without noticing, and the next program that opens the store and closes it again, such as `sqlite3 switchback.db .backup`, would believe
//! that nobody else uses it and remove the log with everything that is only in there. So these functions work by path alone: a file is
//! made by `mknod`, which opens nothing, and modes are read by `stat` and set by `chmod`. The test
//! `locks::nothing_that_the_store_does_gives_up_sqlites_locks` holds everybody to it.

use nix::{
    errno::Errno,
    sys::stat::{Mode, SFlag, mknod},
};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// What everybody else may do with a file of the store: nothing.
const OWNER_ONLY: u32 = 0o600;

/// What is beside a database file. What `SQLite` keeps there holds rows just as the file itself does.
const SIDE_FILES: [&str; 6] = ["-wal", "-shm", "-journal", "-reserve", "-lock", "-head"];

/// `file` with something behind its name.
pub(crate) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that a path leads to, through symbolic links at its end, whether it is there yet or not. What is kept beside a store has to be on
/// the store's own disk, and everybody who uses the store has to find the same lock.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let mut file = path.to_owned();
    // As many links as the kernel follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&file) else { break };
        file = folder_of(&file).join(target);
    }
    file
}

/// Somebody has the store open, and its log is not there. It is there as long as anybody has the store open, unless it was removed. Whoever
/// opened the store now would write into a log of its own, and damage it.
pub(crate) fn is_log_gone(store: &Path) -> io::Result<bool> {
    Ok(!beside(store, "-wal").exists() && exclude(store)?.is_none())
}

/// Takes part in the use of a store until the handle is dropped. Nothing: somebody wants it alone, because it is being restored.
///
/// The lock is on a file of its own, which holds nothing and which `SQLite` does not know.
pub(crate) fn share(store: &Path) -> io::Result<Option<File>> {
    let file = lock_file(store)?;
    locked(file.try_lock_shared(), file)
}

/// Takes a store alone until the handle is dropped. Nothing: somebody uses it.
pub(crate) fn exclude(store: &Path) -> io::Result<Option<File>> {
    let file = lock_file(store)?;
    locked(file.try_lock(), file)
}

fn lock_file(store: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(beside(store, "-lock"))
}

fn locked(outcome: Result<(), TryLockError>, file: File) -> io::Result<Option<File>> {
    match outcome {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Makes an empty file that only its owner can read, without opening it. Returns whether it was not there before.
pub(crate) fn make(file: &Path) -> io::Result<bool> {
    match mknod(file, SFlag::S_IFREG, Mode::from_bits_truncate(OWNER_ONLY), 0) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes from everybody but the owner what they may do with the database file and what is beside it, and says so in the log. `SQLite` gives
/// each side file that it makes the mode that it finds on the database file.
pub(crate) fn close_to_others(file: &Path) {
    let side_files = SIDE_FILES.map(|ending| beside(file, ending));
    for path in std::iter::once(file).chain(side_files.iter().map(PathBuf::as_path)) {
        let Ok(found) = fs::metadata(path) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if mode & !OWNER_ONLY == 0 || !found.is_file() {
            continue;
        }
        match fs::set_permissions(path, fs::Permissions::from_mode(mode & OWNER_ONLY)) {
            Ok(()) => tracing::warn!(
                file = %path.display(), mode = format!("{mode:o}"),
                "others had rights on this file of the store; they are taken away. Look who may have read it meanwhile"
            ),
            Err(error) => tracing::error!(
                file = %path.display(), mode = format!("{mode:o}"), error = &error as &dyn std::error::Error,
                "others have rights on this file of the store, and they cannot be taken away: run chmod 600 on it as its owner"
            ),
        }
    }
}
