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
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
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

/// A part in the use of a store, or the whole of it, until it is dropped.
pub(crate) struct InUse {
    locks: Vec<File>,
}

impl InUse {
    /// Notes which log `SQLite` has made beside the store.
    pub(crate) fn note_log(&mut self, store: &Path) -> io::Result<()> {
        self.locks.first_mut().map_or(Ok(()), |lock| note(lock, store))
    }
}

/// Why nobody else may use a store now. Whoever opened it nevertheless would damage it.
#[derive(Debug)]
pub(crate) enum NotShared {
    /// Somebody wants it alone.
    BeingRestored,
    /// Somebody has it open, and its log is not there. It is there as long as anybody has the store open, unless it was removed.
    LogGone,
    /// Somebody has another file open that was here before, with the log that is still here.
    Replaced,
    /// Nobody has it open, and the log beside it is that of another file that was here before.
    LogOfAnother,
    /// The lock cannot be used.
    Failed(io::Error),
}

impl From<io::Error> for NotShared {
    fn from(error: io::Error) -> NotShared {
        NotShared::Failed(error)
    }
}

/// What makes a file the one that it is, whatever it is called: its device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

pub(crate) fn identity(file: &Path) -> Option<Identity> {
    let found = fs::metadata(file).ok()?;
    Some(Identity { device: found.dev(), inode: found.ino() })
}

/// Takes part in the use of the store at `path`. A restore that is about to end, or a program that is just opening the store, is waited for a
/// moment.
#[expect(clippy::disallowed_methods, reason = "nobody tells when a lock is let go")]
pub(crate) async fn share(path: &Path) -> Result<InUse, NotShared> {
    let mut shared = share_now(path);
    for _ in 0..20 {
        if matches!(shared, Ok(_) | Err(NotShared::Failed(_))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        shared = share_now(path);
    }
    shared
}

fn share_now(path: &Path) -> Result<InUse, NotShared> {
    let store = resolved(path);
    let mut held = Vec::new();
    for (place, mut lock) in locks(path)? {
        let alone = is_taken(lock.try_lock())?;
        if alone {
            if has_log_of_another(&store)? {
                return Err(NotShared::LogOfAnother);
            }
            note(&mut lock, &store)?;
        }
        if !is_taken(lock.try_lock_shared())? {
            return Err(NotShared::BeingRestored);
        }
        if !alone && place == store && !beside(&store, "-wal").exists() {
            return Err(NotShared::LogGone);
        }
        if !alone && is_other(&mut lock, &store)? {
            return Err(NotShared::Replaced);
        }
        held.push(lock);
    }
    Ok(InUse { locks: held })
}

/// Takes the store at `path` alone. Nothing: somebody uses it.
pub(crate) fn exclude(path: &Path) -> io::Result<Option<InUse>> {
    let mut held = Vec::new();
    for (_, lock) in locks(path)? {
        if !is_taken(lock.try_lock())? {
            return Ok(None);
        }
        held.push(lock);
    }
    Ok(Some(InUse { locks: held }))
}

/// The files that are locked by whoever uses a store, each with what it is beside: the store, and the link that leads to it, because a link may
/// lead to another store the next moment. `SQLite` does not know them. Each says which file its first user has found at its place.
fn locks(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let open = |place: PathBuf| {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY).open(beside(&place, "-lock"));
        file.map(|file| (place, file))
    };
    let store = resolved(path);
    let mut all = vec![open(store.clone())?];
    if store != path {
        match open(path.to_owned()) {
            Ok(lock) => all.push(lock),
            // Where nobody may write, nobody replaces the link either.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn is_taken(outcome: Result<(), TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What is noted of a store: its file, and in a second line its log.
fn noted(store: &Path) -> String {
    let line = |file: &Path| identity(file).map_or_else(String::new, |found| format!("{} {}\n", found.device, found.inode));
    line(store) + &line(&beside(store, "-wal"))
}

/// On a full disk nothing can be noted: then others do not see that a file was replaced, and everything else goes on.
fn note(lock: &mut File, store: &Path) -> io::Result<()> {
    let text = noted(store);
    lock.rewind()?;
    match lock.write_all(text.as_bytes()) {
        Ok(()) => lock.set_len(text.len() as u64),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "it cannot be noted which file the store is");
            lock.set_len(0)
        }
    }
}

/// Programs before this one have noted nothing.
fn is_other(lock: &mut File, store: &Path) -> io::Result<bool> {
    let mut found = String::new();
    lock.rewind()?;
    lock.read_to_string(&mut found)?;
    Ok(found.lines().next().is_some_and(|line| Some(line) != noted(store).lines().next()))
}

/// The log beside a store is the one that was last in use here, and the store is not: somebody has put another file in its place, and the
/// console was killed before or afterwards. `SQLite` would take the log for that of the file, and damage it. Where both are others than
/// before, somebody has copied both.
pub(crate) fn has_log_of_another(store: &Path) -> io::Result<bool> {
    let noted_before = match fs::read_to_string(beside(store, "-lock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        read => read?,
    };
    let (before, now) = (noted_before.lines().collect::<Vec<_>>(), noted(store));
    let now: Vec<&str> = now.lines().collect();
    let is_empty = fs::metadata(beside(store, "-wal")).is_ok_and(|log| log.len() == 0);
    Ok(matches!((&before[..], &now[..]), ([file_before, log_before], [file, log]) if log_before == log && file_before != file) && !is_empty)
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
