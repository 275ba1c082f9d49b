//! Where a node is reached: an internal `host:port`, and the Flight locations that clients dial.
//!
//! Both are checked where they enter the process, so that everything behind can dial them without
//! another look, and both keep host names as written: a name is resolved when it is dialled, and may
//! be another machine tomorrow.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;
use serde::{Deserialize, Serialize};

/// A `host:port` on which a node can be dialled, or to which it binds. The host is a name, an IPv4
/// address, or an IPv6 address (written in brackets).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The host without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 only in an address to bind to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether only this machine can be meant: `localhost` or a loopback IP. Any other name counts
    /// as beyond, whatever it resolves to today.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host == "localhost",
        }
    }

    /// Whether this is `0.0.0.0` or `::`: something to bind to, nothing to dial.
    pub fn is_wildcard(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
    }

    /// Why nobody can dial this address, if so.
    pub(crate) fn undiallable(&self) -> Option<&'static str> {
        if self.is_wildcard() {
            Some("is a wildcard, which nobody can dial; write the host name or IP of the machine")
        } else if self.port == 0 {
            Some("has port 0, which nobody can dial; write the port the node listens on")
        } else {
            None
        }
    }

    /// The address as the URI of a scheme.
    pub(crate) fn uri(&self, scheme: &str) -> Uri {
        Uri::builder()
            .scheme(scheme)
            .authority(self.to_string())
            .path_and_query("/")
            .build()
            .expect("the constructor has checked that this is an authority")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = split(text)?;
        let port = port
            .parse()
            .map_err(|_| format!("\"{port}\" is not a port; write a number from 0 to 65535"))?;
        let address = Self { host: check_host(host)?.to_ascii_lowercase(), port };
        match address.to_string().parse::<Authority>() {
            Ok(_) => Ok(address),
            Err(_) => Err(format!("\"{host}\" is not a host name or IP address")),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(socket: std::net::SocketAddr) -> Self {
        Self { host: socket.ip().to_string(), port: socket.port() }
    }
}

/// Takes `host:port` and `[v6]:port` apart.
fn split(text: &str) -> Result<(&str, &str), String> {
    if text.contains("://") {
        return Err("is a URI; write host:port without a scheme".to_owned());
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once("]:").ok_or_else(|| "write [IPv6 address]:port".to_owned());
    }
    match text.rsplit_once(':') {
        None => Err("has no port; write host:port".to_owned()),
        Some((host, _)) if host.contains(':') => {
            Err("an IPv6 address needs brackets; write [address]:port".to_owned())
        }
        Some(parts) => Ok(parts),
    }
}

fn check_host(host: &str) -> Result<&str, String> {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() {
        Err("has no host; write host:port".to_owned())
    } else if host.parse::<IpAddr>().is_ok() || host.chars().all(name) {
        Ok(host)
    } else {
        Err(format!("\"{host}\" is not a host name or IP address"))
    }
}

/// A Flight location as clients expect it (`grpc+tcp://host:port` or `grpc+tls://host:port`), from
/// such a URI, from `grpc://…`, or from a bare `host:port`, which means plain TCP.
///
/// # Errors
/// A message saying what is wrong and what to write.
pub fn location(text: &str) -> Result<String, String> {
    let (scheme, rest) = match text.split_once("://") {
        None => ("grpc+tcp", text),
        Some(("grpc" | "grpc+tcp", rest)) => ("grpc+tcp", rest),
        Some(("grpc+tls", rest)) => ("grpc+tls", rest),
        Some((other, _)) => {
            return Err(format!(
                "the scheme \"{other}\" is none that Flight clients dial; write grpc+tcp://host:port or grpc+tls://host:port"
            ));
        }
    };
    let address: Address = rest.strip_suffix('/').unwrap_or(rest).parse()?;
    match address.undiallable() {
        Some(reason) => Err(format!("\"{address}\" {reason}")),
        None => Ok(format!("{scheme}://{address}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in ["127.0.0.1:8816", "node-a.local:1", "[::1]:65535", "a_b:0"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_host_name_is_the_same_in_any_case() {
        assert_eq!("Node-A:1".parse::<Address>(), "node-a:1".parse());
    }

    #[test]
    fn a_bad_address_says_what_to_write() {
        let cases = [
            ("", "has no port; write host:port"),
            ("host", "has no port; write host:port"),
            (":1", "has no host; write host:port"),
            ("host:", "\"\" is not a port; write a number from 0 to 65535"),
            ("host:65536", "\"65536\" is not a port; write a number from 0 to 65535"),
            ("::1:80", "an IPv6 address needs brackets; write [address]:port"),
            ("[::1]", "write [IPv6 address]:port"),
            ("http://a:1", "is a URI; write host:port without a scheme"),
            ("a b:1", "\"a b\" is not a host name or IP address"),
            ("[a:b]:1", "\"a:b\" is not a host name or IP address"),
        ];
        for (text, message) in cases {
            assert_eq!(text.parse::<Address>().unwrap_err(), message, "{text:?}");
        }
    }

    #[test]
    fn loopback_is_what_cannot_leave_the_machine() {
        let loopback = |text: &str| text.parse::<Address>().unwrap().is_loopback();
        assert!(
            ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"].map(loopback) == [true; 4]
        );
        assert!(["0.0.0.0:1", "10.0.0.1:1", "host:1", "[::]:1"].map(loopback) == [false; 4]);
    }

    #[test]
    fn locations_get_the_scheme_clients_know() {
        assert_eq!(location("a:1").unwrap(), "grpc+tcp://a:1");
        assert_eq!(location("grpc://a:1/").unwrap(), "grpc+tcp://a:1");
        assert_eq!(location("grpc+tls://[::1]:1").unwrap(), "grpc+tls://[::1]:1");
    }

    #[test]
    fn a_location_nobody_can_dial_is_refused() {
        assert!(location("http://a:1").unwrap_err().contains("write grpc+tcp://host:port"));
        assert!(location("0.0.0.0:1").unwrap_err().contains("wildcard"));
        assert!(location("a:0").unwrap_err().contains("port 0"));
    }

    proptest! {
        #[test]
        fn every_address_that_parses_can_be_dialled(text in "[a-zA-Z0-9._:\\[\\]-]{1,20}:[0-9]{1,5}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.uri("http").port_u16(), Some(address.port()));
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
