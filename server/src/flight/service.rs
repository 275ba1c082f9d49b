//! Flight SQL for clients.
//!
//! `FlightService` itself rather than arrow-flight's `FlightSqlService`, whose blanket
//! implementation answers UNIMPLEMENTED to GetSchema, ListFlights and polling for good. Each method
//! reads what was asked, calls the room that knows, and turns its answer into messages.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::Command;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket as FlightTicket,
};
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::action::{self, set_cookie};
use super::caller::{Called, Port, called};
use super::command::{Wish, not_yet, wish};
use super::forward::Home;
use super::pieces::in_pieces;
use super::put::Put;
use super::{answer, changing, info, ingest, listing, poll, prepared, put, status};
use crate::auth::Gate;
use crate::query::{Asked, Outcome, Queries, Started, Update};
use crate::session::Sessions;

mod give;

/// The client-facing service of a node.
#[derive(Clone)]
pub struct ClientService {
    queries: Arc<Queries>,
    sessions: Arc<Sessions>,
    gate: Arc<Gate>,
    /// Calls of clients whose session lives elsewhere are passed on; those end here.
    port: Port,
}

/// Where a call is answered.
enum Place {
    /// Here, with these settings.
    Here(Called),
    /// Where its session lives.
    Elsewhere(Home),
}

/// What became of a wish.
enum Executed {
    /// A query runs.
    Started(Arc<Started>),
    /// All there is to it.
    Answered(FlightInfo),
}

type Stream<T> = BoxStream<'static, Result<T, Status>>;

impl ClientService {
    /// The service over this node's queries, sessions and tokens, behind the layer that says who calls.
    pub fn new(queries: Arc<Queries>, sessions: Arc<Sessions>, gate: Arc<Gate>) -> Self {
        Self { queries, sessions, gate, port: Port::Clients }
    }

    /// The same for calls that other nodes have passed on: they end here.
    pub fn for_nodes(queries: Arc<Queries>, sessions: Arc<Sessions>, gate: Arc<Gate>) -> Self {
        Self { queries, sessions, gate, port: Port::Nodes }
    }

