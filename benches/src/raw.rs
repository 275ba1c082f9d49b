//! Squadron's own client, and one that does not even decode: what the server could do for a faster
//! client than today's.

use std::time::Instant;

use arrow_flight::FlightInfo;
use arrow_flight::flight_service_client::FlightServiceClient;
use futures::TryStreamExt;
use squadron_server::client::{FlightSqlClient, ReadOptions};
use tonic::transport::{Channel, Endpoint};

use crate::Result;
use crate::Taken;

const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// Runs a statement with Squadron's own client and reads all of it.
pub async fn read(client: &FlightSqlClient, sql: &str) -> Result<Taken> {
    let start = Instant::now();
    let info = client.execute(sql).await?;
    let mut batches = client.read_all(&info, ReadOptions::default())?;
    let mut taken = Taken::default();
    while let Some(batch) = batches.try_next().await? {
        taken.rows += batch.num_rows() as u64;
        taken.batches += 1;
    }
    taken.seconds = start.elapsed().as_secs_f64();
    Ok(taken)
}

/// Reads the messages of a result's endpoints at one node without decoding them. Rows stay 0.
pub struct RawReader {
    client: FlightServiceClient<Channel>,
    info: FlightInfo,
}

impl RawReader {
    /// Runs the statement at `uri` (grpc+tcp://…) and reads it once, so that it is kept.
    pub async fn keep(uri: &str, sql: &str) -> Result<Self> {
        let info = FlightSqlClient::connect(uri).await?.execute(sql).await?;
        let endpoint = Endpoint::from_shared(uri.replace("grpc+tcp", "http"))?
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true);
        let client = FlightServiceClient::new(endpoint.connect().await?)
            .max_decoding_message_size(usize::MAX);
        let reader = Self { client, info };
        reader.again().await?;
        Ok(reader)
    }

    /// Reads it again.
    pub async fn again(&self) -> Result<Taken> {
        let start = Instant::now();
        let mut taken = Taken::default();
        for ticket in self.info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.clone()) {
            let mut stream = self.client.clone().do_get(ticket).await?.into_inner();
            while stream.message().await?.is_some() {
                taken.batches += 1;
            }
        }
        taken.seconds = start.elapsed().as_secs_f64();
        Ok(taken)
    }
}
