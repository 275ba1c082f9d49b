//! Tokens: who somebody is, signed with the cluster secret, so that every node knows them.
//!
//! `squadron.<payload>.<signature>`, both in base64 for URLs: the payload is the protobuf [`Claims`], the
//! signature HMAC-SHA256 under a key of its own. Nothing in it is secret, and nothing can be changed.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use prost::Message;
use sha2::Sha256;
use squadron_cluster::ClusterSecret;

use super::Principal;

/// What every token begins with: where a password does, it is a token.
pub const TOKEN: &str = "squadron.";

/// The longest token that is read: the longest name, session and node are well below.
const LONGEST: usize = 4096;

/// What a token says.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Claims {
    /// The principal's name.
    #[prost(string, tag = "1")]
    pub principal: String,
    /// What it is bound to besides: see [`Principal::stamp`].
    #[prost(bytes = "vec", tag = "2")]
    pub stamp: Vec<u8>,
    /// The session that it stands for; empty for a token that stands for none.
    #[prost(string, tag = "3")]
    pub session: String,
    /// When it was made, in seconds since 1970.
    #[prost(uint64, tag = "4")]
    pub made: u64,
    /// For how many seconds it is good: from when it was made, or last used if it has a session.
    #[prost(uint64, tag = "5")]
    pub lifetime: u64,
}

impl Claims {
    /// Those of a principal, made now.
    pub fn new(principal: &Principal, session: &str, made: u64, lifetime: u64) -> Self {
        let (principal, stamp) = (principal.name.to_string(), principal.stamp.clone());
        Self { principal, stamp, session: session.to_owned(), made, lifetime }
    }

    /// Whom it was given to.
    pub fn principal(&self) -> Principal {
        Principal { name: self.principal.as_str().into(), stamp: self.stamp.clone() }
    }
}

/// Makes and reads the tokens of a cluster.
#[derive(Clone)]
pub struct Tokens {
    key: [u8; 32],
}

/// The key is not for logs.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// The tokens of the cluster with this secret.
    pub fn new(secret: &ClusterSecret) -> Self {
        Self { key: secret.derive("client token") }
    }

    /// The token that says this.
    pub fn make(&self, claims: &Claims) -> String {
        let payload = claims.encode_to_vec();
        let signature = self.mac(&payload).finalize().into_bytes();
        format!("{TOKEN}{}.{}", BASE64.encode(&payload), BASE64.encode(signature))
    }

    /// What a token says; nothing where it is none of this cluster.
    pub fn read(&self, token: &str) -> Option<Claims> {
        let token = token.strip_prefix(TOKEN).filter(|token| token.len() <= LONGEST)?;
        let (payload, signature) = token.split_once('.')?;
        let (payload, signature) = (BASE64.decode(payload).ok()?, BASE64.decode(signature).ok()?);
        self.mac(&payload).verify_slice(&signature).ok()?;
        Claims::decode(payload.as_slice()).ok()
    }

    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(&ClusterSecret::new("0123456789abcdef").unwrap())
    }

    fn claims() -> Claims {
        let principal = Principal { name: "älice".into(), stamp: vec![1, 2] };
        Claims::new(&principal, "s.a", 1_800_000_000, 3600)
    }

    #[test]
    fn a_token_is_read_at_any_node_with_the_secret() {
        let token = tokens().make(&claims());
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
        assert_eq!(tokens().read(&token), Some(claims()));
        assert_eq!(Tokens::new(&ClusterSecret::random()).read(&token), None);
    }

    #[test]
    fn what_is_no_token_is_none() {
        for text in ["", "squadron.", "squadron.a.b", "None", "header.payload.signature"] {
            assert_eq!(tokens().read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_letter_of_a_token_can_be_changed(place in any::<proptest::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let token = tokens().make(&claims());
            let place = place.index(token.len());
            prop_assume!(token[place..=place] != to);
            let changed = format!("{}{to}{}", &token[..place], &token[place + 1..]);
            prop_assert_eq!(tokens().read(&changed), None);
        }
    }
}
