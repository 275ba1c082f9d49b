//! TLS on a port: certificates from PEM files, read again when they change.
//!
//! rustls with ring, named here rather than taken from the process: a library that brings another provider
//! would leave it without a default one.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::watched::Watched;

/// gRPC's protocol (RFC 7301): drivers refuse a server that does not choose it.
const ALPN: &[u8] = b"h2";

/// The files of a port's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Authorities whose certificates clients must have, in PEM; without them clients need none.
    pub client_ca: Option<PathBuf>,
}

/// A port's TLS, as its files say.
#[derive(Debug)]
pub struct ServerTls(Watched<Arc<ServerConfig>>);

impl ServerTls {
    /// What these files say.
    ///
    /// # Errors
    /// What is wrong with which of them.
    pub fn open(files: &TlsFiles) -> Result<Self, String> {
        let mut paths = vec![files.certificate.clone(), files.key.clone()];
        paths.extend(files.client_ca.clone());
        let files = files.clone();
        Watched::open("certificates", paths, move || config(&files).map(Arc::new)).map(Self)
    }

    /// For a handshake that begins now.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current())
    }
}

/// Has libraries take the provider that is taken here, where they do not name one: two are linked (the crate deltalake
/// brings the other), and rustls would not choose between them.
pub fn choose_provider() {
    // A second time it is chosen already, and by whoever did so first.
    let _ = default_provider().install_default();
}

fn config(files: &TlsFiles) -> Result<ServerConfig, String> {
    let chain = certificates(&files.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        Some(ca) => builder.with_client_cert_verifier(verifier(ca)?),
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|error| {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        format!("the certificate {certificate} and the key {key} are of no use together: {error}")
    })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn verifier(ca: &Path) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| wrong(ca, &error))?;
    }
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map(|verifier| verifier as _).map_err(|error| wrong(ca, &error))
}

/// The certificates of a PEM file: one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = File::open(path).map_err(|error| wrong(path, &error))?;
    let all = CertificateDer::pem_reader_iter(BufReader::new(file));
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| wrong(path, &error))?;
    match all.is_empty() {
        true => Err(wrong(path, &"there is no certificate in it (PEM)")),
        false => Ok(all),
    }
}

fn wrong(path: &Path, why: &impl std::fmt::Display) -> String {
    format!("{}: {why}", path.display())
}

/// Whom a certificate is of: its common name, or its first name of a host, a mailbox or a service.
pub fn name_of(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut common = certificate.subject().iter_common_name();
    if let Some(name) = common.next().and_then(|name| name.as_str().ok()) {
        return Some(name.to_owned());
    }
    let others = certificate.subject_alternative_name().ok()??;
    others.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            Some((*name).to_owned())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    /// A certificate that vouches for itself, and its key.
    fn signed(name: Option<&str>, others: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let others: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(others).unwrap();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap(), key)
    }

    fn files(dir: &Path) -> TlsFiles {
        TlsFiles { certificate: dir.join("cert"), key: dir.join("key"), client_ca: None }
    }

    fn write(files: &TlsFiles, (certificate, key): &(rcgen::Certificate, KeyPair)) {
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    fn names(tls: &ServerTls) -> *const ServerConfig {
        Arc::as_ptr(&tls.current())
    }

    #[test]
    fn a_certificate_says_whom_it_is_of() {
        let name = |name, others: &[&str]| name_of(signed(name, others).0.der());
        assert_eq!(name(Some("älice"), &["host"]).as_deref(), Some("älice"));
        assert_eq!(name(None, &["host.example"]).as_deref(), Some("host.example"));
        assert_eq!(name(None, &[]), None);
        assert_eq!(name_of(b"nonsense"), None);
    }

    #[test]
    fn certificates_are_changed_while_a_port_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        write(&files, &signed(Some("one"), &["localhost"]));
        let tls = ServerTls::open(&files).unwrap();
        let before = names(&tls);
        let other = signed(Some("other"), &["localhost"]);
        // Half a change is none: the key is still that of the first.
        fs::write(&files.certificate, other.0.pem()).unwrap();
        tls.0.forget_when_looked();
        assert_eq!(names(&tls), before);
        write(&files, &other);
        tls.0.forget_when_looked();
        assert_ne!(names(&tls), before);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = files(dir.path());
        let told = |files: &TlsFiles| ServerTls::open(files).unwrap_err();
        assert!(told(&files).contains("cert: No such file"), "{}", told(&files));
        fs::write(&files.certificate, "nonsense").unwrap();
        assert!(told(&files).contains("no certificate"), "{}", told(&files));
        write(&files, &signed(Some("one"), &[]));
        fs::write(&files.key, "nonsense").unwrap();
        assert!(told(&files).contains("key: "), "{}", told(&files));
        fs::write(&files.key, signed(None, &[]).1.serialize_pem()).unwrap();
        assert!(told(&files).contains("of no use together"), "{}", told(&files));
        write(&files, &signed(Some("one"), &[]));
        files.client_ca = Some(dir.path().join("ca"));
        assert!(told(&files).contains("ca: No such file"), "{}", told(&files));
    }
}
