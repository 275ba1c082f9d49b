//! Tickets: signed, expiring, bound to a principal, one an endpoint, without an address to dial.
//!
//! Layout: one version byte, 32 bytes HMAC-SHA256, then the protobuf of [`TicketProto`]. Any node of
//! the cluster can check one, because all share the cluster secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use prost::Message;
use sha2::Sha256;
use squadron_planner::options::Dialect;
use uuid::Uuid;

use super::messages::{
    PollHandleProto, PreparedHandleProto, ResultTicketProto, StatementProto, TicketKind,
    TicketProto,
};
use super::status;
use crate::results::ResultError;

const VERSION: u8 = 1;
const SIGNATURE: usize = 32;

/// What a ticket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// A share of a query's result.
    Result(ResultTicket),
    /// The answer of a metadata command, given as the encoded `Any`.
    Command(Vec<u8>),
    /// A prepared statement. Handles are signed like tickets, so that every node knows them
    /// and none has to remember them.
    Statement(Written),
    /// A Substrait plan that was prepared: its handle as well.
    Plan(Bytes),
    /// A prepared statement with parameters: its handle as well.
    Prepared(PreparedHandle),
    /// How far a query is: what a client sends with its next poll.
    Poll(PollHandle),
}

/// A statement as it was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its text.
    pub sql: String,
    /// How it is read, whatever the session that runs it has come to.
    pub dialect: Dialect,
}

/// A statement of which a node keeps what is bound to its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedHandle {
    /// The statement.
    pub statement: Written,
    /// Its name there.
    pub id: Uuid,
    /// The id of the node.
    pub node: String,
}

/// A query of which a client wants to know how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollHandle {
    /// The query.
    pub query: Uuid,
    /// Node id of its coordinator.
    pub coordinator: String,
    /// The version of its progress that the client has seen.
    pub seen: u64,
    /// Whether it changes something: nobody may run it again who does not know what became of it.
    pub changes: bool,
}

impl PollHandle {
    /// What is to be said where the query cannot be found.
    pub fn lost(&self, error: ResultError) -> ResultError {
        if self.changes { status::of_change(error) } else { error }
    }
}

/// A share of a query's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultTicket {
    /// The query.
    pub query: Uuid,
    /// Node id of its coordinator.
    pub coordinator: String,
    /// Node id of the peer that holds the share.
    pub peer: String,
    /// Which endpoint of the query.
    pub endpoint: u32,
    /// Whether the query changes something, as of a [`PollHandle`].
    pub changes: bool,
}

/// Why a ticket is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not a ticket of this cluster.
    #[error("this is not a ticket of this cluster: use the tickets of GetFlightInfo as they are")]
    Foreign,
    /// Too old.
    #[error("the ticket expired {0} s ago: run the query again")]
    Expired(u64),
    /// Given to somebody else.
    #[error("the ticket was given to another user")]
    NotYours,
}

/// Signs and checks tickets.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

impl Signer {
    /// A signer with the key that the cluster's nodes derive from their secret.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Makes a ticket for `principal`, good for `valid`.
    pub fn sign(&self, ticket: Ticket, principal: &str, valid: Duration) -> Bytes {
        let proto = TicketProto {
            expires: unix_seconds() + valid.as_secs(),
            principal: principal.to_owned(),
            kind: Some(ticket.into()),
        };
        self.sign_payload(&proto.encode_to_vec())
    }

    /// A ticket of this payload, whatever it holds.
    pub(super) fn sign_payload(&self, payload: &[u8]) -> Bytes {
        let mut bytes = Vec::with_capacity(1 + SIGNATURE + payload.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.mac(payload).finalize().into_bytes());
        bytes.extend_from_slice(payload);
        bytes.into()
    }

    /// Checks a ticket that `principal` brings.
    ///
    /// # Errors
    /// See [`TicketError`].
    pub fn check(&self, ticket: &[u8], principal: &str) -> Result<Ticket, TicketError> {
        let (ticket, owner) = self.check_forwarded(ticket)?;
        match owner == principal {
            true => Ok(ticket),
            false => Err(TicketError::NotYours),
        }
    }

    /// Checks a ticket that another node forwards, which has checked who brought it; gives the
    /// principal it was given to.
    ///
    /// # Errors
    /// See [`TicketError`].
    pub fn check_forwarded(&self, ticket: &[u8]) -> Result<(Ticket, String), TicketError> {
        let proto = self.open(ticket).ok_or(TicketError::Foreign)?;
        let now = unix_seconds();
        if proto.expires < now {
            return Err(TicketError::Expired(now - proto.expires));
        }
        let ticket = proto.kind.and_then(Ticket::from_proto).ok_or(TicketError::Foreign)?;
        Ok((ticket, proto.principal))
    }

    fn open(&self, ticket: &[u8]) -> Option<TicketProto> {
        let (version, rest) = ticket.split_first()?;
        let (signature, payload) = rest.split_at_checked(SIGNATURE)?;
        if *version != VERSION {
            return None;
        }
        self.mac(payload).verify_slice(signature).ok()?;
        TicketProto::decode(payload).ok()
    }

    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key);
        mac.expect("HMAC takes keys of any length").chain_update(payload)
    }
}

