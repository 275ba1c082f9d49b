//! What nodes ask of this one: parts in, forwarded reads out, commit and failure.
//!
//! Mounted on the internal port only, behind the cluster secret: whoever can call it is a node of
//! the cluster, so nothing here asks for a principal. What another node passes on for a client
//! (`forward.rs`) is answered as if the client had called.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use prost::Message;
use squadron_planner::deliver::{PartKey, PartTotals};
use tonic::{Request, Response, Status, Streaming};

use super::forward::is_passed_on;
use super::frames::{Put, query_id, read_put};
use super::messages::{
    CancelledProto, CatalogProto, CommitProto, FailProto, InterestProto, LeaveProto, ManifestProto,
    OpenProto, PartProto, PollProto, QueriesProto, QueryProto, RenewedProto, SeesProto,
    StatusRequestProto, TokenProto, TokenUsedProto, TotalsProto,
};
use super::peers::actions;
use super::pieces::{InPieces, Pieces, in_pieces};
use super::read::{forwarded, read_forwarded};
use super::service::ClientService;
use super::ticket::PollHandle;
use super::{poll, status};
use crate::auth::Gate;
use crate::query::{Cancelled, Queries};
use crate::results::{Interest, Opening, PartSummary, QueryResult, ResultError};
use crate::session::Sessions;

/// The internal Flight service.
#[derive(Clone)]
pub struct PeerService {
    queries: Arc<Queries>,
    /// Answers what others pass on for clients whose sessions live here.
    clients: ClientService,
}

type Stream<T> = BoxStream<'static, Result<T, Status>>;

impl PeerService {
    /// The service over this node's queries, results, sessions and tokens.
    pub fn new(queries: Arc<Queries>, sessions: Arc<Sessions>, gate: Arc<Gate>) -> Self {
        let clients = ClientService::for_nodes(Arc::clone(&queries), sessions, gate);
        Self { queries, clients }
    }

    async fn receive(
        &self,
        part: PartKey,
        mut messages: Streaming<FlightData>,
    ) -> Result<PartTotals, Status> {
        let result = self.held(part.query)?;
        result.begin(part).map_err(|error| status::result(&error))?;
        while let Some(message) = messages.message().await? {
            match read_put(message)? {
                Put::Frame(frame) => {
                    let appended = result.append(part, frame).await;
                    appended.map_err(|error| status::result(&error))?;
                }
                Put::End(sent) => return seal(&result, part, sent),
            }
        }
        Err(Status::aborted(format!("{part} ended before its end")))
    }

    fn held(&self, query: uuid::Uuid) -> Result<Arc<QueryResult>, Status> {
        let result = self.queries.store().get(query);
        result.ok_or_else(|| status::result(&self.queries.unknown(query)))
    }

    pub(super) async fn act(&self, name: &str, body: &[u8]) -> Result<Bytes, Status> {
        match name {
            actions::OPEN => self.open(read(body)?),
            actions::RESTART => self.restart(read(body)?),
            actions::VERIFY => self.verify(read(body)?),
            actions::COMMIT => self.commit(read(body)?),
            actions::FAIL => self.fail(&read(body)?),
            actions::STATUS => self.status(&read(body)?),
            actions::LEAVE => self.leave(&read(body)?).await,
            actions::POLL => self.poll(&read(body)?).await,
            actions::CANCEL => self.cancel(read(body)?).await,
            actions::RELEASE => self.release(read(body)?),
            actions::RELEASE_READ => self.release_read(&read(body)?),
            actions::RENEW => self.renew(body).await,
            actions::HOLDS => self.holds(&read(body)?),
            actions::SEES => {
                let sees = SeesProto { nodes: self.queries.sees() };
                Ok(sees.encode_to_vec().into())
            }
            actions::CATALOG => {
                let id =
                    self.queries.catalog_id().await.map_err(|error| status::planner(&error))?;
                let id = id.map(|id| id.to_string());
                Ok(CatalogProto { id }.encode_to_vec().into())
            }
            actions::TOKEN => Ok(self.token(&read(body)?)),
            actions::USE => Ok(self.queries.usage().encode_to_vec().into()),
            other => Err(Status::unimplemented(format!("no action {other} between nodes"))),
        }
    }

    fn token(&self, token: &TokenProto) -> Bytes {
        let idle = self.clients.gate().idle(&token.session, token.used);
        TokenUsedProto { idle }.encode_to_vec().into()
    }

