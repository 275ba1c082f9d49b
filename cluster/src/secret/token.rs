//! The token that a call on the internal port carries: `1.<unix seconds>.<nonce>.<hmac>` in the header
//! `squadron-cluster`.
//!
//! It proves that the caller had the secret within the last minutes, whatever the call. It is not
//! bound to a message and could be replayed by somebody who reads the wire within that time: against
//! such a reader TLS is the remedy, not a longer token.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::Mac;
use http::{HeaderValue, Request};
use parking_lot::Mutex;
use tower::{Layer, Service};

use super::{ClusterSecret, keyed};
use crate::error::{Error, Result};

/// The header that carries the token.
pub const HEADER: &str = "squadron-cluster";

/// How far the clocks of two nodes may be apart, and how long a token lives.
const TOLERANCE_SECONDS: u64 = 300;
/// After how long a new token is made.
const REMAKE_AFTER: Duration = Duration::from_secs(30);
/// The form of the token; another one would be another number.
const VERSION: &str = "1";
/// The length of the longest token of this form, with room for seconds to grow.
const LONGEST: usize = 128;

/// Makes and checks call tokens of one cluster. Clones share the token in use.
///
/// As a [`tower::Layer`] it puts the token on every request of the client below.
#[derive(Clone)]
pub struct CallTokens(Arc<Inner>);

struct Inner {
    key: [u8; 32],
    current: Mutex<Option<(SystemTime, HeaderValue)>>,
}

impl CallTokens {
    /// The tokens of the cluster with this secret.
    pub fn new(secret: &ClusterSecret) -> Self {
        Self(Arc::new(Inner { key: secret.derive("call token"), current: Mutex::default() }))
    }

    /// The value of [`HEADER`] for a call made now.
    pub fn current(&self) -> HeaderValue {
        self.at(SystemTime::now())
    }

    /// Checks a value of [`HEADER`], in constant time where it counts.
    ///
    /// # Errors
    /// [`Error::Unproven`] saying what is wrong with it and what to do.
    pub fn check(&self, token: &[u8]) -> Result<()> {
        self.check_at(token, SystemTime::now())
    }

    fn at(&self, now: SystemTime) -> HeaderValue {
        let mut current = self.0.current.lock();
        // A clock that was set back makes `duration_since` fail: then a new token is due as well.
        let fresh =
            |made: &SystemTime| now.duration_since(*made).is_ok_and(|age| age < REMAKE_AFTER);
        match &*current {
            Some((made, token)) if fresh(made) => token.clone(),
            _ => current.insert((now, self.make(seconds(now)))).1.clone(),
        }
    }

    fn make(&self, seconds: u64) -> HeaderValue {
        let signed = format!("{VERSION}.{seconds}.{:032x}", rand::random::<u128>());
        let proof = self.sign(&signed).finalize().into_bytes();
        let mut value = HeaderValue::try_from(format!("{signed}.{proof:x}"))
            .expect("digits and dots are a header value");
        // Kept out of HTTP/2's compression tables and of debug output.
        value.set_sensitive(true);
        value
    }

    fn sign(&self, text: &str) -> super::HmacSha256 {
        let mut mac = keyed(&self.0.key);
        mac.update(text.as_bytes());
        mac
    }

