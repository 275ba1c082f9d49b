//! The engine's view of the cluster: how tasks and parts reach other nodes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion_distributed::{ChannelResolver, WorkerChannel, grpc};
use squadron_cluster::channels::Channels;
use squadron_cluster::member::Address;
use squadron_cluster::secret::CallSigner;
use squadron_planner::datafusion::error::DataFusionError;
use tower::ServiceBuilder;
use url::Url;

/// A channel to another node's internal port that proves this node's membership with each call.
pub type InternalChannel = grpc::BoxCloneSyncChannel;

/// This node's channels to the internal ports of the others: one connection each, shared by tasks,
/// parts and actions.
pub struct Internal {
    channels: Channels,
    signer: CallSigner,
}

impl fmt::Debug for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Internal")
    }
}

impl Internal {
    /// Channels that sign their calls.
    pub fn new(channels: Channels, signer: CallSigner) -> Self {
        Self { channels, signer }
    }

    /// The channel to a node. It connects when it is first used.
    pub fn channel(&self, address: &Address) -> InternalChannel {
        let channel = self.channels.get(address);
        let signed = ServiceBuilder::new().layer(self.signer.layer()).service(channel);
        InternalChannel::new(signed)
    }
}

/// datafusion-distributed's way to other workers: through the node's own channels, so that several
/// nodes in one process never share one and every call is signed.
#[derive(Debug)]
pub struct WorkerChannels(pub Arc<Internal>);

#[async_trait]
impl ChannelResolver for WorkerChannels {
    async fn get_worker_client_for_url(
        &self,
        url: &Url,
    ) -> Result<Box<dyn WorkerChannel>, DataFusionError> {
        let address = address(url)?;
        Ok(grpc::create_worker_client(self.0.channel(&address)))
    }
}

fn address(url: &Url) -> Result<Address, DataFusionError> {
    let address = url.host_str().zip(url.port()).map(|(host, port)| format!("{host}:{port}"));
    let address = address.and_then(|address| address.parse().ok());
    address.ok_or_else(|| DataFusionError::Internal(format!("{url} is no worker's address")))
}
