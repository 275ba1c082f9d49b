//! The engine's view of the cluster: how its tasks reach other nodes.
//!
//! datafusion-distributed's own resolver is one cache for the whole process and knows no secret.
//! This one goes through the node's own channels, so that several nodes can live in one process and
//! every call proves that it comes from the cluster.

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion_distributed::{ChannelResolver, WorkerChannel, grpc};
use squadron_cluster::{Address, Channels};
use url::Url;

/// Opens task channels to other workers.
#[derive(Debug)]
pub struct WorkerChannels(pub Channels);

#[async_trait]
impl ChannelResolver for WorkerChannels {
    async fn get_worker_client_for_url(
        &self,
        url: &Url,
    ) -> Result<Box<dyn WorkerChannel>, DataFusionError> {
        let channel = self.0.get(&address(url)?);
        Ok(grpc::create_worker_client(grpc::BoxCloneSyncChannel::new(channel)))
    }
}

fn address(url: &Url) -> Result<Address, DataFusionError> {
    let address = url.host_str().zip(url.port()).map(|(host, port)| format!("{host}:{port}"));
    let address = address.and_then(|address| address.parse().ok());
    address.ok_or_else(|| DataFusionError::Internal(format!("{url} is no worker's address")))
}
