//! A certificate authority of a test's own.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "each test program uses its own part")]

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use switchback_probes::TlsFiles;

/// An authority and what it has signed, in files.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let authority = Authority { folder: tempfile::tempdir().unwrap(), issuer: Issuer::new(params, key) };
        std::fs::write(authority.file("ca.pem"), certificate.pem()).unwrap();
        authority
    }

    /// One of its files: `ca.pem`, and for each it has signed `NAME.pem` and `NAME.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate for a host.
    pub fn sign(&self, name: &str, host: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        // Without a name of its own it would have its authority's, and OpenSSL would take it for self-signed.
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// For a client that trusts it.
    pub fn trusting(&self) -> TlsFiles {
        TlsFiles { ca: Some(self.file("ca.pem")), ..TlsFiles::default() }
    }

    /// For a client that trusts it and has the certificate `console`.
    pub fn as_console(&self) -> TlsFiles {
        TlsFiles { client_cert: Some(self.file("console.pem")), client_key: Some(self.file("console.key")), ..self.trusting() }
    }
}
