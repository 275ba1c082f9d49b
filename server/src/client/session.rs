//! What goes with every call to every node: extra headers, the bearer token and cookies.
//!
//! A server keeps a session's `SET`s under the token its Handshake minted or under a cookie it
//! sets; a client that returns both is in one session whichever the server chose, on every node.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tonic::Request;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};

use super::ClientError;
use super::options::{ClientOptions, Credentials};

#[derive(Default)]
struct State {
    headers: BTreeMap<String, AsciiMetadataValue>,
    cookies: BTreeMap<String, String>,
}

/// The session of one client, shared by its connections.
pub(super) struct Session {
    state: Mutex<State>,
}

impl Session {
    pub(super) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let session = Self { state: Mutex::default() };
        for (name, value) in &options.headers {
            session.set_header(name, value)?;
        }
        if let Credentials::Token(token) = &options.credentials {
            session.set_bearer(token)?;
        }
        Ok(session)
    }

    pub(super) fn set_header(&self, name: &str, value: &str) -> Result<(), ClientError> {
        let name = name.to_ascii_lowercase();
        let refuse =
            |what| ClientError::Usage(format!("{what} of the header {name:?} is not ASCII text"));
        AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|_| refuse("the name"))?;
        let value = value.parse().map_err(|_| refuse("the value"))?;
        self.state.lock().headers.insert(name, value);
        Ok(())
    }

    pub(super) fn set_bearer(&self, token: &str) -> Result<(), ClientError> {
        self.set_header("authorization", &format!("Bearer {token}"))
    }

    /// Whether calls carry a secret, which then must not leave an encrypted connection.
    pub(super) fn has_secret(&self) -> bool {
        self.state.lock().headers.contains_key("authorization")
    }

    /// A request that carries the session.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let state = self.state.lock();
        for (name, value) in &state.headers {
            if let Ok(key) = AsciiMetadataKey::from_bytes(name.as_bytes()) {
                request.metadata_mut().insert(key, value.clone());
            }
        }
        if let Some(cookies) = state.cookie_header() {
            request.metadata_mut().insert("cookie", cookies);
        }
        request
    }

    /// Takes the cookies of an answer, and the new token that a server gives in time for the old one.
    pub(super) fn observe(&self, answer: &MetadataMap) {
        let bearer = answer.get("authorization").and_then(|value| value.to_str().ok());
        if let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) {
            // What the server has sent as a header can be sent as one.
            let _ = self.set_bearer(token);
        }
        for line in answer.get_all("set-cookie") {
            if let Ok(line) = line.to_str() {
                self.state.lock().take_cookie(line);
            }
        }
    }
}

impl State {
    fn cookie_header(&self) -> Option<AsciiMetadataValue> {
        let pairs: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; ").parse().ok()).flatten()
    }

    /// `name=value; attributes`; `Max-Age=0` takes it back. Other attributes are for browsers.
    fn take_cookie(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        if parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0")) {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(&ClientOptions::default()).unwrap()
    }

    fn after(lines: &[&str]) -> Option<String> {
        let session = session();
        for line in lines {
            let mut answer = MetadataMap::new();
            answer.append("set-cookie", line.parse().unwrap());
            session.observe(&answer);
        }
        let request = session.request(());
        request.metadata().get("cookie").map(|c| c.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_are_returned_without_their_attributes() {
        let sent = after(&["b=2; Path=/; HttpOnly", "a=1", "b=3"]);
        assert_eq!(sent.as_deref(), Some("a=1; b=3"));
    }

    #[test]
    fn a_cookie_of_no_age_is_taken_back() {
        assert_eq!(after(&["a=1", "a=; Max-Age=0"]), None);
    }

    #[test]
    fn a_new_token_takes_the_place_of_the_old_one() {
        let session = session();
        session.set_bearer("old").unwrap();
        let mut answer = MetadataMap::new();
        answer.insert("authorization", "Bearer new".parse().unwrap());
        session.observe(&answer);
        let request = session.request(());
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer new");
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused() {
        assert!(matches!(session().set_header("a b", "x"), Err(ClientError::Usage(_))));
        assert!(matches!(session().set_header("a", "x\ny"), Err(ClientError::Usage(_))));
    }
}
