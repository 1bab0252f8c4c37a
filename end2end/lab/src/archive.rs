//! Log shipping between the sites: WAL files travel over the network between them, so that a cut link cuts this too.
//!
//! The sender says name and length, then the bytes; the receiver answers one byte once the file is on its disk. A file that is
//! already there with the same content is fine (PostgreSQL may ship one twice); with other content it is refused, because two
//! histories would be mixed.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Doing, LabError, Result};

/// Longer than any segment of the lab; whatever announces more is not PostgreSQL.
const LENGTH_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The share keeps at most this many segments when nobody cleans it, so that a lab can run for days.
const KEEP_FILES: usize = 4096;

const STORED: u8 = b'+';
const REFUSED: u8 = b'-';

/// Whether this is the name of something that PostgreSQL archives: a segment, a partial one, a history, a backup label.
pub(crate) fn is_wal_name(name: &str) -> bool {
    let hex =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    match name.split_once('.') {
        None => hex(name, 24),
        Some((segment, "partial")) => hex(segment, 24),
        Some((timeline, "history")) => hex(timeline, 8),
        Some((segment, rest)) => hex(segment, 24) && rest.strip_suffix(".backup").is_some_and(|offset| hex(offset, 8)),
    }
}

/// Sends one WAL file to the share in the other site and returns when it is safe there.
pub fn ship(file: &Path, name: &str, to: SocketAddr) -> Result<()> {
    let bytes = fs::read(file).doing(|| format!("reading {}", file.display()))?;
    let talk = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(3))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut header = Vec::with_capacity(12 + name.len());
        header.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes());
        header.extend(name.as_bytes());
        header.extend((bytes.len() as u64).to_be_bytes());
        stream.write_all(&header)?;
        stream.write_all(&bytes)?;
        let mut answer = [0_u8];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    match talk().doing(|| format!("shipping {name} to {to}"))? {
        STORED => Ok(()),
        _ => Err(LabError::Refused(format!("the share at {to} refused {name}: it has another file of that name"))),
    }
}

/// Receives WAL files for ever.
pub fn receive(listen: SocketAddr, share: &Path) -> Result<()> {
    fs::create_dir_all(share).doing(|| format!("making {}", share.display()))?;
    let listener = TcpListener::bind(listen).doing(|| format!("listening at {listen}"))?;
    serve(&listener, share);
    Ok(())
}

fn serve(listener: &TcpListener, share: &Path) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let share = share.to_owned();
        // A sender that was cut off in the middle must not keep the next one waiting.
        std::thread::spawn(move || {
            if let Err(error) = take_one(stream, &share) {
                eprintln!("{error}");
            }
        });
    }
}

fn take_one(mut stream: TcpStream, share: &Path) -> Result<()> {
    let mut read = || -> std::io::Result<(String, Vec<u8>)> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut length = [0_u8; 4];
        stream.read_exact(&mut length)?;
        let mut name = vec![0_u8; usize::try_from(u32::from_be_bytes(length).min(64)).unwrap_or(64)];
        stream.read_exact(&mut name)?;
        let name = String::from_utf8(name).map_err(std::io::Error::other)?;
        let mut length = [0_u8; 8];
        stream.read_exact(&mut length)?;
        let length = u64::from_be_bytes(length);
        if length > LENGTH_MAX_BYTES || !is_wal_name(&name) {
            return Err(std::io::Error::other(format!("not a WAL file: {name:?} of {length} bytes")));
        }
        let mut bytes = vec![0_u8; usize::try_from(length).unwrap_or(0)];
        stream.read_exact(&mut bytes)?;
        Ok((name, bytes))
    };
    let (name, bytes) = read().doing(|| "receiving a WAL file".to_owned())?;
    let answer = match store(share, &name, &bytes) {
        Ok(()) => STORED,
        Err(error) => {
            eprintln!("{error}");
            REFUSED
        }
    };
    stream.write_all(&[answer]).doing(|| format!("acknowledging {name}"))
}

