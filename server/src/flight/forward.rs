//! Calls whose session lives on another node are answered there.
//!
//! A session's settings, and what goes with it when it is closed, are at the node that made it. Clients bring
//! its name to others as well: behind a balancer, or because they read the next endpoint. A node that is
//! brought another's session passes the call on over the internal port, with its metadata, and gives the
//! answer back as it came. What needs no settings, tickets above all, is not passed on.
//!
//! ```text
//!   client ── session x.b ──► node a ── the same call ──► node b     plans and runs it, with the settings of x
//!          ◄───────── answer ─────── ◄──── its answer ────
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{
    Action, Criteria, FlightData, FlightDescriptor, FlightInfo, PollInfo, PutResult, SchemaResult,
};
use futures::channel::oneshot;
use futures::stream::{self, BoxStream, Stream};
use futures::{StreamExt, TryStreamExt};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use squadron_cluster::Member;
use squadron_cluster::channels::MemberChannel;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};

use super::connection::ConnectionInfo;
use super::peers::{Peers, is_lost, named};
use super::status;
use crate::auth::{Identity, Principal};

/// What the client calls itself, in a call that is passed on: `user-agent` is that of this node there.
pub const AGENT: &str = "x-squadron-user-agent";

/// Who the call comes from, in a call that is passed on, percent-encoded: this node has found out.
pub const PRINCIPAL: &str = "x-squadron-principal";

/// The session that its token stands for, if it brought one.
pub const SESSION: &str = "x-squadron-session";

/// The connection that it came on.
pub const CONNECTION: &str = "x-squadron-connection";

/// Set in a call that is passed on.
const PASSED_ON: &str = "x-squadron-passed-on";

/// Whether a call on the internal port is a client's.
pub fn is_passed_on<T>(request: &Request<T>) -> bool {
    request.metadata().contains_key(PASSED_ON)
}

/// Metadata of one connection, or that proves who somebody is: they are made anew.
const OWN: [&str; 6] = [
    "user-agent",
    "grpc-encoding",
    "grpc-accept-encoding",
    "content-length",
    "squadron-cluster",
    "authorization",
];

/// The node that a session lives on.
pub struct Home {
    node: String,
    /// Whether the call may change something there: it is not to be made again where its answer is lost.
    changes: bool,
    client: FlightServiceClient<MemberChannel>,
}

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Answer<BoxStream<'static, Result<T, Status>>>;

/// As if the call had come to that node: its answers, and its errors; UNAVAILABLE where it cannot be reached, INTERNAL where
/// nobody knows what was changed then.
impl Home {
    /// That node, as one of these peers.
    pub fn new(peers: &Peers, member: &Member) -> Self {
        Self { node: member.node_id.clone(), changes: false, client: peers.client(member) }
    }

    /// The same for a call that changes something there, if it does.
    pub(super) fn changing(self, changes: bool) -> Self {
        Self { changes, ..self }
    }

    pub(super) async fn get_flight_info(
        mut self,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let answer = self.client.get_flight_info(passed_on(request)).await;
        answer.map_err(|error| failed(&self.node, self.changes, error))
    }

    pub(super) async fn get_schema(
        mut self,
        request: Request<FlightDescriptor>,
    ) -> Answer<SchemaResult> {
        let answer = self.client.get_schema(passed_on(request)).await;
        answer.map_err(|error| named(&self.node, error))
    }

    pub(super) async fn poll_flight_info(
        mut self,
        request: Request<FlightDescriptor>,
    ) -> Answer<PollInfo> {
        let answer = self.client.poll_flight_info(passed_on(request)).await;
        answer.map_err(|error| failed(&self.node, self.changes, error))
    }

    pub(super) async fn do_action(
        mut self,
        request: Request<Action>,
    ) -> Answers<arrow_flight::Result> {
        let answer = self.client.do_action(passed_on(request)).await;
        self.answers(answer)
    }

    pub(super) async fn list_flights(mut self, request: Request<Criteria>) -> Answers<FlightInfo> {
        let answer = self.client.list_flights(passed_on(request)).await;
        self.answers(answer)
    }

    pub(super) async fn do_put(
        mut self,
        request: Request<BoxStream<'static, Result<FlightData, Status>>>,
    ) -> Answers<PutResult> {
        let mut failure = None;
        let request = passed_on(request).map(|from| {
            let (messages, failed) = messages(from);
            failure = Some(failed);
            messages
        });
        let failure = async {
            match failure {
                Some(failed) => failed.await.ok(),
                None => None,
            }
        };
        tokio::select! {
            answer = self.client.do_put(request) => self.answers(answer),
            Some(error) = failure => Err(error),
        }
    }

    fn answers<T: Send + 'static>(&self, answer: Answer<Streaming<T>>) -> Answers<T> {
        let (node, changes) = (self.node.clone(), self.changes);
        let failed = move |error| failed(&node, changes, error);
        Ok(answer.map_err(&failed)?.map(|answers| answers.map_err(failed).boxed()))
    }
}

