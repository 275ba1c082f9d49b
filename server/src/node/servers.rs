//! What serves on a node's two ports, and how their connections are set up.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use datafusion::common::runtime::SpawnedTask;
use futures::StreamExt;
use squadron_cluster::channels::{CONNECTION_WINDOW, FRAME_SIZE, STREAM_WINDOW};
use squadron_cluster::membership::fixed::Fixed;
use squadron_cluster::secret::RequireToken;
use squadron_cluster::tls::ServerTls;
use squadron_cluster::{CallTokens, Membership, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::auth::Gate;
use crate::cpu::CpuRuntime;
use crate::flight::authenticate::Authenticate;
use crate::flight::connection::connection;
use crate::flight::on_cpu::OnCpu;
use crate::flight::peer::PeerService;
use crate::flight::peers::MESSAGE_BYTES;
use crate::flight::relay::Relay;
use crate::flight::service::ClientService;
use crate::query::Queries;
use crate::session::Sessions;

/// Most bytes of a request's headers: JDBC sends every unknown property as one, and tokens are long.
const HEADER_BYTES: u32 = 64 * 1024;

/// Largest message that a client may send.
const REQUEST_BYTES: usize = 64 << 20;

/// Idle connections are asked for a sign of life well before load balancers forget them (the
/// shortest of the large clouds: 4 minutes).
const PING_CLIENTS_EVERY: Duration = Duration::from_secs(60);

/// A client that does not answer for so long is gone.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Most connections of other nodes: each has a few.
const INTERNAL_CONNECTIONS: usize = 4096;

/// What serves on the two ports.
pub(super) struct Servers<'a> {
    pub(super) queries: &'a Arc<Queries>,
    pub(super) gate: &'a Arc<Gate>,
    pub(super) membership: &'a Fixed,
    pub(super) cpu: &'a Arc<CpuRuntime>,
    pub(super) stop: &'a CancellationToken,
    /// Most connections of clients.
    pub(super) connections: usize,
    /// What clients' connections are encrypted with.
    pub(super) tls: Option<Arc<ServerTls>>,
}

impl Servers<'_> {
    fn http2() -> Server {
        Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_SIZE)
            .http2_max_header_list_size(HEADER_BYTES)
            .http2_keepalive_interval(Some(PING_CLIENTS_EVERY))
            .http2_keepalive_timeout(Some(PING_TIMEOUT))
    }

    /// Everything here asks for the cluster secret first.
    pub(super) fn internal(
        &self,
        listener: TcpListener,
        tokens: CallTokens,
        sessions: Arc<Sessions>,
    ) -> SpawnedTask<()> {
        let worker = self.queries.planner().engine().worker().clone();
        let tasks = OnCpu::new(worker.into_worker_server(), Arc::clone(self.cpu));
        let service = PeerService::new(Arc::clone(self.queries), sessions, Arc::clone(self.gate));
        let parts = FlightServiceServer::new(service.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        let server = Self::http2()
            .layer(RequireToken::new(tokens))
            .add_service(self.membership.service())
            .add_service(tasks)
            .add_service(Relay::new(parts, service));
        let incoming = serve::accept_nodes(listener, INTERNAL_CONNECTIONS);
        let stopped = self.stop.clone().cancelled_owned();
        SpawnedTask::spawn(async move {
            logged("internal", server.serve_with_incoming_shutdown(incoming, stopped).await);
        })
    }

    pub(super) fn flight(&self, listener: TcpListener, sessions: Arc<Sessions>) -> SpawnedTask<()> {
        let (gate, peers) = (Arc::clone(self.gate), Arc::clone(self.queries.peers()));
        let authenticate = Authenticate::new(Arc::clone(&gate), peers, self.membership.members());
        let service = ClientService::new(Arc::clone(self.queries), Arc::clone(&sessions), gate);
        let all = FlightServiceServer::new(service.clone())
            .max_decoding_message_size(REQUEST_BYTES)
            .max_encoding_message_size(usize::MAX);
        let server = Self::http2().layer(authenticate).add_service(Relay::new(all, service));
        let accepted = serve::accept(listener, self.connections);
        let incoming = serve::secure(accepted, self.tls.clone(), self.connections)
            .map(move |stream| stream.map(|stream| connection(stream, Arc::clone(&sessions))));
        let stopped = self.stop.clone().cancelled_owned();
        SpawnedTask::spawn(async move {
            logged("Flight", server.serve_with_incoming_shutdown(incoming, stopped).await);
        })
    }
}

fn logged(port: &str, ended: Result<(), tonic::transport::Error>) {
    if let Err(error) = ended {
        tracing::error!(port, %error, "a server ended");
    }
}
