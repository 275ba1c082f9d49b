//! What this node asks of its peers: the client side of [`super::peer`].

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, FlightData, FlightDescriptor, PutResult, Ticket};
use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use squadron_cluster::channels::{Channels, MemberChannel};
use squadron_cluster::{Member, Members};
use squadron_planner::deliver::{PartKey, PartTotals};
use squadron_planner::error::PLACE;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::frames::{end_message, put_message};
use super::messages::{
    CancelledProto, CatalogProto, CommitProto, LeaveProto, ManifestProto, OpenProto, PartProto,
    PollProto, PolledProto, QueriesProto, QueryProto, RenewedProto, SeesProto, StatusProto,
    StatusRequestProto, TokenProto, TokenUsedProto, TotalsProto,
};
use super::status;
use super::ticket::PollHandle;
use crate::query::Cancelled;
use crate::results::{Frame, Opening, PartSummary, ResultError};

/// Frames between an encoder and its socket: enough to keep both busy, no more. When they are full
/// the encoder waits.
const FRAMES_IN_FLIGHT: usize = 2;

/// Largest message between nodes. Arrow itself ends there: a column's offsets are 32 bits.
pub const MESSAGE_BYTES: usize = i32::MAX as usize;

/// How long a peer has to answer a question that it answers from memory. One that hangs would
/// otherwise hold up the query, and its readers elsewhere, until the connection is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How much of one relayed stream may be on its way here while its client does not read: relayed
/// streams wait for clients, so many of them may be full at the same time.
pub(super) const RELAY_WINDOW: u32 = 2 << 20;

/// The names of the actions between nodes.
pub mod actions {
    /// Open a result.
    pub const OPEN: &str = "squadron.open";
    /// Begin a later run of a query.
    pub const RESTART: &str = "squadron.restart";
    /// Compare a manifest.
    pub const VERIFY: &str = "squadron.verify";
    /// Let readers end.
    pub const COMMIT: &str = "squadron.commit";
    /// End in an error.
    pub const FAIL: &str = "squadron.fail";
    /// Ask a coordinator about its query.
    pub const STATUS: &str = "squadron.status";
    /// Ask a coordinator whether rows of a run may leave.
    pub const LEAVE: &str = "squadron.leave";
    /// Ask a coordinator how far its query is.
    pub const POLL: &str = "squadron.poll";
    /// Have a coordinator cancel its query.
    pub const CANCEL: &str = "squadron.cancel";
    /// Let go of a share, complete or not.
    pub const RELEASE: &str = "squadron.release";
    /// Let go of shares that were read and that nobody reads.
    pub const RELEASE_READ: &str = "squadron.release-read";
    /// Keep a share longer.
    pub const RENEW: &str = "squadron.renew";
    /// Say which nodes the node sees.
    pub const SEES: &str = "squadron.sees";
    /// Say whether the node has a share of a query.
    pub const HOLDS: &str = "squadron.holds";
    /// Say what the node has in hand.
    pub const USE: &str = "squadron.use";
    /// Say which catalog the node keeps.
    pub const CATALOG: &str = "squadron.catalog";
    /// Say when a token was last used, or hear that it is.
    pub const TOKEN: &str = "squadron.token";
}

/// This node's connections to its peers.
#[derive(Debug)]
pub struct Peers {
    channels: Channels,
    /// Connections for reading on behalf of clients: what a slow client leaves unread must not stand
    /// in the way of parts and commits.
    relays: Channels,
}

type Result<T, E = ResultError> = std::result::Result<T, E>;

impl Peers {
    /// Peers over the node's internal channels.
    pub fn new(channels: Channels) -> Self {
        let relays = channels.separate_with(RELAY_WINDOW);
        Self { channels, relays }
    }

    /// From now on, drops the connections to members that leave. (`channels` that this was made with
    /// follow by themselves.)
    pub fn follow(&self, members: watch::Receiver<Arc<Members>>) {
        self.relays.follow(members);
    }

