//! Certificates of tests: of an authority that only they know.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use squadron_server::config::TlsFiles;

use crate::Result;

/// A certificate and its key, in PEM.
pub type Identity = (Vec<u8>, Vec<u8>);

/// Who vouches for certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Errors
    /// When there is no key to be had.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// What trusts it: its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate of this name, for whoever is reached at this host.
    ///
    /// # Errors
    /// When there is no key to be had.
    pub fn issue(&self, name: &str, host: &str) -> Result<Identity> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem().into_bytes(), key.serialize_pem().into_bytes()))
    }

    /// Writes a certificate of a server at this host into these files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, files: &TlsFiles, host: &str) -> Result<()> {
        let (certificate, key) = self.issue("server", host)?;
        fs::write(&files.certificate, certificate)?;
        Ok(fs::write(&files.key, key)?)
    }
}

/// Where a server's files are in a folder.
pub fn files_in(folder: &Path) -> TlsFiles {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    TlsFiles { certificate, key, client_ca: None }
}