/// What the client is told of a call that has failed at this node, or on the way there or back.
fn failed(node: &str, changes: bool, error: Status) -> Status {
    let lost = is_lost(&error);
    match named(node, error) {
        error if changes && lost => status::status_of_change(&error),
        error => error,
    }
}

/// The same call for another node.
fn passed_on<T>(mut request: Request<T>) -> Request<T> {
    let metadata = request.metadata_mut();
    let agent = metadata.get("user-agent").cloned();
    for key in OWN {
        metadata.remove(key);
    }
    if let Some(agent) = agent {
        metadata.insert(AGENT, agent);
    }
    metadata.insert(PASSED_ON, MetadataValue::from_static("true"));
    if let Some(identity) = request.extensions().get::<Identity>().cloned() {
        let connection = request.extensions().get::<ConnectionInfo>();
        let connection = connection.map(|info| info.of(&identity.principal.name).name);
        write_identity(request.metadata_mut(), &identity, connection.as_deref());
    }
    // What this connection knows of itself is not that of the next.
    *request.extensions_mut() = tonic::Extensions::default();
    request
}

fn write_identity(metadata: &mut MetadataMap, identity: &Identity, connection: Option<&str>) {
    let mut insert = |key: &'static str, text: &str| {
        let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        if let Ok(value) = text.parse() {
            metadata.insert(key, value);
        }
    };
    insert(PRINCIPAL, &identity.principal.name);
    if let Some(session) = &identity.session {
        insert(SESSION, session);
    }
    if let Some(connection) = connection {
        insert(CONNECTION, connection);
    }
}

/// The connection that a call which was passed on came on, in the words of the node that passed it on.
pub fn read_connection(metadata: &MetadataMap) -> Option<Arc<str>> {
    let text = metadata.get(CONNECTION)?.to_str().ok()?;
    percent_decode_str(text).decode_utf8().ok().map(Arc::from)
}

/// Who a call that was passed on comes from, by the node that passed it on.
pub fn read_identity(metadata: &MetadataMap) -> Option<Identity> {
    let read = |key: &str| {
        let text = metadata.get(key)?.to_str().ok()?;
        percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
    };
    let mut identity = Identity::new(Principal::named(&read(PRINCIPAL)?));
    identity.session = read(SESSION);
    Some(identity)
}

/// The messages of a client, for a call of this node's own: should they end in an error, that is told
/// apart from their end, which the other node would take for all there is.
fn messages(
    from: BoxStream<'static, Result<FlightData, Status>>,
) -> (impl Stream<Item = FlightData> + Send + 'static, oneshot::Receiver<Status>) {
    let (failed, failure) = oneshot::channel();
    let messages = stream::unfold((from, Some(failed)), |(mut from, mut failed)| async move {
        match from.next().await? {
            Ok(message) => Some((message, (from, failed))),
            Err(error) => {
                let _ = failed.take().map(|failed| failed.send(error));
                // The call is given up by then.
                stream::pending().next().await
            }
        }
    });
    (messages, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_travels_and_what_a_connection_says_does_not() {
        let mut request = Request::new(());
        let brought = ["cookie", "user-agent", "squadron-cluster", "authorization"];
        for (key, value) in brought.into_iter().zip(["c", "grafana", "x", "Basic YWw6cHc"]) {
            request.metadata_mut().insert(key, value.parse().unwrap());
        }
        let request = passed_on(request);
        let brought = |key| request.metadata().get(key).map(|value| value.to_str().unwrap());
        assert_eq!(brought("cookie"), Some("c"));
        assert_eq!(brought(AGENT), Some("grafana"));
        assert_eq!(brought("squadron-cluster"), None);
        assert_eq!(brought("authorization"), None);
        assert!(is_passed_on(&request));
    }

    #[test]
    fn what_may_have_changed_something_is_not_to_be_run_again() {
        let lost = || Status::from_error(Box::new(std::io::Error::other("transport error")));
        let read = failed("b", false, lost());
        assert_eq!(read.code(), tonic::Code::Unavailable);
        assert!(read.message().ends_with("run the query again"), "{read}");
        let wrote = failed("b", true, lost());
        assert_eq!(wrote.code(), tonic::Code::Internal);
        assert!(wrote.message().starts_with("it is not known whether"), "{wrote}");
        assert!(wrote.message().contains("node b") && wrote.details().is_empty(), "{wrote}");
        let said = failed("b", true, status::status(tonic::Code::Unavailable, "stopping"));
        assert_eq!((said.code(), said.message()), (tonic::Code::Unavailable, "stopping"));
    }

    #[test]
    fn who_calls_travels_with_the_call() {
        let mut request = Request::new(());
        let mut identity = Identity::new(Principal::named("älice, b=c"));
        identity.session = Some("s.b".into());
        request.extensions_mut().insert(identity);
        let read = read_identity(passed_on(request).metadata()).unwrap();
        assert_eq!((&*read.principal.name, read.session.as_deref()), ("älice, b=c", Some("s.b")));
        assert!(read_identity(passed_on(Request::new(())).metadata()).is_none());
    }
}
