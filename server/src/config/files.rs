//! Files that a configuration points to: secrets and certificates. All paths are relative to the configuration's own folder.

use super::{problem::Problems, section::Section};
use secrecy::SecretString;
use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};
use toml::Spanned;

/// More than any honest secret or bundle of certificates has, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The certificates that one kind of endpoint of a site is reached with. The files were there and looked right when the configuration was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities to trust instead of the public ones, PEM.
    pub ca: Option<PathBuf>,
    /// Our own certificate and what leads up to its authority, PEM.
    pub client_cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub client_key: Option<PathBuf>,
}

/// Reads the secret that `key` names a file of.
pub(super) fn secret(section: &mut Section<'_, '_>, key: &'static str, folder: &Path) -> Option<SecretString> {
    let file = section.text(key)?;
    let path = folder.join(file.get_ref());
    let bytes = read(section.problems(), file.span(), &path, "the file of a secret")?;
    refuse_if_open_to_others(section.problems(), file.span(), &path);
    let Ok(text) = String::from_utf8(bytes) else {
        section.problems().error(
            file.span(),
            format!("{} is not text", path.display()),
            "Put the secret into it as UTF-8 text, on one line.",
        );
        return None;
    };
    // Editors end the line; a secret that really ends in a line break does not exist.
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.contains('\n') {
        let what = if secret.is_empty() { "is empty" } else { "has more than one line" };
        section.problems().error(file.span(), format!("{} {what}", path.display()), "Put the secret into it, on one line.");
        return None;
    }
    Some(SecretString::from(secret))
}

/// Reads `ca_file`, `client_cert_file` and `client_key_file`.
pub(super) fn tls(section: &mut Section<'_, '_>, folder: &Path) -> TlsFiles {
    let ca = pem(section, "ca_file", folder, "CERTIFICATE-----");
    let certificate = pem(section, "client_cert_file", folder, "CERTIFICATE-----");
    let key = pem(section, "client_key_file", folder, "PRIVATE KEY-----");
    for (there, other) in [("client_cert_file", "client_key_file"), ("client_key_file", "client_cert_file")] {
        if section.has(there) && !section.has(other) {
            let at = section.place(there);
            section.problems().error(
                at,
                format!("there is a `{there}` but no `{other}`"),
                format!("Add the `{other}` that belongs to it."),
            );
        }
    }
    if let Some((path, at)) = &key {
        refuse_if_open_to_others(section.problems(), at.clone(), path);
    }
    let path = |file: Option<(PathBuf, Range<usize>)>| file.map(|(path, _)| path);
    TlsFiles { ca: path(ca), client_cert: path(certificate), client_key: path(key) }
}

fn pem(section: &mut Section<'_, '_>, key: &'static str, folder: &Path, mark: &str) -> Option<(PathBuf, Range<usize>)> {
    let file: Spanned<String> = section.text(key)?;
    let path = folder.join(file.get_ref());
    let bytes = read(section.problems(), file.span(), &path, "a PEM file")?;
    if !String::from_utf8_lossy(&bytes).contains(mark) {
        section.problems().error(
            file.span(),
            format!("{} has no {} in it", path.display(), mark.trim_end_matches('-').to_lowercase()),
            format!("It must be a PEM file with a line `-----BEGIN {mark}`."),
        );
        return None;
    }
    Some((path, file.span()))
}

fn read(problems: &Problems, at: Range<usize>, path: &Path, kind: &str) -> Option<Vec<u8>> {
    let attempt = || -> io::Result<Vec<u8>> {
        // A pipe or a device would keep the console waiting forever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_LIMIT { Err(io::Error::other("it is larger than a megabyte")) } else { Ok(bytes) }
    };
    match attempt() {
        Ok(bytes) => Some(bytes),
        Err(why) => {
            let reason = match why.kind() {
                io::ErrorKind::NotFound => "it does not exist".to_owned(),
                io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
                _ => why.to_string(),
            };
            problems.error(
                at,
                format!("{kind} cannot be read: {}: {reason}", path.display()),
                "Paths are relative to the folder of this configuration.",
            );
            None
        }
    }
}

/// A secret that others than the console's user can read is none.
#[cfg(unix)]
fn refuse_if_open_to_others(problems: &Problems, at: Range<usize>, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let who = if mode & 0o007 != 0 { "everybody on this machine" } else { "the group of the file" };
        problems.error(
            at,
            format!("{} is open to {who} (mode {:03o})", path.display(), mode & 0o777),
            format!("Let only the console's user read it: chmod 600 {}", path.display()),
        );
    }
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &Problems, _: Range<usize>, _: &Path) {}