    /// Calls of this node to `peer`.
    pub(super) fn client(&self, peer: &Member) -> FlightServiceClient<MemberChannel> {
        client(&self.channels, peer)
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

    /// Has `peer` begin a later run of a query, and drop what earlier ones brought.
    ///
    /// # Errors
    /// Why it does not: frames have left, or `Unavailable`.
    pub async fn restart(&self, peer: &Member, opening: &Opening) -> Result<()> {
        self.act(peer, actions::RESTART, &OpenProto::from(opening)).await.map(drop)
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
    pub async fn commit(&self, peer: &Member, query: Uuid, attempt: u32) -> Result<()> {
        let commit = CommitProto { query: query.as_bytes().to_vec(), attempt };
        self.act(peer, actions::COMMIT, &commit).await.map(drop)
    }

    /// Ends `peer`'s readers in `error`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn fail(&self, peer: &Member, query: Uuid, error: &ResultError) -> Result<()> {
        self.act(peer, actions::FAIL, &status::failure(query, error)).await.map(drop)
    }

    /// Asks the coordinator of a query how far it is, once more than `seen` is known or `within` is over.
    ///
    /// # Errors
    /// `NotFound` when it does not know the query, the query's own error, `Unavailable`.
    pub async fn poll(
        &self,
        coordinator: &Member,
        handle: &PollHandle,
        within: Duration,
    ) -> Result<PolledProto> {
        let request = PollProto {
            query: handle.query.as_bytes().to_vec(),
            seen: handle.seen,
            within_ms: within.as_millis() as u64,
            changes: handle.changes,
        };
        let body = request.encode_to_vec().into();
        let patience = within.saturating_add(ANSWER_WITHIN);
        let answer = self.ask(patience, coordinator, actions::POLL, body).await;
        let answer = answer.map_err(|unanswered| match unanswered {
            Unanswered::Lost(error) if handle.changes => status::of_change(error),
            other => other.error(),
        })?;
        PolledProto::decode(answer).map_err(|error| ResultError::Corrupt(error.to_string()))
    }

    /// Asks the coordinator of a query whether rows of a run may leave `peer` for a client.
    ///
    /// # Errors
    /// `NotFound` when it does not know the query, `Unavailable` when that run is over or nobody answers.
    pub async fn leave(
        &self,
        coordinator: &Member,
        query: Uuid,
        attempt: u32,
        peer: &str,
    ) -> Result<()> {
        let query = query.as_bytes().to_vec();
        let leave = LeaveProto { query, attempt, peer: peer.to_owned() };
        self.act(coordinator, actions::LEAVE, &leave).await.map(drop)
    }

    /// Has the coordinator of a query cancel it.
    ///
    /// # Errors
    /// `NotFound` when it does not know the query, `Unavailable`.
    pub async fn cancel(&self, coordinator: &Member, query: Uuid) -> Result<Cancelled> {
        let answer = self.act(coordinator, actions::CANCEL, &query_proto(query)).await?;
        let answer = CancelledProto::decode(answer);
        let answer = answer.map_err(|error| ResultError::Corrupt(error.to_string()))?;
        Ok(if answer.too_late { Cancelled::TooLate } else { Cancelled::Yes })
    }

    /// Has `peer` let go of its share, complete or not: readers get `why`.
    ///
    /// # Errors
    /// `NotFound` when it holds none, `Unavailable`.
    pub async fn release(&self, peer: &Member, query: Uuid, why: &ResultError) -> Result<()> {
        self.act(peer, actions::RELEASE, &status::failure(query, why)).await.map(drop)
    }

    /// Has `peer` let go of its shares of these queries, of those that were read to their end and that
    /// nobody reads.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_read(&self, peer: &Member, queries: &[Uuid]) -> Result<()> {
        let queries = queries.iter().map(|query| query.as_bytes().to_vec()).collect();
        self.act(peer, actions::RELEASE_READ, &QueriesProto { queries }).await.map(drop)
    }

    /// Has `peer` keep the share of a ticket longer; gives for how long from now.
    ///
    /// # Errors
    /// The query's own error when it has failed, `NotFound` when it expired, `Unavailable`.
    pub async fn renew(&self, peer: &Member, ticket: Bytes) -> Result<Duration> {
        let answer = self.act_within(ANSWER_WITHIN, peer, actions::RENEW, ticket).await?;
        let answer = RenewedProto::decode(answer);
        let answer = answer.map_err(|error| ResultError::Corrupt(error.to_string()))?;
        Ok(Duration::from_millis(answer.keep_ms))
    }

    /// Asks the coordinator of a query about it, and tells it of the readers here.
    ///
    /// # Errors
    /// `NotFound` when it does not know the query, `Unavailable`.
    pub async fn status(
        &self,
        coordinator: &Member,
        request: StatusRequestProto,
    ) -> Result<StatusProto> {
        let answer = self.act(coordinator, actions::STATUS, &request).await?;
        StatusProto::decode(answer).map_err(|error| ResultError::Corrupt(error.to_string()))
    }