    fn open(&self, open: OpenProto) -> Result<Bytes, Status> {
        let opened = self.queries.store().open(open.opening()?);
        opened.map(|_| Bytes::new()).map_err(|error| status::result(&error))
    }

    /// A later run begins here as well: for a peer that never heard of an earlier one it is the first.
    fn restart(&self, open: OpenProto) -> Result<Bytes, Status> {
        let opening = open.opening()?;
        let restarted = match self.queries.store().get(opening.query) {
            Some(result) => result.restart(opening.attempt, &opening.lost),
            None => self.queries.store().open(opening).map(drop),
        };
        restarted.map(|()| Bytes::new()).map_err(|error| status::result(&error))
    }

    fn holds(&self, query: &QueryProto) -> Result<Bytes, Status> {
        let query = query_id(&query.query)?;
        let held = self.queries.store().get(query).map(|_| Bytes::new());
        held.ok_or_else(|| status::result(&ResultError::gone(query)))
    }

    fn verify(&self, manifest: ManifestProto) -> Result<Bytes, Status> {
        let result = self.held(query_id(&manifest.query)?)?;
        let parts: Vec<PartSummary> =
            manifest.parts.iter().map(summary).collect::<Result<_, _>>()?;
        let verified = result.verify(manifest.attempt, &parts);
        verified.map(|()| Bytes::new()).map_err(|error| status::result(&error))
    }

    fn commit(&self, commit: CommitProto) -> Result<Bytes, Status> {
        let committed = self.held(query_id(&commit.query)?)?.commit(commit.attempt);
        committed.map(|()| Bytes::new()).map_err(|error| status::result(&error))
    }

    fn fail(&self, fail: &FailProto) -> Result<Bytes, Status> {
        if let Some(result) = self.queries.store().get(query_id(&fail.query)?) {
            result.fail(ResultError::Query { code: fail.code, message: fail.message.clone() });
        }
        Ok(Bytes::new())
    }

    async fn leave(&self, leave: &LeaveProto) -> Result<Bytes, Status> {
        let may = self.queries.may_leave(query_id(&leave.query)?, leave.attempt, &leave.peer).await;
        may.map(|()| Bytes::new()).map_err(|error| status::result(&error))
    }

    async fn poll(&self, poll: &PollProto) -> Result<Bytes, Status> {
        let within = Duration::from_millis(poll.within_ms).min(poll::LONGEST);
        let asked = PollHandle {
            query: query_id(&poll.query)?,
            coordinator: self.queries.node_id().to_owned(),
            seen: poll.seen,
            changes: poll.changes,
        };
        let polled = poll::here(&asked, within, &self.queries).await?;
        Ok(polled.encode_to_vec().into())
    }

    async fn cancel(&self, query: QueryProto) -> Result<Bytes, Status> {
        let cancelled = self.queries.cancel(query_id(&query.query)?).await;
        let cancelled = cancelled.map_err(|error| status::result(&error))?;
        let answer = CancelledProto { too_late: cancelled == Cancelled::TooLate };
        Ok(answer.encode_to_vec().into())
    }

    fn release(&self, fail: FailProto) -> Result<Bytes, Status> {
        let why = ResultError::Query { code: fail.code, message: fail.message };
        let released = self.queries.release(query_id(&fail.query)?, why);
        released.map(|()| Bytes::new()).map_err(|error| status::result(&error))
    }

    fn release_read(&self, queries: &QueriesProto) -> Result<Bytes, Status> {
        let queries = queries.queries.iter().map(|query| query_id(query));
        self.queries.release_read(&queries.collect::<Result<Vec<_>, _>>()?);
        Ok(Bytes::new())
    }

    async fn renew(&self, ticket: &[u8]) -> Result<Bytes, Status> {
        let result = forwarded(&self.queries, ticket).await?;
        result.renew(Instant::now()).map_err(|error| status::result(&error))?;
        let keep_ms = result.opening().keep.as_millis() as u64;
        Ok(RenewedProto { keep_ms }.encode_to_vec().into())
    }

    fn status(&self, request: &StatusRequestProto) -> Result<Bytes, Status> {
        let query = query_id(&request.query)?;
        if let Some(interest) = request.interest {
            self.queries.hear(query, &request.peer, interest.into(), request.readable);
        }
        let status = self.queries.status(query);
        let status = status.map_err(|error| status::result(&error))?;
        Ok(status.encode_to_vec().into())
    }
}

