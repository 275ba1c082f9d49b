//! The list of static peers, `internal,advertised;internal,advertised`, as a user writes it.
//!
//! Every node may be given the identical list, itself included. A mistake in it is told with the
//! entry, what is wrong with it and what to write, because the list is typed by hand on every machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{Address, location};
use crate::error::Error;

/// What a good entry looks like, at the end of every complaint about a bad one.
const SHAPE: &str =
    "write internal,advertised (for example 10.0.0.2:8816,10.0.0.2:8815) and put ; between entries";

/// One static peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where other nodes dial it.
    pub internal: Address,
    /// Where clients dial it, as a Flight location; what the peer says of itself goes before this.
    pub advertised: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.internal, self.advertised)
    }
}

/// The static peers, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peers(Vec<Peer>);

impl Peers {
    /// The peers in the order written.
    pub fn all(&self) -> &[Peer] {
        &self.0
    }

    /// The peers without the node whose internal address this is.
    pub fn except(&self, internal: &Address) -> impl Iterator<Item = &Peer> {
        self.0.iter().filter(move |peer| peer.internal != *internal)
    }
}

impl FromStr for Peers {
    type Err = Error;

    /// Reads `internal,advertised;internal,advertised`. Nothing at all is no peers; a `;` at the end
    /// is allowed.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text);
        let mut peers = Vec::new();
        if !text.is_empty() {
            for (i, entry) in text.split(';').enumerate() {
                let read = entry.trim().parse().and_then(|peer| unlike(&peers, peer));
                peers.push(read.map_err(|reason| complaint(i + 1, entry, &reason))?);
            }
        }
        Ok(Self(peers))
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(entry: &str) -> Result<Self, String> {
        let parts: Vec<_> = entry.split(',').map(str::trim).collect();
        match parts[..] {
            [""] => Err(format!("is empty; {SHAPE}")),
            [_] => Err(format!("has no advertised address; {SHAPE}")),
            [internal, advertised] => Ok(Self {
                internal: dialled(internal)?,
                advertised: location(advertised).map_err(|why| {
                    format!("advertised address \"{advertised}\": {why}; {SHAPE}")
                })?,
            }),
            _ => Err(format!("has {} addresses instead of two; {SHAPE}", parts.len())),
        }
    }
}

fn dialled(text: &str) -> Result<Address, String> {
    let told = |why: &str| format!("internal address \"{text}\": {why}; {SHAPE}");
    let address: Address = text.parse().map_err(|why: String| told(&why))?;
    match address.undiallable() {
        Some(why) => Err(told(why)),
        None => Ok(address),
    }
}

/// Gives the peer back if none of `earlier` has one of its addresses.
fn unlike(earlier: &[Peer], peer: Peer) -> Result<Peer, String> {
    let twice = |kind: &str, address: &str, i: usize| {
        Err(format!(
            "{kind} address {address} stands in entry {} already; give every node its own",
            i + 1
        ))
    };
    if let Some(i) = earlier.iter().position(|p| p.internal == peer.internal) {
        return twice("internal", &peer.internal.to_string(), i);
    }
    if let Some(i) = earlier.iter().position(|p| p.advertised == peer.advertised) {
        return twice("advertised", &peer.advertised, i);
    }
    Ok(peer)
}

fn complaint(number: usize, entry: &str, reason: &str) -> Error {
    Error::setting("peers", entry.trim(), format!("entry {number}: {reason}"))
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<_> = self.0.iter().map(Peer::to_string).collect();
        f.write_str(&entries.join(";"))
    }
}

impl TryFrom<String> for Peers {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Peers> for String {
    fn from(peers: Peers) -> Self {
        peers.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_written() {
        let peers: Peers = " a:1 , b:2 ; c:3,grpc+tls://d:4; ".parse().unwrap();
        assert_eq!(peers.to_string(), "a:1,grpc+tcp://b:2;c:3,grpc+tls://d:4");
    }

    #[test]
    fn nothing_is_no_peers() {
        assert_eq!("".parse::<Peers>().unwrap(), Peers::default());
    }

    #[test]
    fn a_node_finds_the_others_in_the_list_of_all() {
        let peers: Peers = "a:1,a:2;b:1,b:2".parse().unwrap();
        let others: Vec<_> = peers.except(&"a:1".parse().unwrap()).collect();
        assert_eq!(others, [&peers.all()[1]]);
    }

    #[test]
    fn a_mistake_is_told_with_entry_reason_and_remedy() {
        let shape = SHAPE;
        let cases = [
            ("a:1", "peers = \"a:1\": entry 1: has no advertised address; "),
            ("a:1,b:2;;c:1,d:2", "peers = \"\": entry 2: is empty; "),
            (";a:1,b:2", "peers = \"\": entry 1: is empty; "),
            ("a:1,b:2,c:3", "peers = \"a:1,b:2,c:3\": entry 1: has 3 addresses instead of two; "),
            (
                "a,b:2",
                "peers = \"a,b:2\": entry 1: internal address \"a\": has no port; write host:port; ",
            ),
            (
                "a:1,http://b:2",
                "peers = \"a:1,http://b:2\": entry 1: advertised address \"http://b:2\": the scheme \"http\" is none that Flight clients dial; write grpc+tcp://host:port or grpc+tls://host:port; ",
            ),
            (
                "0.0.0.0:1,b:2",
                "peers = \"0.0.0.0:1,b:2\": entry 1: internal address \"0.0.0.0:1\": is a wildcard, which nobody can dial; write the host name or IP of the machine; ",
            ),
        ];
        for (text, message) in cases {
            let error = text.parse::<Peers>().unwrap_err().to_string();
            assert_eq!(error, format!("{message}{shape}"), "{text}");
        }
    }

    #[test]
    fn an_address_written_twice_is_refused_with_both_places() {
        let cases = [
            ("a:1,b:2;c:3,d:4;A:1,e:5", "entry 3: internal address a:1 stands in entry 1 already"),
            (
                "a:1,b:2;c:3,grpc://b:2",
                "entry 2: advertised address grpc+tcp://b:2 stands in entry 1 already",
            ),
        ];
        for (text, message) in cases {
            let error = text.parse::<Peers>().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
