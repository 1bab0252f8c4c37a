//! TLS as a client: whom we trust and who we are.

use crate::target::{SetUpError, TlsFiles};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use std::{path::Path, sync::Arc};

const CA: &str = "ca_file";
const CLIENT_CERT: &str = "client_cert_file";
const CLIENT_KEY: &str = "client_key_file";

/// Settings for connections that are encrypted.
pub(crate) fn client_config(files: &TlsFiles) -> Result<ClientConfig, SetUpError> {
    let builder = builder()?;
    let trusting = match &files.ca {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None => builder.with_platform_verifier().map_err(|error| tls_error(&error))?,
    };
    match identity(files)? {
        Some((chain, key)) => trusting.with_client_auth_cert(chain, key).map_err(|error| tls_error(&error)),
        None => Ok(trusting.with_no_client_auth()),
    }
}

/// The same, for servers whose certificates are for other names than the ones that they are reached by. The authority is verified all the
/// same, and has to be named.
pub(crate) fn client_config_for_any_name(files: &TlsFiles) -> Result<ClientConfig, SetUpError> {
    let Some(path) = &files.ca else { return Err(SetUpError::NoAuthority) };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities(path)?), provider());
    let verifier = verifier.build().map_err(|error| SetUpError::Tls { cause: error.to_string() })?;
    let trusting = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(verifier)));
    match identity(files)? {
        Some((chain, key)) => trusting.with_client_auth_cert(chain, key).map_err(|error| tls_error(&error)),
        None => Ok(trusting.with_no_client_auth()),
    }
}

/// Verifies everything but the name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(certificate, chain, name, ocsp, now) {
            // The name is looked at last, after the chain.
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Settings for clients that never encrypt: they trust nobody, and making them reads no file.
pub(crate) fn no_tls_config() -> Result<ClientConfig, SetUpError> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The provider is named here, so that nothing depends on what the process has installed.
fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, SetUpError> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(|error| tls_error(&error))
}

fn tls_error(error: &rustls::Error) -> SetUpError {
    SetUpError::Tls { cause: error.to_string() }
}

fn authorities(path: &Path) -> Result<RootCertStore, SetUpError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(CA, path)? {
        store.add(certificate).map_err(|error| SetUpError::Content { what: CA, path: path.to_owned(), cause: error.to_string() })?;
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(files: &TlsFiles) -> Result<Option<Identity>, SetUpError> {
    match (&files.client_cert, &files.client_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some((certificates(CLIENT_CERT, cert)?, private_key(key)?))),
        (Some(_), None) | (None, Some(_)) => Err(SetUpError::HalfIdentity),
    }
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SetUpError> {
    let text = read(what, path)?;
    let bad = |cause: String| SetUpError::Content { what, path: path.to_owned(), cause };
    let all: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    if all.is_empty() { Err(bad("there is no PEM certificate in it".to_owned())) } else { Ok(all) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, SetUpError> {
    let text = read(CLIENT_KEY, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| SetUpError::Content {
        what: CLIENT_KEY,
        path: path.to_owned(),
        cause: match error {
            rustls::pki_types::pem::Error::NoItemsFound => "there is no PEM key in it".to_owned(),
            other => other.to_string(),
        },
    })
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, SetUpError> {
    std::fs::read(path).map_err(|cause| SetUpError::File { what, path: path.to_owned(), cause })
}
