//! One call at the gate: its header, its token or its credentials, and who it comes from.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use super::header::{Brought, read};
use super::{Authenticator, Claims, Credentials, Denied, Principal, TOKEN, Tokens, Uses};
use crate::session::home;

/// Who a call comes from.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whom.
    pub principal: Principal,
    /// The session that its token stands for.
    pub session: Option<String>,
    /// A new token for the same session: the one it brought is past a quarter of its time.
    pub fresh: Option<String>,
    /// The node that should hear that the session's token was used.
    pub tell: Option<String>,
}

impl Identity {
    /// Somebody without a token.
    pub fn new(principal: Principal) -> Self {
        Self { principal, session: None, fresh: None, tell: None }
    }
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Entry {
    /// It is let in.
    Known(Identity),
    /// Its token was not used here for long: the node that made it knows whether it was elsewhere.
    Ask(Asking),
}

/// A call whose token another node knows more of.
#[derive(Debug)]
pub struct Asking {
    /// That node.
    pub node: String,
    /// What the token says.
    pub claims: Claims,
    /// Whether it came as one, and not in place of a password.
    as_token: bool,
}

/// Lets calls in.
#[derive(Debug)]
pub struct Gate {
    authenticator: Arc<dyn Authenticator>,
    tokens: Tokens,
    uses: Uses,
    node: String,
    lifetime: Duration,
}

impl Gate {
    /// The gate of the node of this id; the tokens that it makes are good for `lifetime`, and longer while used.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        tokens: Tokens,
        node: &str,
        lifetime: Duration,
    ) -> Self {
        Self { authenticator, tokens, uses: Uses::default(), node: node.to_owned(), lifetime }
    }

    /// Who a call with these headers comes from; `certified` is the name in the certificate of its
    /// connection.
    ///
    /// # Errors
    /// Why it is not let in.
    pub async fn enter(
        &self,
        headers: &HeaderMap,
        certified: Option<&str>,
    ) -> Result<Entry, Denied> {
        self.enter_at(headers, certified, now()).await
    }

    async fn enter_at(
        &self,
        headers: &HeaderMap,
        certified: Option<&str>,
        now: u64,
    ) -> Result<Entry, Denied> {
        let brought = read(headers);
        let unnamed = certified.map_or(Credentials::Nothing, Credentials::Certificate);
        let credentials = match &brought {
            // Where nobody is asked, no header is a wrong one.
            Err(_) if self.authenticator.anybody().is_some() => unnamed,
            Err(denied) => return Err(denied.clone()),
            Ok(Brought::Nothing) => unnamed,
            Ok(Brought::Bearer(token)) => match self.tokens.read(token) {
                Some(claims) => return self.with_token(claims, true, now),
                None => Credentials::Bearer(token),
            },
            Ok(Brought::Basic(user, password)) => {
                let token = password.starts_with(TOKEN).then(|| self.tokens.read(password));
                if let Some(claims) = token.flatten() {
                    may_be_of(&claims, user)?;
                    return self.with_token(claims, false, now);
                }
                Credentials::Password { user, password }
            }
        };
        // There a certificate is the only thing that proves anything.
        let credentials = match (self.authenticator.anybody(), certified) {
            (Some(_), Some(name)) => Credentials::Certificate(name),
            _ => credentials,
        };
        let principal = self.authenticator.authenticate(credentials).await?;
        Ok(Entry::Known(Identity::new(principal)))
    }

    fn with_token(&self, claims: Claims, as_token: bool, now: u64) -> Result<Entry, Denied> {
        let principal = claims.principal();
        self.authenticator.still(&principal)?;
        let expires = claims.made.saturating_add(claims.lifetime);
        if claims.session.is_empty() {
            return match now <= expires {
                true => Ok(Entry::Known(Identity::new(principal))),
                false => Err(Denied::Expired(now - expires)),
            };
        }
        let last = self.uses.last(&claims.session).unwrap_or(claims.made);
        if now <= expires || now.saturating_sub(last) <= claims.lifetime {
            return Ok(Entry::Known(self.admitted(claims, as_token, now)));
        }
        // Where nobody is asked it proves nothing, and names a session all the same.
        if self.authenticator.anybody().is_some() {
            return Ok(Entry::Known(self.admitted(claims, as_token, now)));
        }
        match home(&claims.session).filter(|home| *home != self.node) {
            Some(home) => Ok(Entry::Ask(Asking { node: home.to_owned(), claims, as_token })),
            None => Err(Denied::Idle(claims.lifetime)),
        }
    }