fn seal(result: &QueryResult, part: PartKey, sent: PartTotals) -> Result<PartTotals, Status> {
    let held = result.seal(part).map_err(|error| status::result(&error))?;
    match held == sent {
        true => Ok(held),
        false => Err(Status::data_loss(format!(
            "of {part} {sent} were sent, and {held} arrived: run the query again"
        ))),
    }
}

fn read<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    M::decode(body).map_err(|error| Status::invalid_argument(format!("unreadable action: {error}")))
}

fn summary(part: &PartProto) -> Result<PartSummary, Status> {
    let totals = part.totals.ok_or_else(|| Status::invalid_argument("a part without totals"))?;
    Ok(PartSummary { part: part.key()?, totals: totals.into() })
}

impl From<&Opening> for OpenProto {
    fn from(opening: &Opening) -> Self {
        Self {
            query: opening.query.as_bytes().to_vec(),
            attempt: opening.attempt,
            owner: opening.owner.clone(),
            coordinator: opening.coordinator.clone(),
            schema: opening.schema.clone(),
            keep_ms: opening.keep.as_millis() as u64,
            lost: opening.lost.clone(),
            staged: opening.staged,
        }
    }
}

impl OpenProto {
    /// The opening it carries.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an id that is not one.
    pub fn opening(self) -> Result<Opening, Status> {
        Ok(Opening {
            query: query_id(&self.query)?,
            attempt: self.attempt,
            owner: self.owner,
            coordinator: self.coordinator,
            schema: self.schema,
            keep: Duration::from_millis(self.keep_ms),
            lost: self.lost,
            staged: self.staged,
        })
    }
}

impl StatusRequestProto {
    /// A question of somebody who holds nothing of it.
    pub fn about(query: uuid::Uuid) -> Self {
        Self { query: query.as_bytes().to_vec(), ..Default::default() }
    }

    /// A question of `peer`, which holds this share.
    pub fn new(peer: &str, share: &QueryResult) -> Self {
        let Interest { read, absent } = share.interest();
        let interest = InterestProto { read, absent_ms: absent.as_millis() as u64 };
        Self {
            peer: peer.to_owned(),
            interest: Some(interest),
            readable: share.frames() > 0,
            ..Self::about(share.opening().query)
        }
    }
}

impl From<InterestProto> for Interest {
    fn from(interest: InterestProto) -> Self {
        Self { read: interest.read, absent: Duration::from_millis(interest.absent_ms) }
    }
}

#[async_trait]
impl InPieces for PeerService {
    /// A ticket that a client brought to another node.
    async fn give(&self, request: Request<Ticket>) -> Result<Pieces, Status> {
        read_forwarded(&self.queries, request.into_inner().ticket).await
    }
}

#[async_trait]
impl FlightService for PeerService {
    type HandshakeStream = Stream<HandshakeResponse>;
    type ListFlightsStream = Stream<FlightInfo>;
    type DoGetStream = Stream<FlightData>;
    type DoPutStream = Stream<PutResult>;
    type DoActionStream = Stream<arrow_flight::Result>;
    type ListActionsStream = Stream<ActionType>;
    type DoExchangeStream = Stream<FlightData>;

    /// A part of a result: one stream, one confirmation.
    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        if is_passed_on(&request) {
            return self.clients.do_put(request).await;
        }
        let mut messages = request.into_inner();
        let first = messages.message().await?;
        let descriptor = first.and_then(|message| message.flight_descriptor);
        let descriptor =
            descriptor.ok_or_else(|| Status::invalid_argument("a part without a descriptor"))?;
        let part = read::<PartProto>(&descriptor.cmd)?.key()?;
        let totals = TotalsProto::from(self.receive(part, messages).await?);
        let confirmed = PutResult { app_metadata: totals.encode_to_vec().into() };
        Ok(Response::new(futures::stream::iter([Ok(confirmed)]).boxed()))
    }

    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        Err(in_pieces())
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        if is_passed_on(&request) {
            return self.clients.do_action(request).await;
        }
        let Action { r#type, body } = request.into_inner();
        let body = self.act(&r#type, &body).await?;
        let answer = futures::stream::iter([Ok(arrow_flight::Result { body })]);
        Ok(Response::new(answer.boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(not_for_clients())
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.clients.list_flights(request).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.clients.get_flight_info(request).await
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        self.clients.poll_flight_info(request).await
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        self.clients.get_schema(request).await
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(not_for_clients())
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Err(not_for_clients())
    }
}

fn not_for_clients() -> Status {
    Status::unimplemented("this is the cluster's internal port: clients use the advertised one")
}
