//! Where the command line keeps its sessions: one file that only its owner can read, with a session for each console, because a
//! token is sent to the console that gave it and to no other.

use super::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) token: String,
    pub(super) login: String,
    pub(super) expires_at: Timestamp,
    /// By this the console knows that somebody has signed in from here before; it is no secret, and stays after signing out.
    #[serde(default, skip_serializing)]
    pub(super) device: Option<String>,
}

/// Sessions by the address of their console.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sessions(BTreeMap<String, Kept>);

/// The file: `$XDG_STATE_HOME/switchback/sessions.json`, else `~/.local/state/switchback/sessions.json`.
pub(super) fn file() -> Result<PathBuf, Failure> {
    // A relative path in this variable is to be ignored, says the XDG specification.
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| Failure::Trouble("there is no home folder to keep the session in; set XDG_STATE_HOME".to_owned()))?;
    Ok(state.join("switchback/sessions.json"))
}

fn failed(file: &Path, doing: &str, error: &io::Error) -> Failure {
    Failure::Trouble(format!("cannot {doing} {}: {error}", file.display()))
}

fn read(file: &Path) -> Result<Sessions, Failure> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sessions::default()),
        Err(error) => return Err(failed(file, "read", &error)),
    };
    let mode = fs::metadata(file).map_err(|error| failed(file, "read", &error))?.mode();
    if mode & 0o077 != 0 {
        let file = file.display();
        return Err(Failure::Trouble(format!(
            "others can read {file}, which has your sessions: chmod 600 {file}, and sign out and in again"
        )));
    }
    serde_json::from_str(&text)
        .map_err(|error| Failure::Trouble(format!("{} is not what it should be ({error}); remove it and sign in again", file.display())))
}

fn write(file: &Path, sessions: &impl Serialize) -> Result<(), Failure> {
    let doing = |error: io::Error| failed(file, "write", &error);
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(doing)?;
    }
    let fresh = file.with_extension(format!("{}.new", std::process::id()));
    let mut open = fs::OpenOptions::new();
    let mut out = open.write(true).create_new(true).mode(0o600).open(&fresh).map_err(doing)?;
    let written = serde_json::to_vec_pretty(sessions).map_err(io::Error::other).and_then(|text| out.write_all(&text));
    written.and_then(|()| fs::rename(&fresh, file)).map_err(|error| {
        // A file with a token must not stay behind; if it cannot be removed either, the error says where to look.
        let _ = fs::remove_file(&fresh);
        doing(error)
    })
}

/// The session of a console.
pub(super) fn kept(file: &Path, url: &str) -> Result<Option<Kept>, Failure> {
    Ok(read(file)?.0.remove(url))
}

/// Keeps the session of a console.
pub(super) fn keep(file: &Path, url: &str, session: Kept) -> Result<(), Failure> {
    let mut sessions = read(file)?;
    sessions.0.insert(url.to_owned(), session);
    write(file, &sessions)
}

/// Forgets the session of a console.
pub(super) fn forget(file: &Path, url: &str) -> Result<(), Failure> {
    let mut sessions = read(file)?;
    match sessions.0.remove(url) {
        Some(_) => write(file, &sessions),
        None => Ok(()),
    }
}

/// Beside the sessions: by what each console knows that somebody has signed in from here.
fn devices_file(file: &Path) -> PathBuf {
    file.with_file_name("devices.json")
}

fn devices(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(devices_file(file)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// By what a console knows that this person has signed in from here. Without it signing in works too, among strangers.
pub(super) fn device(file: &Path, url: &str, login: &str) -> Option<String> {
    devices(file).remove(&format!("{login}@{url}"))
}

/// Keeps that.
pub(super) fn keep_device(file: &Path, url: &str, login: &str, device: String) -> Result<(), Failure> {
    let mut all = devices(file);
    all.insert(format!("{login}@{url}"), device);
    write(&devices_file(file), &all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn session(token: &str) -> Kept {
        Kept { token: token.to_owned(), login: "mira".to_owned(), expires_at: Timestamp::UNIX_EPOCH, device: None }
    }

    #[test]
    fn a_session_is_kept_for_its_console_alone_in_a_file_that_nobody_else_can_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("state/switchback/sessions.json");
        keep(&file, "https://one", session("1")).expect("kept");
        keep(&file, "https://two", session("2")).expect("kept");
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
        assert_eq!(kept(&file, "https://one").expect("readable"), Some(session("1")));
        assert_eq!(kept(&file, "https://three").expect("readable"), None);
        forget(&file, "https://one").expect("forgotten");
        assert_eq!(kept(&file, "https://one").expect("readable"), None);
        assert_eq!(kept(&file, "https://two").expect("readable"), Some(session("2")));
        assert_eq!(fs::read_dir(file.parent().expect("a folder")).expect("a folder").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_a_console_knows_this_place_by_stays_after_signing_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sessions.json");
        assert_eq!(device(&file, "https://one", "mira"), None);
        keep_device(&file, "https://one", "mira", "note".to_owned()).expect("kept");
        keep(&file, "https://one", session("1")).expect("kept");
        forget(&file, "https://one").expect("forgotten");
        assert_eq!(device(&file, "https://one", "mira").as_deref(), Some("note"));
        assert_eq!(device(&file, "https://one", "ann"), None, "of somebody else");
        assert_eq!(device(&file, "https://two", "mira"), None, "of another console");
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sessions.json");
        keep(&file, "https://one", session("1")).expect("kept");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(kept(&file, "https://one"), Err(Failure::Trouble(why)) if why.contains("chmod 600")));
    }
}