    /// Lets a call in whose token was last used `idle` seconds ago at the node that made it.
    ///
    /// # Errors
    /// [`Denied::Idle`] when that is too long ago, or it knows of no use.
    pub fn admit(&self, asking: Asking, idle: Option<u64>) -> Result<Identity, Denied> {
        let Asking { claims, as_token, .. } = asking;
        match idle.is_some_and(|idle| idle <= claims.lifetime) {
            true => Ok(self.admitted(claims, as_token, now())),
            false => Err(Denied::Idle(claims.lifetime)),
        }
    }

    fn admitted(&self, claims: Claims, as_token: bool, now: u64) -> Identity {
        let tell = self.uses.note(&claims.session, claims.made, claims.lifetime, now);
        let tell = home(&claims.session).filter(|home| tell && *home != self.node);
        let old = now.saturating_sub(claims.made) > claims.lifetime / 4;
        let principal = claims.principal();
        let fresh = (as_token && old).then(|| self.token_at(&principal, &claims.session, now));
        let tell = tell.map(str::to_owned);
        Identity { principal, session: Some(claims.session), fresh, tell }
    }

    /// The token of a principal's session.
    pub fn token(&self, principal: &Principal, session: &str) -> String {
        self.token_at(principal, session, now())
    }

    fn token_at(&self, principal: &Principal, session: &str, now: u64) -> String {
        self.tokens.make(&Claims::new(principal, session, now, self.lifetime.as_secs()))
    }

    /// For how many seconds a session's token has not been used, as far as is known here; a node that says
    /// that it is used there is heard.
    pub fn idle(&self, session: &str, used: bool) -> Option<u64> {
        let now = now();
        if used {
            self.uses.note(session, now, self.lifetime.as_secs(), now);
        }
        self.uses.last(session).map(|last| now.saturating_sub(last))
    }

    /// How users are told apart here, for the log.
    pub fn name(&self) -> &'static str {
        self.authenticator.name()
    }
}