impl From<Ticket> for TicketKind {
    fn from(ticket: Ticket) -> Self {
        match ticket {
            Ticket::Command(command) => Self::Command(command),
            Ticket::Statement(statement) => Self::Statement(statement.into()),
            Ticket::Plan(plan) => Self::Plan(plan),
            Ticket::Prepared(handle) => Self::Prepared(PreparedHandleProto {
                statement: Some(handle.statement.into()),
                id: handle.id.as_bytes().to_vec(),
                node: handle.node,
            }),
            Ticket::Result(share) => Self::Result(ResultTicketProto {
                query: share.query.as_bytes().to_vec(),
                coordinator: share.coordinator,
                peer: share.peer,
                endpoint: share.endpoint,
                changes: share.changes,
            }),
            Ticket::Poll(handle) => Self::Poll(PollHandleProto {
                query: handle.query.as_bytes().to_vec(),
                coordinator: handle.coordinator,
                seen: handle.seen,
                changes: handle.changes,
            }),
        }
    }
}

impl From<Written> for StatementProto {
    fn from(Written { sql, dialect }: Written) -> Self {
        Self { sql, dialect: dialect.to_string() }
    }
}

fn written(StatementProto { sql, dialect }: StatementProto) -> Option<Written> {
    Some(Written { sql, dialect: dialect.parse().ok()? })
}

impl Ticket {
    fn from_proto(kind: TicketKind) -> Option<Self> {
        match kind {
            TicketKind::Command(command) => Some(Self::Command(command)),
            TicketKind::Statement(statement) => Some(Self::Statement(written(statement)?)),
            TicketKind::Plan(plan) => Some(Self::Plan(plan)),
            TicketKind::Prepared(handle) => Some(Self::Prepared(PreparedHandle {
                statement: written(handle.statement?)?,
                id: Uuid::from_slice(&handle.id).ok()?,
                node: handle.node,
            })),
            TicketKind::Result(share) => Some(Self::Result(ResultTicket {
                query: Uuid::from_slice(&share.query).ok()?,
                coordinator: share.coordinator,
                peer: share.peer,
                endpoint: share.endpoint,
                changes: share.changes,
            })),
            TicketKind::Poll(handle) => Some(Self::Poll(PollHandle {
                query: Uuid::from_slice(&handle.query).ok()?,
                coordinator: handle.coordinator,
                seen: handle.seen,
                changes: handle.changes,
            })),
        }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn share() -> Ticket {
        let query = Uuid::from_u128(7);
        let (coordinator, peer) = ("a".to_owned(), "b".to_owned());
        Ticket::Result(ResultTicket { query, coordinator, peer, endpoint: 1, changes: true })
    }

    #[test]
    fn a_ticket_says_what_it_was_signed_for() {
        let signer = Signer::new([1; 32]);
        let statement = Written { sql: "x".into(), dialect: Dialect::Spark };
        let (id, node) = (Uuid::from_u128(7), "a".into());
        let prepared = Ticket::Prepared(PreparedHandle { statement: statement.clone(), id, node });
        let statement = Ticket::Statement(statement);
        for ticket in [share(), Ticket::Command(vec![1, 2, 3]), statement, prepared] {
            let bytes = signer.sign(ticket.clone(), "alice", HOUR);
            assert_eq!(signer.check(&bytes, "alice"), Ok(ticket));
        }
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let signer = Signer::new([1; 32]);
        let bytes = signer.sign(share(), "alice", HOUR);
        for index in 0..bytes.len() {
            let mut forged = bytes.to_vec();
            forged[index] ^= 1;
            assert_eq!(signer.check(&forged, "alice"), Err(TicketError::Foreign), "byte {index}");
        }
    }

    #[test]
    fn garbage_is_refused() {
        let signer = Signer::new([1; 32]);
        for garbage in [&b""[..], b"x", &[1; 33], &[255; 4096]] {
            assert_eq!(signer.check(garbage, "alice"), Err(TicketError::Foreign));
        }
    }

    #[test]
    fn another_clusters_ticket_is_refused() {
        let bytes = Signer::new([2; 32]).sign(share(), "alice", HOUR);
        assert_eq!(Signer::new([1; 32]).check(&bytes, "alice"), Err(TicketError::Foreign));
    }

    #[test]
    fn another_users_ticket_is_refused() {
        let signer = Signer::new([1; 32]);
        let bytes = signer.sign(share(), "alice", HOUR);
        assert_eq!(signer.check(&bytes, "bob"), Err(TicketError::NotYours));
    }

    #[test]
    fn an_old_ticket_is_refused() {
        let signer = Signer::new([1; 32]);
        let old = TicketProto { expires: 1, principal: "alice".into(), kind: Some(share().into()) };
        let payload = old.encode_to_vec();
        let signature = signer.mac(&payload).finalize().into_bytes();
        let bytes = [&[VERSION][..], &signature, &payload].concat();
        assert!(matches!(signer.check(&bytes, "alice"), Err(TicketError::Expired(_))));
    }
}