    /// Asks `peer` for the ids of the nodes that it sees.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn sees(&self, peer: &Member) -> Result<Vec<String>> {
        let answer = self.act_within(ANSWER_WITHIN, peer, actions::SEES, Bytes::new()).await?;
        let answer = SeesProto::decode(answer);
        Ok(answer.map_err(|error| ResultError::Corrupt(error.to_string()))?.nodes)
    }

    /// Asks `peer` for the id of the catalog that it keeps; nothing where it has none.
    ///
    /// # Errors
    /// `Unavailable`, or what keeps it from reading it.
    pub async fn catalog(&self, peer: &Member) -> Result<Option<String>> {
        let answer = self.act_within(ANSWER_WITHIN, peer, actions::CATALOG, Bytes::new()).await?;
        let answer = CatalogProto::decode(answer);
        Ok(answer.map_err(|error| ResultError::Corrupt(error.to_string()))?.id)
    }

    /// Asks the node that made the token of a session for how many seconds it was not used, telling it that
    /// it is used here if it is; nothing where it knows of no use.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn token(&self, peer: &Member, session: &str, used: bool) -> Result<Option<u64>> {
        let token = TokenProto { session: session.to_owned(), used };
        let answer = TokenUsedProto::decode(self.act(peer, actions::TOKEN, &token).await?);
        Ok(answer.map_err(|error| ResultError::Corrupt(error.to_string()))?.idle)
    }

    /// Asks `peer` for a sign that it has its share of a query still.
    ///
    /// # Errors
    /// `Unavailable`, or `NotFound` where it has nothing of it.
    pub async fn holds(&self, peer: &Member, query: Uuid) -> Result<()> {
        self.act(peer, actions::HOLDS, &query_proto(query)).await.map(drop)
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
        let mut client = client(&self.relays, peer);
        let answer = client.do_get(request).await.map_err(|error| named(&peer.node_id, error))?;
        let name = peer.node_id.clone();
        let messages = answer.into_inner().map_err(move |error| named(&name, error));
        Ok(messages.boxed())
    }

    async fn act(&self, peer: &Member, name: &str, message: &impl Message) -> Result<Bytes> {
        self.act_within(ANSWER_WITHIN, peer, name, message.encode_to_vec().into()).await
    }

    async fn act_within(
        &self,
        patience: Duration,
        peer: &Member,
        name: &str,
        body: Bytes,
    ) -> Result<Bytes> {
        let answer = self.ask(patience, peer, name, body).await;
        answer.map_err(Unanswered::error)
    }

    async fn ask(
        &self,
        patience: Duration,
        peer: &Member,
        name: &str,
        body: Bytes,
    ) -> Result<Bytes, Unanswered> {
        let action = Action { r#type: name.to_owned(), body };
        let answer = async {
            let mut answers = self.client(peer).do_action(Request::new(action)).await?.into_inner();
            answers.message().await
        };
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => Ok(answer.map(|answer| answer.body).unwrap_or_default()),
            Ok(Err(error)) => {
                let lost = is_lost(&error);
                let error = status::to_result_error(&named(&peer.node_id, error));
                Err(if lost { Unanswered::Lost(error) } else { Unanswered::Said(error) })
            }
            Err(_) => Err(Unanswered::Lost(silent(&peer.node_id, patience))),
        }
    }
}

/// Why a peer gave no answer.
enum Unanswered {
    /// It cannot be reached, or does not answer: what it has done is not known.
    Lost(ResultError),
    /// It has said so.
    Said(ResultError),
}

impl Unanswered {
    fn error(self) -> ResultError {
        match self {
            Self::Lost(error) | Self::Said(error) => error,
        }
    }
}

fn client(channels: &Channels, peer: &Member) -> FlightServiceClient<MemberChannel> {
    FlightServiceClient::new(channels.get(&peer.internal))
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES)
}

fn silent(node: &str, patience: Duration) -> ResultError {
    ResultError::Unavailable(format!(
        "node {node} did not answer within {} s: run the query again",
        patience.as_secs()
    ))
}

fn query_proto(query: Uuid) -> QueryProto {
    QueryProto { query: query.as_bytes().to_vec() }
}

/// Whether the connection was lost. What a node itself says has no source; what the transport says has one, and any code.
pub(super) fn is_lost(error: &Status) -> bool {
    std::error::Error::source(error).is_some()
}

/// A lost connection is told as what it is: the node that cannot be reached.
pub(super) fn named(node: &str, error: Status) -> Status {
    let (code, text) = (error.code(), error.message());
    match code {
        _ if is_lost(&error) => unreachable(node, &error),
        // Its memory, or its disk.
        Code::ResourceExhausted if !text.contains(PLACE) => {
            status::status(code, &format!("{text} ({PLACE} {node})"))
        }
        _ => error,
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
    let answer: Result<Option<PutResult>, Status> = answer.await;
    let answer = answer.map_err(|error| status::to_result_error(&named(&peer, error)))?;
    let confirmed = answer.map(|answer| TotalsProto::decode(answer.app_metadata));
    match confirmed {
        Some(Ok(totals)) => Ok(totals.into()),
        _ => Err(ResultError::Corrupt(format!("{peer} did not confirm a part"))),
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