    /// What lets clients in at this node.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    fn passes_on(&self) -> bool {
        self.port == Port::Clients
    }

    /// The other node that has to answer a call, since the caller's session lives there.
    fn home(&self, called: &Called) -> Option<Home> {
        let node = called.home.as_deref().filter(|_| self.passes_on())?;
        let members = self.queries.members();
        members.get(node).map(|member| Home::new(self.queries.peers(), member))
    }

    fn called<T>(&self, request: &Request<T>) -> Result<Called, Status> {
        called(request.metadata(), request.extensions(), &self.sessions, self.port)
    }

    /// The caller of what depends on the settings of its session, or who has them.
    fn called_with_settings<T>(&self, request: &Request<T>) -> Result<Place, Status> {
        let called = self.called(request)?;
        if let Some(home) = self.home(&called) {
            return Ok(Place::Elsewhere(home));
        }
        called.has_its_settings().map(|()| Place::Here(called))
    }

    /// What a wish that runs a statement asks for.
    fn asked(&self, wish: &Wish, called: &Called) -> Result<Option<Asked>, Status> {
        match wish {
            Wish::Statement(sql) => Ok(Some(Asked::new(sql))),
            Wish::Plan(plan) => Ok(Some(Asked::plan(plan.clone()))),
            Wish::Path(path) => Ok(Some(Asked::new(listing::select_all(path)?))),
            Wish::Prepared(handle) => prepared::asked(handle, called, &self.queries).map(Some),
            Wish::Metadata(_) => Ok(None),
        }
    }

    /// The other node that has to answer what is asked of a prepared statement, since its values are there.
    fn keeps(&self, handle: Option<&[u8]>, called: &Called) -> Option<Home> {
        let handle = handle.filter(|_| self.passes_on())?;
        let member = prepared::home(handle, called, &self.queries)?;
        Some(Home::new(self.queries.peers(), &member))
    }

    /// Where a call of this descriptor is answered.
    fn place(&self, request: &Request<FlightDescriptor>) -> Result<Place, Status> {
        let place = self.called_with_settings(request)?;
        let handle = match wish(request.get_ref()) {
            Ok(Wish::Prepared(handle)) => Some(handle),
            _ => None,
        };
        Ok(self.kept(place, handle.as_deref()))
    }

    /// The same of a call that is about the prepared statement of this handle.
    fn kept(&self, place: Place, handle: Option<&[u8]>) -> Place {
        let keeps = match &place {
            Place::Here(called) => self.keeps(handle, called),
            Place::Elsewhere(_) => None,
        };
        keeps.map_or(place, Place::Elsewhere)
    }

    /// Runs a statement: a query starts, a setting is changed and answered at once.
    async fn execute(
        &self,
        query: Uuid,
        asked: &Asked,
        called: &Called,
        descriptor: &FlightDescriptor,
    ) -> Result<Executed, Status> {
        let outcome = self.queries.start_as(query, asked, &called.caller).await;
        match outcome.map_err(|error| status::planner(&error))? {
            Outcome::Started(started) if started.is_update => {
                let settled = self.queries.settled(started.query).await;
                settled.map_err(|error| status::result(&error))?;
                Ok(Executed::Started(started))
            }
            Outcome::Started(query) => Ok(Executed::Started(query)),
            Outcome::Change(statement) => {
                self.change(*statement, called).await?;
                self.done(called, descriptor)
            }
            Outcome::Ddl(ddl) => {
                let executed = self.queries.change_catalog(*ddl, &called.caller).await;
                executed.map_err(|error| status::planner(&error))?;
                self.done(called, descriptor)
            }
        }
    }

    /// The answer of a statement that was carried out and gives no rows.
    fn done(&self, called: &Called, descriptor: &FlightDescriptor) -> Result<Executed, Status> {
        let info = self.on_demand(&Schema::empty(), Vec::new(), called, descriptor.clone())?;
        Ok(Executed::Answered(info))
    }

    /// Does what a descriptor asks for: as `query`, if that gives rows.
    async fn fulfil(
        &self,
        query: Uuid,
        called: &Called,
        descriptor: &FlightDescriptor,
    ) -> Result<Executed, Status> {
        let wish = wish(descriptor)?;
        match (&wish, self.asked(&wish, called)?) {
            (_, Some(asked)) => self.execute(query, &asked, called, descriptor).await,
            (Wish::Metadata(command), None) => {
                self.metadata(command, called, descriptor.clone()).map(Executed::Answered)
            }
            (_, None) => Err(status::internal("a wish without SQL")),
        }
    }

    /// What it starts goes on without the call.
    async fn poll_first(
        &self,
        called: Called,
        descriptor: FlightDescriptor,
        within: Duration,
    ) -> Result<PollInfo, Status> {
        let changes = changing::by_descriptor(&descriptor, &called, &self.queries).await;
        let (query, service, caller) = (Uuid::now_v7(), self.clone(), called.caller.clone());
        let work = async move {
            match service.fulfil(query, &called, &descriptor).await? {
                Executed::Answered(info) => Ok(Some(poll::complete(info))),
                Executed::Started(_) => Ok(None),
            }
        };
        let begun = self.queries.begin(query, &caller, work);
        let begun = begun.map_err(|error| status::result(&error))?;
        poll::first(begun, changes, within, &caller.principal, &self.queries).await
    }

    /// Runs a statement that gives no rows.
    async fn update(&self, asked: &Asked, called: &Called) -> Result<PutResult, Status> {
        let update = self.queries.update(asked, &called.caller).await;
        match update.map_err(|error| status::planner(&error))? {
            Update::Session(statement) => self.change(*statement, called).await?,
            Update::Ddl(ddl) => {
                let executed = self.queries.change_catalog(*ddl, &called.caller).await;
                executed.map_err(|error| status::planner(&error))?;
            }
            Update::Rows { .. } => {
                return Ok(put::updated(self.change_rows(asked, called).await?));
            }
        }
        Ok(put::updated(0))
    }

    async fn change_rows(&self, asked: &Asked, called: &Called) -> Result<u64, Status> {
        let outcome = self.queries.start_as(Uuid::now_v7(), asked, &called.caller).await;
        match outcome.map_err(|error| status::planner(&error))? {
            Outcome::Started(started) => {
                let rows = self.queries.settled_unread(started.query).await;
                rows.map_err(|error| status::result(&error))
            }
            Outcome::Change(_) | Outcome::Ddl(_) => Err(status::internal("no change of rows")),
        }
    }

    /// Carries a prepared statement out for each row of values: an INSERT of one row at once, and others one after
    /// the other.
    async fn update_for_each(
        &self,
        handle: &[u8],
        values: &RecordBatch,
        called: &Called,
    ) -> Result<PutResult, Status> {
        let (asked, rows, parameters) =
            prepared::asked_for_each(handle, values, called, &self.queries)?;
        let update = self.queries.update(&asked, &called.caller).await;
        let update = update.map_err(|error| status::planner(&error))?;
        let Update::Rows { for_each } = update else {
            return Err(Status::invalid_argument(
                "the statement changes no rows: it takes no values for parameters",
            ));
        };
        if for_each && rows.num_rows() > 1 {
            let asked = Asked { rows: Some(rows), ..asked };
            return Ok(put::updated(self.change_rows(&asked, called).await?));
        }
        let rows = parameters.rows(values).map_err(|error| status::planner(&error))?;
        let (count, mut changed) = (rows.len(), 0);
        for (done, values) in rows.into_iter().enumerate() {
            let asked = Asked { values: values.into(), ..asked.clone() };
            changed += self.change_rows(&asked, called).await.map_err(|error| match done {
                0 => error,
                _ => put::partly(&error, done, count),
            })?;
        }
        Ok(put::updated(changed))
    }

    /// SET changes the session's own settings, not those that this request's headers add.
    async fn change(&self, statement: Statement, called: &Called) -> Result<(), Status> {
        let settings = called.session.settings();
        let changed = self.queries.planner().change(statement, &settings).await;
        let changed = changed.map_err(|error| status::planner(&error))?;
        called.can_change(&changed)?;
        called.session.set_settings(changed);
        Ok(())
    }

    fn metadata(
        &self,
        command: &Command,
        called: &Called,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let schema = answer::schema(command)?;
        self.on_demand(&schema, descriptor.cmd.to_vec(), called, descriptor)
    }

    fn on_demand(
        &self,
        schema: &Schema,
        command: Vec<u8>,
        called: &Called,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let principal = &called.caller.principal;
        let (ticket, expires) = answer::ticket(command, principal, self.queries.signer());
        info::on_demand(schema, ticket, expires, descriptor)
    }

    async fn schema_of(&self, wish: &Wish, called: &Called) -> Result<SchemaRef, Status> {
        if let Wish::Metadata(command) = wish {
            return answer::schema(command);
        }
        let asked = self.asked(wish, called)?.unwrap_or_else(|| Asked::new(""));
        let schema = self.queries.schema(&asked, &called.caller).await;
        schema.map_err(|error| status::planner(&error))
    }
}

