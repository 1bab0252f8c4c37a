//! An authority and certificates of the lab's own.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::command::run;
use crate::error::{Doing, Result};
use crate::lab::{make_folder, set_mode, write};
use crate::layout::Layout;
use crate::places::Site;

/// How long the certificates are good for: a lab does not live longer.
const DAYS: &str = "30";

/// Makes authority, one certificate per site for its services, and one for the console.
pub(crate) fn create(layout: &Layout) -> Result<()> {
    let folder = layout.tls_dir();
    make_folder(&folder)?;
    let path = |name: &str| folder.join(name).display().to_string();
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let mut authority = vec!["req", "-x509", "-sha256", "-days", DAYS, "-subj", "/CN=Switchback lab authority"];
    authority.extend(curve);
    let (ca_key, ca_crt) = (path("ca.key"), path("ca.crt"));
    authority.extend(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", &ca_key, "-out", &ca_crt]);
    run("openssl", &authority)?;
    for site in Site::BOTH {
        let addresses: Vec<String> = layout.site_addresses(site).iter().map(|address| format!("IP:{address}")).collect();
        issue(layout, &format!("site-{site}"), &format!("subjectAltName={}", addresses.join(",")), "serverAuth,clientAuth")?;
        put_together(layout, site)?;
    }
    // PostgreSQL asks for the name of the role only with clientcert=verify-full; it is right for that as well.
    issue(layout, "console", "subjectAltName=DNS:console.lab.test", "clientAuth")
}

/// Certificate and key in one file, as `HAProxy` wants them.
fn put_together(layout: &Layout, site: Site) -> Result<()> {
    let folder = layout.tls_dir();
    let read =
        |kind: &str| std::fs::read_to_string(folder.join(format!("site-{site}.{kind}"))).doing(|| format!("reading site-{site}.{kind}"));
    let both = folder.join(format!("site-{site}.pem"));
    write(&both, &(read("crt")? + &read("key")?))?;
    set_mode(&both, 0o600)
}

/// Another certificate for a site's services, with the same key: a good one, or one that expired yesterday.
pub(crate) fn renew(layout: &Layout, site: Site, good: bool) -> Result<()> {
    let folder = layout.tls_dir();
    sign(layout, &format!("site-{site}"), if good { DAYS } else { "-1" }, &folder.join("renewed.crt"))?;
    let certificate = folder.join(format!("site-{site}.crt"));
    std::fs::rename(folder.join("renewed.crt"), &certificate).doing(|| format!("replacing {}", certificate.display()))?;
    put_together(layout, site)?;
    crate::process::give_to(layout, site, &folder.join(format!("site-{site}.pem")))
}

fn issue(layout: &Layout, name: &str, alternative: &str, usage: &str) -> Result<()> {
    let folder = layout.tls_dir();
    let path = |name: &str| folder.join(name).display().to_string();
    let subject = format!("/CN={}", if name == "console" { "switchback" } else { name });
    let (key, request, certificate, extensions) =
        (path(&format!("{name}.key")), path(&format!("{name}.csr")), path(&format!("{name}.crt")), path(&format!("{name}.ext")));
    write(Path::new(&extensions), &format!("{alternative}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"))?;
    run(
        "openssl",
        &["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request],
    )?;
    sign(layout, name, DAYS, Path::new(&certificate))?;
    set_mode(Path::new(&key), 0o600)
}

/// Signs a request that is there, for so many days.
fn sign(layout: &Layout, name: &str, days: &str, certificate: &Path) -> Result<()> {
    let path = |name: &str| layout.tls_dir().join(name).display().to_string();
    let (request, extensions) = (path(&format!("{name}.csr")), path(&format!("{name}.ext")));
    let (ca_crt, ca_key, certificate) = (path("ca.crt"), path("ca.key"), certificate.display().to_string());
    let mut arguments = vec!["x509", "-req", "-sha256", "-in", &request, "-CA", &ca_crt, "-CAkey", &ca_key, "-CAcreateserial"];
    arguments.extend(["-days", days, "-extfile", &extensions, "-out", &certificate]);
    run("openssl", &arguments).map(drop)
}

/// The certificate, from the lab's own authority, of somebody else who answers at this address.
pub(crate) fn as_server(layout: &Layout, name: &str, address: std::net::IpAddr) -> Result<rustls::ServerConfig> {
    issue(layout, name, &format!("subjectAltName=IP:{address}"), "serverAuth")?;
    let folder = layout.tls_dir();
    let made = || -> std::io::Result<rustls::ServerConfig> {
        let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}.crt"))).map_err(std::io::Error::other)?;
        let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).map_err(std::io::Error::other)?;
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(std::io::Error::other)?;
        builder.with_no_client_auth().with_single_cert(vec![certificate], key).map_err(std::io::Error::other)
    };
    made().doing(|| format!("the certificate of {name}"))
}

/// A client that trusts the lab's authority and has the console's certificate.
pub(crate) fn as_console(layout: &Layout) -> std::io::Result<rustls::ClientConfig> {
    let file = |name: &str| layout.tls_dir().join(name);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.crt")).map_err(std::io::Error::other)?).map_err(std::io::Error::other)?;
    let certificate = CertificateDer::from_pem_file(file("console.crt")).map_err(std::io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(file("console.key")).map_err(std::io::Error::other)?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(std::io::Error::other)?;
    builder.with_root_certificates(roots).with_client_auth_cert(vec![certificate], key).map_err(std::io::Error::other)
}

/// Gives each site's key to the site's user; PostgreSQL refuses a key that others may read.
pub(crate) fn hand_out(layout: &Layout) -> Result<()> {
    for site in Site::BOTH {
        for kind in ["key", "pem"] {
            crate::process::give_to(layout, site, &layout.tls_dir().join(format!("site-{site}.{kind}")))?;
        }
    }
    Ok(())
}
