//! `[auth]`: who may call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use squadron_cluster::Address;

use super::{ConfigError, file};
use crate::auth::{Anyone, Authenticator, Passwords};

/// `[auth]`: how clients are told apart.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSection {
    /// The file of users and their passwords' hashes. Default: nobody is asked who they are.
    pub users: Option<PathBuf>,
    /// Whether clients may come that do not say who they are. Default: on loopback where there are no users.
    pub allow_anonymous: Option<bool>,
    /// How long a token is good that nobody uses.
    #[serde(with = "file::duration")]
    pub token_lifetime: Duration,
}

impl Default for AuthSection {
    fn default() -> Self {
        let token_lifetime = Duration::from_secs(24 * 3600);
        Self { users: None, allow_anonymous: None, token_lifetime }
    }
}

impl AuthSection {
    /// What depends on where clients come from, and whether they show certificates.
    pub(super) fn check(&self, listen: &Address, certified: bool) -> Result<(), ConfigError> {
        if self.token_lifetime < Duration::from_secs(1) {
            return Err(ConfigError(format!(
                "auth.token_lifetime = {:?}: choose at least 1s",
                self.token_lifetime
            )));
        }
        match (&self.users, self.allow_anonymous) {
            (Some(_), _) | (None, Some(true)) => Ok(()),
            (None, Some(false)) => Err(ConfigError(
                "auth.allow_anonymous = false: nobody could come in without auth.users; set --users".into(),
            )),
            (None, None) if listen.is_loopback() || certified => Ok(()),
            (None, None) => Err(ConfigError(format!(
                "listen = \"{listen}\": whoever reaches this address could query without a password; name a file \
                 of users (--users FILE, a line each by `squadron password NAME`), ask for certificates (--tls-client-ca FILE), or \
                 say that it is meant (--allow-anonymous)"
            ))),
        }
    }

    /// Who tells users apart.
    ///
    /// # Errors
    /// What is wrong with the file of users.
    pub fn authenticator(&self) -> Result<Arc<dyn Authenticator>, ConfigError> {
        let Some(users) = &self.users else { return Ok(Arc::new(Anyone)) };
        let passwords = Passwords::open(users, self.allow_anonymous == Some(true));
        match passwords {
            Ok(passwords) => Ok(Arc::new(passwords)),
            Err(why) => Err(ConfigError(format!("auth.users = \"{}\": {why}", users.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(auth: &AuthSection, listen: &str) -> Result<(), String> {
        auth.check(&listen.parse().unwrap(), false).map_err(|ConfigError(why)| why)
    }

    #[test]
    fn strangers_are_let_in_on_loopback_only() {
        let auth = AuthSection::default();
        check(&auth, "127.0.0.1:1").unwrap();
        check(&auth, "[::1]:1").unwrap();
        for listen in ["0.0.0.0:1", "10.0.0.1:1"] {
            let why = check(&auth, listen).unwrap_err();
            assert!(why.contains("--users") && why.contains("--allow-anonymous"), "{why}");
        }
    }

    #[test]
    fn elsewhere_if_there_are_users_or_it_is_meant() {
        let users = AuthSection { users: Some("users".into()), ..Default::default() };
        let meant = AuthSection { allow_anonymous: Some(true), ..Default::default() };
        for auth in [users, meant] {
            check(&auth, "0.0.0.0:1").unwrap();
        }
    }

    #[test]
    fn who_shows_a_certificate_is_no_stranger() {
        AuthSection::default().check(&"0.0.0.0:1".parse().unwrap(), true).unwrap();
    }

    #[test]
    fn a_gate_that_nobody_passes_is_a_mistake() {
        let auth = AuthSection { allow_anonymous: Some(false), ..Default::default() };
        assert!(check(&auth, "127.0.0.1:1").unwrap_err().contains("auth.users"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let auth = AuthSection { users: Some("/no/such/file".into()), ..Default::default() };
        let ConfigError(why) = auth.authenticator().unwrap_err();
        assert!(why.starts_with("auth.users = \"/no/such/file\": No such file"), "{why}");
    }
}