/// A token stands in for the password of the one who has it, and of a user that is none.
fn may_be_of(claims: &Claims, user: &str) -> Result<(), Denied> {
    match user.is_empty() || user == "token" || user == claims.principal {
        true => Ok(()),
        false => Err(Denied::NotTheirs(user.to_owned())),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use http::header::AUTHORIZATION;
    use squadron_cluster::ClusterSecret;

    use super::*;
    use crate::auth::{ANONYMOUS, Anyone, Passwords, hashed};

    const HOUR: u64 = 3600;
    const NOON: u64 = 1_800_000_000;
    const SESSION: &str = "00000000000000000000000000000000.a";

    struct Test {
        gate: Gate,
        _dir: tempfile::TempDir,
    }

    /// The gate of node `node`, with alice, whose password is `a`.
    fn gate(node: &str) -> Test {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        // Of every node the same file, so the same hash.
        static LINE: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| format!("alice:{}", hashed("a").unwrap()));
        std::fs::write(&path, &*LINE).unwrap();
        let passwords = Arc::new(Passwords::open(&path, false).unwrap());
        Test { gate: with(passwords, node), _dir: dir }
    }

    fn with(authenticator: Arc<dyn Authenticator>, node: &str) -> Gate {
        let tokens = Tokens::new(&ClusterSecret::new("0123456789abcdef").unwrap());
        Gate::new(authenticator, tokens, node, Duration::from_secs(HOUR))
    }

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
    }

    async fn enter(gate: &Gate, authorization: &str, now: u64) -> Result<Entry, Denied> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        gate.enter_at(&headers, None, now).await
    }

    async fn identity(gate: &Gate, authorization: &str, now: u64) -> Result<Identity, Denied> {
        match enter(gate, authorization, now).await? {
            Entry::Known(identity) => Ok(identity),
            Entry::Ask(asking) => panic!("{} is to be asked", asking.node),
        }
    }

    /// A token of alice's session, made at noon at the node `a`.
    async fn token(gate: &Gate) -> String {
        let alice = identity(gate, &basic("alice", "a"), NOON).await.unwrap().principal;
        gate.token_at(&alice, SESSION, NOON)
    }

    #[tokio::test]
    async fn a_token_is_good_at_every_node() {
        let (a, b) = (gate("a"), gate("b"));
        let token = token(&a.gate).await;
        let known = identity(&b.gate, &format!("Bearer {token}"), NOON + 1).await.unwrap();
        assert_eq!((&*known.principal.name, known.session.as_deref()), ("alice", Some(SESSION)));
    }

    #[tokio::test]
    async fn a_token_stands_in_for_the_password_of_its_user() {
        let a = gate("a");
        let token = token(&a.gate).await;
        for user in ["", "token", "alice"] {
            let known = identity(&a.gate, &basic(user, &token), NOON).await.unwrap();
            assert_eq!(&*known.principal.name, "alice");
        }
        let denied = identity(&a.gate, &basic("bob", &token), NOON).await.unwrap_err();
        assert_eq!(denied, Denied::NotTheirs("bob".into()));
    }

    #[tokio::test]
    async fn a_token_that_nobody_uses_ends() {
        let a = gate("a");
        let token = format!("Bearer {}", token(&a.gate).await);
        identity(&a.gate, &token, NOON + HOUR).await.unwrap();
        let denied = identity(&a.gate, &token, NOON + 2 * HOUR + 1).await.unwrap_err();
        assert_eq!(denied, Denied::Idle(HOUR));
        assert!(denied.to_string().contains("1h"), "{denied}");
    }

    #[tokio::test]
    async fn a_token_in_use_stays_good_and_another_is_given() {
        let a = gate("a");
        let token = format!("Bearer {}", token(&a.gate).await);
        for half in 1..10 {
            let known = identity(&a.gate, &token, NOON + half * HOUR / 2).await.unwrap();
            let fresh = format!("Bearer {}", known.fresh.unwrap());
            let later = NOON + half * HOUR / 2 + HOUR / 8;
            let known = identity(&a.gate, &fresh, later).await.unwrap();
            assert_eq!((known.session.as_deref(), known.fresh), (Some(SESSION), None));
        }
    }

    #[tokio::test]
    async fn the_node_that_made_a_token_is_asked_whether_it_was_used_elsewhere() {
        let (a, b) = (gate("a"), gate("b"));
        let token = format!("Bearer {}", token(&a.gate).await);
        let asked = enter(&b.gate, &token, NOON + HOUR + 1).await.unwrap();
        let Entry::Ask(asking) = asked else { panic!("{asked:?}") };
        assert_eq!(asking.node, "a");
        assert_eq!(b.gate.admit(asking, Some(HOUR + 1)).unwrap_err(), Denied::Idle(HOUR));
        let Entry::Ask(asking) = enter(&b.gate, &token, NOON + HOUR + 1).await.unwrap() else {
            panic!("it is not asked again");
        };
        b.gate.admit(asking, Some(5)).unwrap();
    }

    #[tokio::test]
    async fn the_node_that_made_a_token_hears_of_its_use() {
        let b = gate("b");
        let token = format!("Bearer {}", token(&b.gate).await);
        let tell = |now| identity(&b.gate, &token, now);
        assert_eq!(tell(NOON + 60).await.unwrap().tell, None);
        assert_eq!(tell(NOON + HOUR / 2).await.unwrap().tell.as_deref(), Some("a"));
        assert_eq!(tell(NOON + HOUR / 2 + 60).await.unwrap().tell, None);
    }

    #[tokio::test]
    async fn what_no_node_has_given_is_refused() {
        let a = gate("a");
        let token = token(&a.gate).await;
        let other = &token[..token.len() - 1];
        assert_eq!(
            identity(&a.gate, &format!("Bearer {other}"), NOON).await.unwrap_err(),
            Denied::Foreign
        );
        assert_eq!(identity(&a.gate, &basic("", other), NOON).await.unwrap_err(), Denied::Wrong);
        assert_eq!(identity(&a.gate, "Bearer None", NOON).await.unwrap_err(), Denied::Missing);
    }

    #[tokio::test]
    async fn a_token_without_a_session_ends_when_it_says() {
        let a = gate("a");
        let alice = Principal::named("alice");
        let token = a.gate.tokens.make(&Claims::new(&alice, "", NOON, HOUR));
        let token = format!("Bearer {token}");
        identity(&a.gate, &token, NOON + HOUR).await.unwrap();
        assert_eq!(
            identity(&a.gate, &token, NOON + HOUR + 7).await.unwrap_err(),
            Denied::Expired(7)
        );
    }

    #[tokio::test]
    async fn where_nobody_is_asked_a_certificate_tells_who_it_is() {
        let gate = with(Arc::new(Anyone), "a");
        for brought in ["Bearer None", "Basic YWw6cHc", "Digest x"] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, brought.parse().unwrap());
            let entered = gate.enter_at(&headers, Some("alice"), NOON).await.unwrap();
            let Entry::Known(known) = entered else { panic!("it is known") };
            assert_eq!(&*known.principal.name, "alice");
        }
    }

    #[tokio::test]
    async fn where_nobody_is_asked_anything_goes() {
        let gate = with(Arc::new(Anyone), "a");
        for brought in ["Bearer None", "Bearer x.y.z", "Basic YWw6cHc", "Digest x", "Basic ???"] {
            let known = identity(&gate, brought, NOON).await.unwrap();
            assert_eq!((&*known.principal.name, known.session), (ANONYMOUS, None), "{brought}");
        }
        let token = gate.token_at(&Principal::named(ANONYMOUS), SESSION, NOON);
        let known = identity(&gate, &format!("Bearer {token}"), NOON + 9 * HOUR).await.unwrap();
        assert_eq!(known.session.as_deref(), Some(SESSION), "it is told of a session that is lost");
    }
}
