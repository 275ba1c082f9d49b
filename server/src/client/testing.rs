//! A Flight server that plays a script, for tests of the client and of `squadron sql`.
//!
//! It answers statements with prepared FlightInfos and tickets with prepared frames, and remembers
//! what it was asked, so that each test says one thing about the client and needs no cluster.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, watch};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// What a ticket gives: batches of one schema, and then how it ends.
pub(crate) struct Part {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    pub end: End,
}

/// How the stream of a ticket ends.
#[derive(Clone)]
pub(crate) enum End {
    Ok,
    Fail(Status),
    /// Never: it stays open until the client drops it.
    Never,
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, Result<FlightInfo, Status>>,
    tables: Option<FlightInfo>,
    parts: HashMap<String, Part>,
    /// DoGet answers only when as many are open as the barrier wants.
    together: Option<Arc<Barrier>>,
    password: Option<String>,
    calls: Vec<(String, MetadataMap)>,
}

/// A running server on a port and a runtime of its own. When this is dropped, all of it is gone,
/// open connections included: tonic leaves those to tasks that nobody else ends.
pub(crate) struct FakeNode {
    address: SocketAddr,
    service: Service,
    runtime: Option<Runtime>,
}

#[derive(Clone)]
struct Service {
    script: Arc<Mutex<Script>>,
    open_streams: Arc<watch::Sender<usize>>,
}

impl FakeNode {
    pub fn start() -> Self {
        Self::serve(Server::builder())
    }

    pub fn serve(mut server: Server) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let open_streams = Arc::new(watch::Sender::new(0));
        let service = Service { script: Arc::default(), open_streams };
        let router = server.add_service(FlightServiceServer::new(service.clone()));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        Self { address, service, runtime: Some(runtime) }
    }

    pub fn uri(&self) -> String {
        format!("grpc+tcp://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn answer(&self, sql: &str, answer: Result<FlightInfo, Status>) {
        self.service.script.lock().answers.insert(sql.to_owned(), answer);
    }

    pub fn list_tables(&self, info: FlightInfo) {
        self.service.script.lock().tables = Some(info);
    }

    pub fn part(&self, ticket: &str, part: Part) {
        self.service.script.lock().parts.insert(ticket.to_owned(), part);
    }

    pub fn answer_together(&self, barrier: Arc<Barrier>) {
        self.service.script.lock().together = Some(barrier);
    }

    pub fn demand_password(&self, basic: &str) {
        self.service.script.lock().password = Some(basic.to_owned());
    }

    /// The header `name` of each call of `method`, in order of arrival.
    pub fn headers(&self, method: &str, name: &str) -> Vec<Option<String>> {
        let script = self.service.script.lock();
        let calls = script.calls.iter().filter(|(called, _)| called == method);
        let text = |m: &MetadataMap| m.get(name).map(|v| v.to_str().unwrap().to_owned());
        calls.map(|(_, metadata)| text(metadata)).collect()
    }

    /// Waits until no DoGet is open any more.
    pub async fn all_streams_dropped(&self) {
        let mut open = self.service.open_streams.subscribe();
        open.wait_for(|open| *open == 0).await.unwrap();
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// A FlightInfo over one endpoint per entry: a ticket and its locations.
pub(crate) fn info(schema: &Schema, endpoints: &[(&str, &[&str])]) -> FlightInfo {
    let mut info = FlightInfo::new().try_with_schema(schema).unwrap();
    for (ticket, locations) in endpoints {
        let mut endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.to_string()));
        for location in *locations {
            endpoint = endpoint.with_location(*location);
        }
        info = info.with_endpoint(endpoint);
    }
    info
}

pub(crate) fn numbers_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]))
}

/// A part of the column `n` with one batch per slice.
pub(crate) fn numbers(batches: &[&[i64]], end: End) -> Part {
    let schema = numbers_schema();
    let column = |values: &&[i64]| Arc::new(Int64Array::from(values.to_vec())) as _;
    let batch = |values| RecordBatch::try_new(schema.clone(), vec![column(values)]).unwrap();
    Part { batches: batches.iter().map(batch).collect(), schema, end }
}

type Frames = BoxStream<'static, Result<FlightData, Status>>;

/// Counts a DoGet as open until the server drops its stream.
struct OpenStream(Arc<watch::Sender<usize>>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Service {
    fn record<T>(&self, method: &str, request: &Request<T>) {
        self.script.lock().calls.push((method.to_owned(), request.metadata().clone()));
    }

    fn answer(&self, descriptor: &FlightDescriptor) -> Result<FlightInfo, Status> {
        let any = Any::decode(descriptor.cmd.clone()).unwrap();
        let script = self.script.lock();
        match Command::try_from(any).unwrap() {
            Command::CommandStatementQuery(command) => {
                let unknown = || Err(Status::not_found(format!("no script for {}", command.query)));
                script.answers.get(&command.query).cloned().unwrap_or_else(unknown)
            }
            Command::CommandGetTables(_) => {
                script.tables.clone().ok_or_else(|| Status::unimplemented("no tables"))
            }
            _ => Err(Status::unimplemented("not in the script")),
        }
    }

    fn frames(&self, ticket: &Ticket) -> Result<Frames, Status> {
        let name = String::from_utf8(ticket.ticket.to_vec()).unwrap();
        let script = self.script.lock();
        let Some(part) = script.parts.get(&name) else {
            return Err(Status::not_found(format!("no ticket {name}")));
        };
        let batches = stream::iter(part.batches.clone().into_iter().map(Ok));
        let frames = FlightDataEncoderBuilder::new().with_schema(part.schema.clone());
        let frames = frames.build(batches).map_err(Status::from);
        Ok(match part.end.clone() {
            End::Ok => frames.boxed(),
            End::Fail(status) => frames.chain(stream::iter([Err(status)])).boxed(),
            End::Never => frames.chain(stream::pending()).boxed(),
        })
    }
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = Frames;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = Frames;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let Some(wanted) = self.script.lock().password.clone() else {
            return Err(Status::unimplemented("no handshake here"));
        };
        let given = request.metadata().get("authorization").map(|v| v.to_str().unwrap());
        if given != Some(wanted.as_str()) {
            return Err(Status::unauthenticated("wrong user or password"));
        }
        let mut response = Response::new(stream::empty().boxed());
        response.metadata_mut().insert("authorization", "Bearer minted".parse().unwrap());
        response.metadata_mut().insert("set-cookie", "session=7; Path=/".parse().unwrap());
        Ok(response)
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.record("GetFlightInfo", &request);
        self.answer(request.get_ref()).map(Response::new)
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Frames>, Status> {
        self.record("DoGet", &request);
        let frames = self.frames(request.get_ref())?;
        self.open_streams.send_modify(|open| *open += 1);
        let guard = OpenStream(Arc::clone(&self.open_streams));
        let together = self.script.lock().together.clone();
        if let Some(barrier) = together {
            barrier.wait().await;
        }
        let guarded = frames.map(move |frame| {
            let _open = &guard;
            frame
        });
        Ok(Response::new(guarded.boxed()))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        self.record(&request.get_ref().r#type, &request);
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn do_put(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Frames>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Err(Status::unimplemented("not in the script"))
    }
}