#[async_trait]
impl FlightService for ClientService {
    type HandshakeStream = Stream<HandshakeResponse>;
    type ListFlightsStream = Stream<FlightInfo>;
    type DoGetStream = Stream<FlightData>;
    type DoPutStream = Stream<PutResult>;
    type DoActionStream = Stream<arrow_flight::Result>;
    type ListActionsStream = Stream<ActionType>;
    type DoExchangeStream = Stream<FlightData>;

    /// Whoever comes in gets a session, and a token that stands for it. The request stream is not waited for:
    /// some drivers send no message at all.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let principal = self.called(&request)?.identity.principal;
        let created = self.sessions.create(&principal.name);
        let (session, _) = created.map_err(|full| status::session(&full))?;
        let token = self.gate.token(&principal, &session);
        let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response = Response::new(futures::stream::iter([Ok(answer)]).boxed());
        let bearer = format!("Bearer {token}").parse();
        let bearer = bearer.map_err(|_| status::internal("an unprintable token"))?;
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let called = match self.place(&request)? {
            Place::Here(called) => called,
            Place::Elsewhere(home) => {
                let changes = changing::by_descriptor(
                    request.get_ref(),
                    &self.called(&request)?,
                    &self.queries,
                )
                .await;
                return home.changing(changes).get_flight_info(request).await;
            }
        };
        let descriptor = request.into_inner();
        let info = match self.fulfil(Uuid::now_v7(), &called, &descriptor).await? {
            Executed::Started(query) => info::started(&query, descriptor)?,
            Executed::Answered(info) => info,
        };
        Ok(Response::new(info))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let called = match self.place(&request)? {
            Place::Here(called) => called,
            Place::Elsewhere(home) => return home.get_schema(request).await,
        };
        let wish = wish(request.get_ref())?;
        let schema = self.schema_of(&wish, &called).await?;
        Ok(Response::new(SchemaResult { schema: info::schema_bytes(&schema)? }))
    }

    async fn do_get(
        &self,
        _: Request<FlightTicket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        Err(in_pieces())
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let (own, place) = (self.called(&request)?, self.called_with_settings(&request)?);
        let (metadata, extensions, messages) = request.into_parts();
        let begun = put::begin(messages).await?;
        let called = match self.kept(place, begun.put.handle().map(AsRef::as_ref)) {
            Place::Here(called) => called,
            Place::Elsewhere(home) => {
                let changes = changing::by_put(&begun.put, &own, &self.queries).await;
                let request = Request::from_parts(metadata, extensions, begun.messages());
                return home.changing(changes).do_put(request).await;
            }
        };
        let result = match begun.put.clone() {
            Put::Bind(handle) => {
                let rows = begun.rows().await?;
                prepared::bind(&handle, rows.as_ref(), &called, &self.queries)?;
                put::bound(handle)
            }
            Put::Ingest(command) => {
                let asked = ingest::asked(*command, begun).await?;
                put::updated(self.change_rows(&asked, &called).await?)
            }
            Put::Run(sql) => self.update(&Asked::new(sql), &called).await?,
            Put::RunPrepared(handle) => match begun.all_rows().await? {
                Some(rows) => self.update_for_each(&handle, &rows, &called).await?,
                None => {
                    let asked = prepared::asked(&handle, &called, &self.queries)?;
                    self.update(&asked, &called).await?
                }
            },
        };
        Ok(Response::new(futures::stream::iter([Ok(result)]).boxed()))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let called = self.called(&request)?;
        let home = match action::is_of_a_session(&request.get_ref().r#type) {
            true => self.home(&called),
            false => self.keeps(action::handle(request.get_ref()).as_deref(), &called),
        };
        if let Some(home) = home {
            return home.do_action(request).await;
        }
        let action = request.get_ref();
        let answer = action::act(action, &called, &self.queries, &self.sessions).await?;
        let body = answer.body.map(|body| Ok(arrow_flight::Result { body }));
        let mut response = Response::new(futures::stream::iter(body).boxed());
        if let Some(session) = &answer.cookie {
            set_cookie(&mut response, session);
        }
        Ok(response)
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let types = action::types().into_iter().map(Ok);
        Ok(Response::new(futures::stream::iter(types).boxed()))
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        let called = match self.called_with_settings(&request)? {
            Place::Here(called) => called,
            Place::Elsewhere(home) => return home.list_flights(request).await,
        };
        let flights = listing::flights(&self.queries, &called.caller).await;
        Ok(Response::new(futures::stream::iter(flights).boxed()))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let called = self.called(&request)?;
        let within = poll::patience(request.metadata());
        let principal = called.caller.principal.as_str();
        let polled = match poll::handle(request.get_ref(), principal, &self.queries)? {
            Some(handle) => poll::next(&handle, within, principal, &self.queries).await?,
            None => match self.place(&request)? {
                Place::Here(called) => {
                    self.poll_first(called, request.into_inner(), within).await?
                }
                Place::Elsewhere(home) => {
                    let changes =
                        changing::by_descriptor(request.get_ref(), &called, &self.queries).await;
                    return home.changing(changes).poll_flight_info(request).await;
                }
            },
        };
        Ok(Response::new(polled))
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(not_yet("DoExchange"))
    }
}
