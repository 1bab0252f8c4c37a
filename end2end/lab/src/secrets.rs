//! Passwords of the lab: made once per lab, one file each, readable by the lab's owner only.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Result};

/// Every password of the lab.
#[derive(Debug, Clone)]
pub struct Secrets {
    folder: PathBuf,
    /// PostgreSQL's superuser `postgres`, for the lab itself.
    pub superuser: String,
    /// The replication user `replicator`.
    pub replication: String,
    /// The user `rewinder` of `pg_rewind`.
    pub rewind: String,
    /// The console's role `switchback`.
    pub console: String,
    /// Patroni's REST API, user `switchback`.
    pub rest: String,
    /// The members' role `prosody`.
    pub prosody: String,
    /// The role `load` of the lab's writing client.
    pub load: String,
    /// The chat accounts u1 to u8.
    pub chat: String,
}

impl Secrets {
    /// Reads the passwords in `folder`, making those that are missing.
    pub fn ensure(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))?;
        let one = |name: &str| password(folder, name);
        Ok(Self {
            folder: folder.to_owned(),
            superuser: one("superuser")?,
            replication: one("replication")?,
            rewind: one("rewind")?,
            console: one("console")?,
            rest: one("rest")?,
            prosody: one("prosody")?,
            load: one("load")?,
            chat: one("chat")?,
        })
    }

    /// Passwords for tests of what is written with them; touches no file.
    #[cfg(test)]
    pub(crate) fn fixture() -> Self {
        let one = |name: &str| format!("{name}-word");
        Self {
            folder: PathBuf::from("/nowhere"),
            superuser: one("superuser"),
            replication: one("replication"),
            rewind: one("rewind"),
            console: one("console"),
            rest: one("rest"),
            prosody: one("prosody"),
            load: one("load"),
            chat: one("chat"),
        }
    }

    /// The file of one password.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.password"))
    }
}

fn password(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(format!("{name}.password"));
    if let Ok(found) = fs::read_to_string(&path) {
        return Ok(found.trim().to_owned());
    }
    let mut bytes = [0_u8; 12];
    fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).doing(|| "drawing a password".to_owned())?;
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&path).doing(|| format!("writing {}", path.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).doing(|| format!("writing {}", path.display()))?;
    Ok(text)
}
