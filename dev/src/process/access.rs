//! Who may call nodes that are processes, and how: their users and certificates, and what a client needs for either.

use std::fs;
use std::path::{Path, PathBuf};

use squadron_server::client::{ClientOptions, Credentials, TransportOptions};

use super::ProcessOptions;
use super::addresses::Addresses;
use crate::Result;
use crate::authority::{Authority, files_in};
use crate::cluster::write_users;

/// The same for all nodes of a cluster.
#[derive(Default)]
pub(super) struct Access {
    /// For `squadron serve`.
    pub(super) arguments: Vec<String>,
    /// Of a client that is let in: the first user, where there are any.
    pub(super) client: ClientOptions,
    /// The file of the authority to trust, where there is TLS.
    pub(super) authority: Option<PathBuf>,
}

impl Access {
    /// What `options` want, for nodes at these addresses, which are of one host.
    pub(super) fn prepare(
        options: &ProcessOptions,
        folder: &Path,
        addresses: &[Addresses],
    ) -> Result<Self> {
        let mut access = Self::default();
        if !options.users.is_empty() {
            access.let_in(&options.users, folder)?;
        }
        if let (true, [node, ..]) = (options.tls, addresses) {
            let (host, _) = node.flight.rsplit_once(':').ok_or("an address without a port")?;
            access.certify(host, folder)?;
        }
        Ok(access)
    }

    /// `grpc+tcp` or `grpc+tls`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.authority.is_some() { "grpc+tls" } else { "grpc+tcp" }
    }

    fn let_in(&mut self, users: &[(String, String)], folder: &Path) -> Result<()> {
        let users: Vec<_> =
            users.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
        let file = folder.join("users");
        write_users(&file, &users)?;
        self.argue("--users", &file);
        let (user, password) = (users[0].0.to_owned(), users[0].1.to_owned());
        self.client.credentials = Credentials::Password { user, password };
        Ok(())
    }

    fn certify(&mut self, host: &str, folder: &Path) -> Result<()> {
        let (authority, files) = (Authority::new()?, files_in(folder));
        authority.write(&files, host)?;
        self.argue("--tls-certificate", &files.certificate);
        self.argue("--tls-key", &files.key);
        let file = folder.join("authority.pem");
        fs::write(&file, authority.pem())?;
        self.authority = Some(file);
        let tls_ca = Some(authority.pem().into());
        self.client.transport = TransportOptions { tls_ca, ..Default::default() };
        Ok(())
    }

    fn argue(&mut self, name: &str, file: &Path) {
        self.arguments.extend([name.to_owned(), file.display().to_string()]);
    }
}
