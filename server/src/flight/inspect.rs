//! What a node has in hand, asked over its internal port: for tests of what is left behind, and for
//! operators who want to know why a node is busy.

use std::path::Path;

use arrow_flight::Action;
use arrow_flight::flight_service_client::FlightServiceClient;
use prost::Message;
use squadron_cluster::channels::Connector;
use squadron_cluster::{Address, CallTokens, Channels, ClusterSecret};
use tokio::runtime::Handle;
use tonic::Status;

use super::peers::actions;
use super::status;

/// What a node has in hand at one time.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct NodeUse {
    /// Queries that it coordinates and that are not over, those that wait included.
    #[prost(uint64, tag = "1")]
    pub running: u64,
    /// Queries that wait for their turn.
    #[prost(uint64, tag = "2")]
    pub queued: u64,
    /// Results that it holds a share of.
    #[prost(uint64, tag = "3")]
    pub results: u64,
    /// Parts that were begun and not sealed.
    #[prost(uint64, tag = "4")]
    pub open_parts: u64,
    /// Readers that have not come to their end.
    #[prost(uint64, tag = "5")]
    pub readers: u64,
    /// Bytes of results in memory.
    #[prost(uint64, tag = "6")]
    pub memory: u64,
    /// Bytes in memory for knowing where results are.
    #[prost(uint64, tag = "7")]
    pub index: u64,
    /// Bytes of results on disk.
    #[prost(uint64, tag = "8")]
    pub disk: u64,
    /// Bytes of the memory pool that operators have.
    #[prost(uint64, tag = "9")]
    pub operators: u64,
    /// Tasks of distributed queries that are not let go of.
    #[prost(uint64, tag = "10")]
    pub tasks: u64,
    /// Bytes that operators have on disk.
    #[prost(uint64, tag = "11")]
    pub spilled: u64,
    /// Bytes of the process in memory, without the pages of its program; 0 where the system does not say.
    #[prost(uint64, tag = "12")]
    pub resident: u64,
    /// Bytes of results that were read from disk or from a peer and have not left for their clients.
    #[prost(uint64, tag = "13")]
    pub leaving: u64,
}

impl NodeUse {
    /// Whether nothing of any query is left.
    pub fn is_idle(&self) -> bool {
        Self { resident: 0, ..*self } == Self::default()
    }
}

/// Looks at the nodes of one cluster.
#[derive(Debug)]
pub struct Inspector(Channels);

impl Inspector {
    /// With the secret in this file. Its connections live on the runtime that calls.
    ///
    /// # Errors
    /// When the file holds no secret.
    pub fn new(secret_file: &Path) -> squadron_cluster::error::Result<Self> {
        let tokens = CallTokens::new(&ClusterSecret::from_file(secret_file)?);
        Ok(Self(Channels::new(Handle::current(), Connector::Tcp, tokens)))
    }

    /// What the node at this internal address (`host:port`) has in hand.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no address, UNAVAILABLE when nobody answers there.
    pub async fn look(&self, internal: &str) -> Result<NodeUse, Status> {
        let address = internal.parse::<Address>();
        let address = address.map_err(|why| Status::invalid_argument(why.to_string()))?;
        let mut client = FlightServiceClient::new(self.0.get(&address));
        let action = Action { r#type: actions::USE.to_owned(), ..Default::default() };
        let mut answers = client.do_action(action).await?.into_inner();
        let answer = answers.message().await?.unwrap_or_default();
        NodeUse::decode(answer.body).map_err(|error| status::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_process_is_no_work() {
        assert!(NodeUse { resident: 1, ..Default::default() }.is_idle());
        assert!(!NodeUse { tasks: 1, ..Default::default() }.is_idle());
        assert!(!NodeUse { leaving: 1, ..Default::default() }.is_idle());
    }
}
