//! Nobody is asked who they are: what a node on loopback does, where only its own machine calls, and one that
//! takes clients with certificates only: whoever has shown one is the one it names.

use async_trait::async_trait;

use super::{Authenticator, Credentials, Denied, Principal};

/// The one principal where nobody is asked, and of those who say nothing where that is allowed.
pub const ANONYMOUS: &str = "anonymous";

/// Takes all for the same one, whatever they bring: drivers that insist on a user, and `Bearer None` of
/// flightsql-dbapi, just work.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

#[async_trait]
impl Authenticator for Anyone {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, Denied> {
        Ok(Principal::named(match credentials {
            Credentials::Certificate(name) => name,
            _ => ANONYMOUS,
        }))
    }

    fn still(&self, _: &Principal) -> Result<(), Denied> {
        Ok(())
    }

    fn anybody(&self) -> Option<Principal> {
        Some(Principal::named(ANONYMOUS))
    }

    fn name(&self) -> &'static str {
        "anonymous"
    }
}