/// Puts a file into the share in one instant, after it is on disk.
fn store(share: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let target = share.join(name);
    if let Ok(present) = fs::read(&target) {
        return if present == bytes { Ok(()) } else { Err(LabError::Refused(format!("{name} is already there with another content"))) };
    }
    let temporary = share.join(format!(".{name}.{:?}", std::thread::current().id()).replace(['(', ')'], ""));
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&temporary)?;
        // A segment that archive_timeout closed early ends in zeros, which need no room on disk.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        file.write_all(&bytes[..used])?;
        file.set_len(bytes.len() as u64)?;
        file.sync_data()?;
        fs::rename(&temporary, &target)
    };
    write().doing(|| format!("storing {name}"))?;
    let segments = segments(share)?;
    for old in segments.iter().take(segments.len().saturating_sub(KEEP_FILES)) {
        let _ = fs::remove_file(share.join(old));
    }
    Ok(())
}

/// The names of the full segments in a share, oldest position first whatever their timeline.
fn segments(share: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(share).doing(|| format!("reading {}", share.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.len() == 24 && is_wal_name(name))
        .collect();
    names.sort_by(|x, y| x[8..].cmp(&y[8..]));
    Ok(names)
}

/// Removes segments before `oldest_needed`, but keeps the last `keep` of those: a second node may be behind the one that asks.
pub fn clean(share: &Path, oldest_needed: &str, keep: usize) -> Result<()> {
    if !is_wal_name(oldest_needed) {
        return Err(LabError::Refused(format!("{oldest_needed} is no WAL file")));
    }
    let position = &oldest_needed[8..24.min(oldest_needed.len())];
    let unneeded: Vec<PathBuf> = segments(share)?.into_iter().filter(|name| &name[8..] < position).map(|name| share.join(name)).collect();
    for path in unneeded.iter().take(unneeded.len().saturating_sub(keep)) {
        fs::remove_file(path).doing(|| format!("removing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    impl std::ops::Deref for Folder {
        type Target = Path;

        fn deref(&self) -> &Path {
            &self.0
        }
    }

    fn folder(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("switchback-lab-unit-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a temporary folder");
        Folder(folder)
    }

    const SEGMENT: &str = "0000000100000000000000A7";

    #[test]
    fn only_names_that_postgresql_archives_get_into_the_share() {
        for name in [SEGMENT, "00000002.history", "0000000100000000000000A7.partial", "0000000100000000000000A7.00000028.backup"] {
            assert!(is_wal_name(name), "{name}");
        }
        for name in ["", "../../etc/passwd", "0000000100000000000000a7", "00000002.history.tmp", ".x", "0000000100000000000000A7/x"] {
            assert!(!is_wal_name(name), "{name}");
        }
    }

    #[test]
    fn what_was_shipped_is_in_the_share_and_another_file_of_that_name_is_refused() {
        let (share, source) = (folder("share"), folder("source"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let to = listener.local_addr().expect("its address");
        let served = share.to_path_buf();
        std::thread::spawn(move || serve(&listener, &served));
        let file = source.join("wal");
        let mut bytes = vec![7_u8; 5000];
        bytes.resize(1024 * 1024, 0);
        fs::write(&file, &bytes).expect("writing");
        ship(&file, SEGMENT, to).expect("the first time");
        ship(&file, SEGMENT, to).expect("again, because the answer may have been lost");
        assert_eq!(fs::read(share.join(SEGMENT)).expect("it is there"), bytes);
        fs::write(&file, [9_u8; 5000]).expect("writing");
        let why = ship(&file, SEGMENT, to).expect_err("two histories").to_string();
        assert!(why.contains("refused"), "{why}");
        assert_eq!(fs::read(share.join(SEGMENT)).expect("it is there"), bytes);
    }

    #[test]
    fn cleaning_keeps_what_is_needed_and_some_more_on_every_timeline() {
        let share = folder("clean");
        let names: Vec<String> = (0..10).map(|n| format!("0000000{}0000000000000{:03X}", 1 + n % 2, n)).collect();
        for name in &names {
            fs::write(share.join(name), name).expect("writing");
        }
        fs::write(share.join("00000002.history"), "x").expect("writing");
        clean(&share, &names[6], 2).expect("cleaning");
        assert_eq!(segments(&share).expect("reading"), names[4..]);
        assert!(share.join("00000002.history").exists(), "histories are never removed");
    }
}
