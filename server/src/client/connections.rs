//! One HTTP/2 connection per node, opened on first use and kept for later queries.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_flight::flight_service_client::FlightServiceClient;
use parking_lot::Mutex;
use squadron_cluster::tls::choose_provider;
use tokio::sync::OnceCell;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::ClientError;
use super::options::TransportOptions;
use super::uri::Target;

/// A node can have this much of one result under way; less leaves a fast network idle.
const STREAM_WINDOW: u32 = 16 << 20;
/// Shared by the streams of one connection.
const CONNECTION_WINDOW: u32 = 64 << 20;
/// HTTP/2 frames a server may send; the default of 16 KiB costs a system call each.
const FRAME_SIZE: u32 = 1 << 20;

type Service = FlightServiceClient<Channel>;

/// The connections of one client.
pub(super) struct Connections {
    home: Target,
    options: TransportOptions,
    /// A cell per node, so that readers of the same node wait for one dial instead of making two.
    channels: Mutex<HashMap<Target, Arc<OnceCell<Channel>>>>,
}

impl Connections {
    pub(super) fn new(home: Target, options: TransportOptions) -> Self {
        Self { home, options, channels: Mutex::default() }
    }

    /// The node that the user named.
    pub(super) fn home(&self) -> &Target {
        &self.home
    }

    /// The service at `target`, without limits on message sizes.
    pub(super) async fn service(&self, target: &Target) -> Result<Service, ClientError> {
        let cell = Arc::clone(self.channels.lock().entry(target.clone()).or_default());
        let channel = cell.get_or_try_init(|| dial(target, &self.options)).await?;
        Ok(FlightServiceClient::new(channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX))
    }
}

async fn dial(target: &Target, options: &TransportOptions) -> Result<Channel, ClientError> {
    let endpoint = endpoint(target, options).map_err(|e| ClientError::connect(target, &e))?;
    let limit = options.connect_timeout;
    match tokio::time::timeout(limit, endpoint.connect()).await {
        Ok(connected) => connected.map_err(|e| ClientError::connect(target, &e)),
        Err(_) => Err(ClientError::Connect {
            location: target.to_string(),
            reason: format!("no answer within {} s", limit.as_secs_f32()),
        }),
    }
}

fn endpoint(
    target: &Target,
    options: &TransportOptions,
) -> Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(target.http())?
        .user_agent(concat!("squadron-sql/", env!("CARGO_PKG_VERSION")))?
        .tcp_nodelay(true)
        .tcp_keepalive(Some(options.keep_alive))
        .http2_keep_alive_interval(options.keep_alive)
        .keep_alive_timeout(options.keep_alive)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE);
    if target.tls() { endpoint.tls_config(tls(options)) } else { Ok(endpoint) }
}

fn tls(options: &TransportOptions) -> ClientTlsConfig {
    choose_provider();
    let config = match &options.tls_ca {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match &options.tls_identity {
        Some((certificate, key)) => config.identity(Identity::from_pem(certificate, key)),
        None => config,
    }
}
