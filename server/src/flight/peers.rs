//! What this node asks of its peers: the client side of [`super::peer`].

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, FlightData, FlightDescriptor, PutResult, Ticket};
use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use futures::StreamExt;
use futures::stream::BoxStream;
use prost::Message;
use squadron_cluster::Member;
use squadron_cluster::channels::{Channels, MemberChannel};
use squadron_planner::deliver::{PartKey, PartTotals};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::frames::{end_message, put_message};
use super::messages::{ManifestProto, OpenProto, PartProto, QueryProto, StatusProto, TotalsProto};
use super::status;
use crate::results::{Frame, Opening, PartSummary, ResultError};

/// Frames between an encoder and its socket: enough to keep both busy, no more. When they are full
/// the encoder waits.
const FRAMES_IN_FLIGHT: usize = 2;

/// The names of the actions between nodes.
pub mod actions {
    /// Open a result.
    pub const OPEN: &str = "squadron.open";
    /// Compare a manifest.
    pub const VERIFY: &str = "squadron.verify";
    /// Let readers end.
    pub const COMMIT: &str = "squadron.commit";
    /// End in an error.
    pub const FAIL: &str = "squadron.fail";
    /// Ask a coordinator about its query.
    pub const STATUS: &str = "squadron.status";
}

/// This node's connections to its peers.
#[derive(Debug)]
pub struct Peers {
    channels: Channels,
}

type Result<T, E = ResultError> = std::result::Result<T, E>;

impl Peers {
    /// Peers over the node's internal channels.
    pub fn new(channels: Channels) -> Self {
        Self { channels }
    }

    fn client(&self, peer: &Member) -> FlightServiceClient<MemberChannel> {
        FlightServiceClient::new(self.channels.get(&peer.internal))
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    /// Begins to deliver a part to `peer`.
    ///
    /// # Errors
    /// None yet: they come with the frames and at the end.
    pub async fn put(&self, peer: &Member, part: PartKey) -> Result<PartPut> {
        let (frames, receiver) = mpsc::channel(FRAMES_IN_FLIGHT);
        let command = PartProto::new(part, None).encode_to_vec();
        let first = FlightData {
            flight_descriptor: Some(FlightDescriptor::new_cmd(command)),
            ..Default::default()
        };
        let stream = futures::stream::iter([first]).chain(ReceiverStream::new(receiver));
        let client = self.client(peer);
        let name = peer.node_id.clone();
        let task = SpawnedTask::spawn(deliver(client, stream, name));
        Ok(PartPut { frames: Some(frames), task: Some(task) })
    }

    /// Opens a result on `peer`.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    pub async fn open(&self, peer: &Member, opening: &Opening) -> Result<()> {
        self.act(peer, actions::OPEN, &OpenProto::from(opening)).await.map(drop)
    }

    /// Has `peer` compare what it holds with the manifest.
    ///
    /// # Errors
    /// What differs, or `Unavailable`.
    pub async fn verify(
        &self,
        peer: &Member,
        query: Uuid,
        attempt: u32,
        parts: &[PartSummary],
    ) -> Result<()> {
        let parts = parts.iter().map(|part| PartProto::new(part.part, Some(part.totals))).collect();
        let manifest = ManifestProto { query: query.as_bytes().to_vec(), attempt, parts };
        self.act(peer, actions::VERIFY, &manifest).await.map(drop)
    }

    /// Lets `peer`'s readers end.
    ///
    /// # Errors
    /// `Unavailable`, or the query's error there.
    pub async fn commit(&self, peer: &Member, query: Uuid) -> Result<()> {
        self.act(peer, actions::COMMIT, &query_proto(query)).await.map(drop)
    }

