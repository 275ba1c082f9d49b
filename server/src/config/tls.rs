//! `[tls]`: what clients' connections are made of.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use squadron_cluster::tls::{ServerTls, TlsFiles};

use super::ConfigError;

/// `[tls]`: the certificates of the port for clients, in PEM files that may change at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSection {
    /// The node's certificate, with those between it and its authority. Default: no TLS.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Authorities one of which must vouch for a client's certificate. Default: clients need none.
    pub client_ca: Option<PathBuf>,
}

impl TlsSection {
    /// Whether clients speak TLS.
    pub fn is_on(&self) -> bool {
        self.certificate.is_some()
    }

    /// What no single key can know; `locations` are those of the cluster's nodes, with their keys.
    pub(super) fn check<'l>(
        &self,
        mut locations: impl Iterator<Item = (&'static str, &'l str)>,
    ) -> Result<(), ConfigError> {
        match (&self.certificate, &self.key, &self.client_ca) {
            (Some(_), Some(_), _) => {
                let plain = locations.find(|(_, location)| !location.starts_with("grpc+tls://"));
                plain.map_or(Ok(()), |(key, location)| Err(downgraded(key, location)))
            }
            (None, None, None) => Ok(()),
            (Some(_), None, _) => Err(ConfigError("tls.certificate without tls.key: set both".into())),
            (None, Some(_), _) => Err(ConfigError("tls.key without tls.certificate: set both".into())),
            (None, None, Some(_)) => Err(ConfigError(
                "tls.client_ca without tls.certificate and tls.key: clients show certificates over TLS only".into(),
            )),
        }
    }

    /// What the files say, if there is TLS.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn server(&self) -> Result<Option<Arc<ServerTls>>, ConfigError> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else {
            return Ok(None);
        };
        let files = TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: self.client_ca.clone(),
        };
        let tls = ServerTls::open(&files).map_err(|why| ConfigError(format!("tls: {why}")))?;
        Ok(Some(Arc::new(tls)))
    }
}

/// Drivers send their token to every location in the way that it says.
fn downgraded(key: &str, location: &str) -> ConfigError {
    ConfigError(format!(
        "{key} \"{location}\": clients of this node speak TLS, and would send their passwords in clear there; write grpc+tls://"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(certificate: bool, key: bool, ca: bool, advertise: &str) -> Option<String> {
        let path = |there: bool| there.then(|| PathBuf::from("file"));
        let tls =
            TlsSection { certificate: path(certificate), key: path(key), client_ca: path(ca) };
        tls.check([("cluster.advertise", advertise)].into_iter()).err().map(|ConfigError(why)| why)
    }

    #[test]
    fn a_certificate_and_its_key_go_together() {
        let (tcp, secure) = ("grpc+tcp://h:1", "grpc+tls://h:1");
        assert_eq!(told(false, false, false, tcp), None);
        assert_eq!(told(true, true, true, secure), None);
        assert!(told(true, false, false, secure).unwrap().contains("tls.key"));
        assert!(told(false, true, false, secure).unwrap().contains("tls.certificate"));
        assert!(told(false, false, true, secure).unwrap().contains("tls.client_ca"));
    }

    #[test]
    fn nobody_is_sent_from_tls_to_a_plain_port() {
        for location in ["grpc+tcp://h:1", "h:1"] {
            let told = told(true, true, false, location).unwrap();
            assert!(told.contains("cluster.advertise") && told.contains("grpc+tls"), "{told}");
        }
    }

    #[test]
    fn a_proxy_may_speak_tls_in_place_of_the_node() {
        assert_eq!(told(false, false, false, "grpc+tls://h:1"), None);
    }
}
