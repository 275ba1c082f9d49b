//! Addresses as clients of Flight SQL write them, and as servers write them in locations.

use std::fmt;

use url::Url;

use super::ClientError;

/// The port of `squadron serve`, where the URI names none.
const DEFAULT_PORT: u16 = 8815;

const FORMS: &str = "write grpc://HOST:PORT, grpc+tls://HOST:PORT, \
                     flightsql://HOST:PORT?transport=tcp or HOST:PORT";

/// One node to dial: host, port and whether TLS is spoken there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    tls: bool,
    /// As in a URI: an IPv6 address is in brackets.
    host: String,
    port: u16,
}

impl Target {
    /// Reads a URI. `grpc`, `grpc+tcp`, `flightsql` with `?transport=tcp` and a bare `host:port`
    /// are plaintext; `grpc+tls` and `flightsql` are TLS.
    ///
    /// Errors: [`ClientError::Usage`] with the reason and the forms that are understood.
    pub fn parse(uri: &str) -> Result<Self, ClientError> {
        let bare = !uri.contains("://");
        let text = if bare { format!("grpc://{uri}") } else { uri.to_owned() };
        let url = Url::parse(&text).map_err(|e| refuse(uri, &e.to_string()))?;
        let host = url.host_str().filter(|h| !h.is_empty());
        let host = host.ok_or_else(|| refuse(uri, "it names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            let shown = format!("{}://…@{host}", url.scheme());
            return Err(refuse(&shown, "credentials do not belong in a URI, use --user"));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(refuse(uri, "it has a path"));
        }
        let tls = tls_of(&url).map_err(|reason| refuse(uri, &reason))?;
        Ok(Self { tls, host: host.to_owned(), port: url.port().unwrap_or(DEFAULT_PORT) })
    }

    /// Whether TLS is spoken there.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The form that HTTP libraries take.
    pub(super) fn http(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "grpc+tls" } else { "grpc+tcp" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

fn tls_of(url: &Url) -> Result<bool, String> {
    let mut tls = match url.scheme() {
        "grpc" | "grpc+tcp" => false,
        "grpc+tls" | "flightsql" => true,
        other => return Err(format!("nothing here speaks {other}://")),
    };
    for (key, value) in url.query_pairs() {
        tls = match (key.as_ref(), value.as_ref(), url.scheme()) {
            ("transport", "tcp", "flightsql") => false,
            ("transport", "tls", "flightsql") => true,
            _ => return Err(format!("it has an unknown parameter {key}={value}")),
        };
    }
    Ok(tls)
}

fn refuse(uri: &str, reason: &str) -> ClientError {
    ClientError::Usage(format!("cannot use the URI {uri:?}: {reason}; {FORMS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(uri: &str) -> String {
        Target::parse(uri).map_or_else(|e| e.to_string(), |t| t.to_string())
    }

    #[test]
    fn plaintext_forms_name_the_same_target() {
        for uri in ["grpc://h:1", "grpc+tcp://h:1/", "flightsql://h:1?transport=tcp", "h:1"] {
            assert_eq!(shown(uri), "grpc+tcp://h:1", "{uri}");
        }
    }

    #[test]
    fn tls_forms_name_the_same_target() {
        for uri in ["grpc+tls://h:1", "flightsql://h:1", "flightsql://h:1?transport=tls"] {
            assert_eq!(shown(uri), "grpc+tls://h:1", "{uri}");
        }
    }

    #[test]
    fn a_missing_port_is_the_default_one() {
        assert_eq!(shown("grpc://h"), "grpc+tcp://h:8815");
    }

    #[test]
    fn ipv6_keeps_its_brackets() {
        assert_eq!(Target::parse("grpc://[::1]:7").unwrap().http(), "http://[::1]:7");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_a_reason() {
        for (uri, reason) in [
            ("http://h:1", "nothing here speaks http://"),
            ("grpc+unix:///tmp/s", "it names no host"),
            ("grpc://h:1/db", "it has a path"),
            ("grpc://h:1?transport=tcp", "unknown parameter transport=tcp"),
            ("grpc://h:99999", "invalid port number"),
            ("", "it names no host"),
        ] {
            assert!(shown(uri).contains(reason), "{uri}: {}", shown(uri));
        }
    }

    #[test]
    fn a_refused_password_is_not_repeated() {
        let told = shown("grpc://me:hunter2@h:1");
        assert!(told.contains("credentials") && !told.contains("hunter2"), "{told}");
    }
}