    /// Ends `peer`'s readers in `error`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn fail(&self, peer: &Member, query: Uuid, error: &ResultError) -> Result<()> {
        self.act(peer, actions::FAIL, &status::failure(query, error)).await.map(drop)
    }

    /// Asks the coordinator of a query about it.
    ///
    /// # Errors
    /// `NotFound` when it does not know the query, `Unavailable`.
    pub async fn status(&self, coordinator: &Member, query: Uuid) -> Result<StatusProto> {
        let answer = self.act(coordinator, actions::STATUS, &query_proto(query)).await?;
        StatusProto::decode(answer).map_err(|error| ResultError::Corrupt(error.to_string()))
    }

    /// Reads a ticket at the node that can serve it, for a client that brought it here.
    ///
    /// # Errors
    /// The status that the node gave.
    pub async fn read(
        &self,
        peer: &Member,
        ticket: Bytes,
    ) -> Result<BoxStream<'static, Result<FlightData, Status>>, Status> {
        let request = Request::new(Ticket { ticket });
        let answer = self.client(peer).do_get(request).await.map_err(|error| named(peer, error))?;
        Ok(answer.into_inner().boxed())
    }

    async fn act(&self, peer: &Member, name: &str, message: &impl Message) -> Result<Bytes> {
        let action = Action { r#type: name.to_owned(), body: message.encode_to_vec().into() };
        let answer = async {
            let mut answers = self.client(peer).do_action(Request::new(action)).await?.into_inner();
            answers.message().await
        };
        match answer.await {
            Ok(answer) => Ok(answer.map(|answer| answer.body).unwrap_or_default()),
            Err(error) => Err(status::to_result_error(&named(peer, error))),
        }
    }
}

fn query_proto(query: Uuid) -> QueryProto {
    QueryProto { query: query.as_bytes().to_vec() }
}

/// A lost connection is told as what it is: the node that cannot be reached.
fn named(peer: &Member, error: Status) -> Status {
    let lost = matches!(error.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
    match lost && std::error::Error::source(&error).is_some() {
        true => unreachable(&peer.node_id, &error),
        false => error,
    }
}

fn unreachable(node: &str, error: &Status) -> Status {
    status::status(
        Code::Unavailable,
        &format!("node {node} cannot be reached ({}): run the query again", error.message()),
    )
}

/// Drives one part's DoPut to its end.
async fn deliver(
    mut client: FlightServiceClient<MemberChannel>,
    stream: impl futures::Stream<Item = FlightData> + Send + 'static,
    peer: String,
) -> Result<PartTotals> {
    let answer = async {
        let mut answers = client.do_put(Request::new(stream)).await?.into_inner();
        answers.message().await
    };
    let answer: Option<PutResult> = answer.await.map_err(|error| lost(&peer, &error))?;
    let confirmed = answer.map(|answer| TotalsProto::decode(answer.app_metadata));
    match confirmed {
        Some(Ok(totals)) => Ok(totals.into()),
        _ => Err(ResultError::Corrupt(format!("{peer} did not confirm a part"))),
    }
}

fn lost(peer: &str, error: &Status) -> ResultError {
    match std::error::Error::source(error).is_some() {
        true => status::to_result_error(&unreachable(peer, error)),
        false => status::to_result_error(error),
    }
}

/// One part being delivered to another node by one long-lived DoPut.
pub struct PartPut {
    frames: Option<mpsc::Sender<FlightData>>,
    task: Option<SpawnedTask<Result<PartTotals>>>,
}

impl PartPut {
    /// Sends a frame, waiting while the peer cannot take it.
    ///
    /// # Errors
    /// What ended the delivery.
    pub async fn send(&mut self, frame: Frame) -> Result<()> {
        self.pass(put_message(frame)).await
    }

    /// Ends the part; gives what the peer counted.
    ///
    /// # Errors
    /// What ended the delivery.
    pub async fn finish(&mut self, totals: PartTotals) -> Result<PartTotals> {
        self.pass(end_message(totals)).await?;
        self.frames = None;
        self.outcome().await
    }

    async fn pass(&mut self, message: FlightData) -> Result<()> {
        let Some(frames) = &self.frames else {
            return Err(ResultError::Corrupt("a part was written after its end".into()));
        };
        match frames.send(message).await {
            Ok(()) => Ok(()),
            // The task has ended: it knows why.
            Err(_) => match self.outcome().await {
                Ok(_) => Err(ResultError::Corrupt("a part was confirmed before its end".into())),
                Err(error) => Err(error),
            },
        }
    }

    async fn outcome(&mut self) -> Result<PartTotals> {
        let Some(task) = self.task.take() else {
            return Err(ResultError::Corrupt("a part was ended twice".into()));
        };
        let ended = task.join().await;
        ended.unwrap_or_else(|error| Err(ResultError::Unavailable(error.to_string())))
    }
}