    fn check_at(&self, token: &[u8], now: SystemTime) -> Result<()> {
        let (signed, made, proof) = parse(token).ok_or_else(|| unproven("the token is garbled"))?;
        let proven = self.sign(signed).verify_slice(&proof);
        proven.map_err(|_| unproven("the token was made with another secret"))?;
        let apart = made.abs_diff(seconds(now));
        if apart > TOLERANCE_SECONDS {
            return Err(Error::Unproven(format!(
                "the token of this call is {apart} s away from this node's clock, {TOLERANCE_SECONDS} s are allowed; set the clocks of the nodes by NTP"
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for CallTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallTokens(…)")
    }
}

/// The refusal of a call without a good token.
pub(super) fn unproven(reason: &str) -> Error {
    Error::Unproven(format!(
        "{reason}: this is the cluster's internal port, which takes calls only from nodes with the same cluster secret. \
         Clients connect to the Flight SQL port; a node needs --cluster-secret-file with the same content as this node's"
    ))
}

/// The signed text, its seconds and the proof.
fn parse(token: &[u8]) -> Option<(&str, u64, [u8; 32])> {
    let token = std::str::from_utf8(token).ok().filter(|token| token.len() <= LONGEST)?;
    let (signed, proof) = token.rsplit_once('.')?;
    let mut parts = signed.split('.');
    let (version, seconds) = (parts.next()?, parts.next()?.parse().ok()?);
    (version == VERSION).then_some((signed, seconds, unhex(proof)?))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl<S> Layer<S> for CallTokens {
    type Service = WithToken<S>;

    fn layer(&self, inner: S) -> WithToken<S> {
        WithToken::new(inner, self.clone())
    }
}

/// A client whose every request carries the call token.
#[derive(Debug, Clone)]
pub struct WithToken<S> {
    inner: S,
    tokens: CallTokens,
}

impl<S> WithToken<S> {
    /// Puts `tokens` on every request to `inner`.
    pub fn new(inner: S, tokens: CallTokens) -> Self {
        Self { inner, tokens }
    }
}

impl<S, B> Service<Request<B>> for WithToken<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.headers_mut().insert(HEADER, self.tokens.current());
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn tokens() -> CallTokens {
        CallTokens::new(&ClusterSecret::new("0123456789abcdef").unwrap())
    }

    fn at(seconds: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOON.checked_add_signed(seconds).unwrap())
    }

    fn refusal(token: &[u8], now: SystemTime) -> String {
        tokens().check_at(token, now).unwrap_err().to_string()
    }

    #[test]
    fn a_token_is_good_at_any_node_with_the_secret() {
        let token = tokens().at(at(0));
        assert!(tokens().check_at(token.as_bytes(), at(0)).is_ok());
    }

    #[test]
    fn clocks_may_be_five_minutes_apart_and_no_more() {
        let token = tokens().at(at(0));
        for apart in [-300, 300] {
            assert!(tokens().check_at(token.as_bytes(), at(apart)).is_ok());
        }
        for apart in [-301, 301] {
            let message = refusal(token.as_bytes(), at(apart));
            assert!(message.contains("is 301 s away from this node's clock"), "{message}");
        }
    }

    #[test]
    fn another_secret_makes_another_token() {
        let foreign = CallTokens::new(&ClusterSecret::random()).at(at(0));
        let message = refusal(foreign.as_bytes(), at(0));
        assert!(message.starts_with("the token was made with another secret"), "{message}");
        assert!(message.contains("--cluster-secret-file"), "{message}");
    }

    #[test]
    fn the_time_in_a_token_cannot_be_changed() {
        let token = tokens().at(at(0)).to_str().unwrap().replace("1800000000", "1800000400");
        assert!(refusal(token.as_bytes(), at(400)).contains("another secret"));
    }

    #[test]
    fn garbage_is_refused() {
        let token = tokens().at(at(0));
        let token = token.to_str().unwrap();
        let long = format!("{token}{}", "0".repeat(200));
        for bad in ["", "....", "2.1.x.y", &token[..token.len() - 1], &long, "1.1.ü.ü"] {
            assert!(refusal(bad.as_bytes(), at(0)).contains("garbled"), "{bad:?}");
        }
        assert!(refusal(&[0xff; 100], at(0)).contains("garbled"));
    }

    #[test]
    fn a_token_is_kept_for_half_a_minute() {
        let tokens = tokens();
        let first = tokens.at(at(0));
        assert_eq!(first, tokens.at(at(29)));
        assert_ne!(first, tokens.at(at(30)));
    }

    #[test]
    fn a_clock_set_back_makes_a_new_token() {
        let tokens = tokens();
        let first = tokens.at(at(0));
        assert_ne!(first, tokens.at(at(-1)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_good_by_chance(token in proptest::collection::vec(any::<u8>(), 0..160)) {
            prop_assert!(tokens().check_at(&token, at(0)).is_err());
        }

        #[test]
        fn no_byte_of_a_token_can_be_changed(place in any::<proptest::sample::Index>(), to in any::<u8>()) {
            let token = tokens().at(at(0));
            let mut changed = token.as_bytes().to_vec();
            let place = place.index(changed.len());
            prop_assume!(!changed[place].eq_ignore_ascii_case(&to));
            changed[place] = to;
            prop_assert!(tokens().check_at(&changed, at(0)).is_err());
        }
    }
}
