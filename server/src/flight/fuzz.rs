//! Fuzz targets: whatever comes from a client or a peer is read, or refused as its sender's mistake.
//!
//! Each runs for a moment with every `cargo test`, on inputs by chance and on valid messages with a few
//! bytes changed. They are targets of `bolero`, which can drive them by coverage too.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCreatePreparedStatementRequest, CommandGetTables,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementQuery,
    ProstMessageExt,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    RenewFlightEndpointRequest, Ticket as FlightTicket,
};
use bolero::{TypeGenerator, check};
use bytes::Bytes;
use prost::Message;
use squadron_planner::deliver::{PartKey, PartTotals};
use squadron_planner::options::Dialect;
use tokio::runtime::Runtime;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use uuid::Uuid;

use super::caller::{Called, Port, called};
use super::messages::{
    CommitProto, FailProto, LeaveProto, ManifestProto, OpenProto, PartProto, PollProto,
    QueriesProto, QueryProto, StatusRequestProto, TokenProto,
};
use super::peer::PeerService;
use super::peers::actions;
use super::session_options::{self as options, SetSessionOptionsRequest};
use super::testing::{Plan, TestCluster, from_anybody, open_gate};
use super::ticket::{PollHandle, ResultTicket, Signer, Ticket};
use super::{action, command, frames, lifetime, put};
use crate::auth::ANONYMOUS;
use crate::results::Frame;
use crate::session::Sessions;

/// For how long a target runs in a test.
const BRIEFLY: Duration = Duration::from_secs(2);

/// Bytes as an attacker, or a fault, makes them.
#[derive(Debug, Clone, TypeGenerator)]
struct Input {
    /// Which message it began as.
    kind: u8,
    /// Nothing of it may be left.
    raw: Option<Vec<u8>>,
    /// Bytes that are others now.
    edits: Vec<(u16, u8)>,
    /// Where it was cut off.
    cut: Option<u16>,
}

impl Input {
    /// One of the valid messages, as this input made it.
    fn of<'v>(&self, valid: &'v [(&'static str, Vec<u8>)]) -> (&'v str, Vec<u8>) {
        let (name, bytes) = &valid[self.kind as usize % valid.len()];
        let mut bytes = self.raw.clone().unwrap_or_else(|| bytes.clone());
        for (at, byte) in &self.edits {
            let at = *at as usize % bytes.len().max(1);
            if let Some(place) = bytes.get_mut(at) {
                *place = *byte;
            }
        }
        bytes.truncate(self.cut.map_or(usize::MAX, usize::from));
        (name, bytes)
    }
}

/// A mistake of the sender's is no bug of the program's, and is told in less than a header holds.
fn is_blamed_on_the_sender(status: &Status) {
    assert!(!matches!(status.code(), Code::Ok | Code::Internal | Code::Unknown), "{status:?}");
    assert!(status.message().len() < 4096, "{status:?}");
}

fn share(queries: &str) -> ResultTicket {
    let (coordinator, peer) = (queries.to_owned(), queries.to_owned());
    ResultTicket { query: Uuid::from_u128(1), coordinator, peer, endpoint: 0, changes: false }
}

fn tickets(signer: &Signer) -> Vec<(&'static str, Vec<u8>)> {
    let poll =
        PollHandle { query: Uuid::from_u128(1), coordinator: "a".into(), seen: 1, changes: true };
    let all = [
        ("share", Ticket::Result(share("a"))),
        ("command", Ticket::Command(vec![1, 2, 3])),
        ("statement", Ticket::Statement(written("select 1"))),
        ("plan", Ticket::Plan("plan".into())),
        ("prepared", Ticket::Prepared(prepared())),
        ("poll", Ticket::Poll(poll)),
    ];
    let hour = Duration::from_secs(3600);
    all.map(|(name, ticket)| (name, signer.sign(ticket, ANONYMOUS, hour).to_vec())).into()
}

#[test]
fn a_ticket_that_was_not_signed_is_refused() {
    let signer = Signer::new([1; 32]);
    let valid = tickets(&signer);
    check!().with_type::<Input>().with_test_time(BRIEFLY).for_each(|input| {
        let (_, bytes) = input.of(&valid);
        let genuine = valid.iter().any(|(_, ticket)| *ticket == bytes);
        assert_eq!(signer.check(&bytes, ANONYMOUS).is_ok(), genuine);
        assert_eq!(signer.check_forwarded(&bytes).is_ok(), genuine);
    });
}

#[test]
fn a_signed_ticket_of_another_version_is_read_or_refused() {
    let signer = Signer::new([1; 32]);
    let payload = |bytes: &Vec<u8>| bytes[33..].to_vec();
    let valid: Vec<_> =
        tickets(&signer).iter().map(|(name, ticket)| (*name, payload(ticket))).collect();
    check!().with_type::<Input>().with_test_time(BRIEFLY).for_each(|input| {
        let (_, payload) = input.of(&valid);
        // Whatever it says, it is read again as it was read first.
        if let Ok((ticket, principal)) = signer.check_forwarded(&signer.sign_payload(&payload)) {
            let again = signer.sign(ticket.clone(), &principal, Duration::from_secs(60));
            assert_eq!(signer.check_forwarded(&again), Ok((ticket, principal)));
        }
    });
}

#[test]
fn a_message_of_a_part_is_taken_as_it_is_or_refused() {
    let frame = Frame::new(Bytes::from_static(b"header"), Bytes::from_static(b"body"), 7);
    let metadata = |message: FlightData| message.app_metadata.to_vec();
    let valid = vec![
        ("frame", metadata(frames::put_message(frame))),
        ("end", metadata(frames::end_message(PartTotals::default()))),
    ];
    let key = PartKey { query: Uuid::from_u128(1), attempt: 1, task: 2, partition: 3 };
    let named = vec![("part", PartProto::new(key, Some(PartTotals::default())).encode_to_vec())];
    check!().with_type::<(Input, Vec<u8>, Vec<u8>)>().with_test_time(BRIEFLY).for_each(
        |(input, header, body)| {
            let message = FlightData {
                app_metadata: input.of(&valid).1.into(),
                data_header: header.clone().into(),
                data_body: body.clone().into(),
                ..Default::default()
            };
            match frames::read_put(message) {
                Ok(frames::Put::Frame(frame)) => {
                    assert_eq!((&frame.header[..], &frame.body[..]), (&header[..], &body[..]));
                }
                Ok(frames::Put::End(_)) => {}
                Err(status) => is_blamed_on_the_sender(&status),
            }
            if let Ok(part) = PartProto::decode(&input.of(&named).1[..])
                && let Err(status) = part.key()
            {
                is_blamed_on_the_sender(&status);
            }
        },
    );
}

fn commands() -> Vec<(&'static str, Vec<u8>)> {
    let query = CommandStatementQuery { query: "select 1".into(), transaction_id: None };
    let tables = CommandGetTables { include_schema: true, ..Default::default() };
    let handle = Bytes::from_static(b"handle");
    let update = CommandPreparedStatementUpdate { prepared_statement_handle: handle.clone() };
    let prepared = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    vec![
        ("query", query.as_any().encode_to_vec()),
        ("tables", tables.as_any().encode_to_vec()),
        ("prepared", prepared.as_any().encode_to_vec()),
        ("update", update.as_any().encode_to_vec()),
    ]
}

#[test]
fn a_descriptor_is_a_wish_or_refused() {
    let valid = commands();
    check!().with_type::<(Input, i32, Vec<String>)>().with_test_time(BRIEFLY).for_each(
        |(input, kind, path)| {
            let cmd = Bytes::from(input.of(&valid).1);
            let descriptor = FlightDescriptor { r#type: *kind, cmd, path: path.clone() };
            if let Err(status) = command::wish(&descriptor) {
                is_blamed_on_the_sender(&status);
            }
        },
    );
}

#[test]
fn a_binding_is_read_or_refused() {
    let valid = commands();
    check!().with_type::<(Input, Vec<u8>)>().with_test_time(BRIEFLY).for_each(|(input, schema)| {
        let first = FlightData {
            flight_descriptor: Some(FlightDescriptor::new_cmd(input.of(&valid).1)),
            data_header: schema.clone().into(),
            ..Default::default()
        };
        if let Err(status) = put::put(&first) {
            is_blamed_on_the_sender(&status);
        }
    });
}

/// A node to send actions to.
struct Target {
    runtime: Runtime,
    cluster: TestCluster,
}

fn written(sql: &str) -> super::ticket::Written {
    super::ticket::Written { sql: sql.to_owned(), dialect: Dialect::Squadron }
}

fn prepared() -> super::ticket::PreparedHandle {
    let (statement, node) = (written("select ?"), "a".to_owned());
    super::ticket::PreparedHandle { statement, id: Uuid::from_u128(7), node }
}

impl Target {
    fn new() -> AssertUnwindSafe<Self> {
        let runtime = Runtime::new().unwrap();
        let cluster = runtime.block_on(Plan::of(1).start());
        AssertUnwindSafe(Self { runtime, cluster })
    }

    fn signer(&self) -> &Signer {
        self.cluster.nodes[0].queries().signer()
    }

    fn called(&self) -> (Arc<Sessions>, Called) {
        let engine = self.cluster.nodes[0].queries().planner().engine();
        let sessions = Arc::new(Sessions::new("a", engine.session_config()));
        let (metadata, anybody) = (MetadataMap::new(), from_anybody(()));
        let called = called(&metadata, anybody.extensions(), &sessions, Port::Clients).unwrap();
        (sessions, called)
    }

    fn of_a_client(&self, name: &str, body: Vec<u8>) {
        let (sessions, called) = self.called();
        let action = Action { r#type: name.to_owned(), body: body.into() };
        let acted = action::act(&action, &called, self.cluster.nodes[0].queries(), &sessions);
        if let Err(status) = self.runtime.block_on(acted) {
            is_blamed_on_the_sender(&status);
        }
    }

    fn of_a_peer(&self, name: &str, body: &[u8]) {
        let (sessions, _) = self.called();
        let service =
            PeerService::new(Arc::clone(self.cluster.nodes[0].queries()), sessions, open_gate());
        if let Err(status) = self.runtime.block_on(service.act(name, body)) {
            is_blamed_on_the_sender(&status);
        }
    }

    fn infos(&self) -> FlightInfo {
        let minute = Duration::from_secs(60);
        let ticket = self.signer().sign(Ticket::Result(share("a")), ANONYMOUS, minute);
        let ticket = Some(FlightTicket { ticket });
        FlightInfo {
            endpoint: vec![FlightEndpoint { ticket, ..Default::default() }],
            ..Default::default()
        }
    }

    fn client_actions(&self) -> Vec<(&'static str, Vec<u8>)> {
        let info = self.infos();
        let endpoint = info.endpoint.first().cloned();
        let statement =
            ActionCreatePreparedStatementRequest { query: "select 1".into(), ..Default::default() };
        let cancel = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
        let value = options::SessionOptionValue {
            option_value: Some(options::OptionValue::String("one".into())),
        };
        let set = SetSessionOptionsRequest {
            session_options: [("squadron.endpoints".to_owned(), value)].into(),
        };
        vec![
            ("CreatePreparedStatement", statement.as_any().encode_to_vec()),
            ("ClosePreparedStatement", cancel.as_any().encode_to_vec()),
            (
                lifetime::CANCEL_FLIGHT_INFO,
                CancelFlightInfoRequest { info: Some(info) }.encode_to_vec(),
            ),
            (lifetime::CANCEL_QUERY, cancel.as_any().encode_to_vec()),
            (lifetime::RENEW, RenewFlightEndpointRequest { endpoint }.encode_to_vec()),
            (options::SET, set.encode_to_vec()),
            (options::GET, Vec::new()),
            (options::CLOSE, Vec::new()),
        ]
    }

    fn peer_actions(&self) -> Vec<(&'static str, Vec<u8>)> {
        let id = Uuid::from_u128(1).as_bytes().to_vec();
        let key = PartKey { query: Uuid::from_u128(1), attempt: 0, task: 0, partition: 0 };
        let open = OpenProto { query: id.clone(), keep_ms: 1000, ..Default::default() };
        let parts = vec![PartProto::new(key, Some(PartTotals::default()))];
        let leave = LeaveProto { query: id.clone(), attempt: 0, peer: "b".into() };
        // Another query's: what it fails with, whatever that is, is told to whoever asks for it afterwards.
        let failed = Uuid::from_u128(2).as_bytes().to_vec();
        let fail = FailProto { query: failed, code: 14, message: "why".into() };
        let status =
            StatusRequestProto { query: id.clone(), peer: "b".into(), ..Default::default() };
        let ticket = self.infos().endpoint[0].ticket.clone().unwrap().ticket.to_vec();
        let commit = CommitProto { query: id.clone(), attempt: 0 };
        vec![
            (actions::OPEN, open.encode_to_vec()),
            (actions::RESTART, open.encode_to_vec()),
            (
                actions::VERIFY,
                ManifestProto { query: id.clone(), attempt: 0, parts }.encode_to_vec(),
            ),
            (actions::COMMIT, commit.encode_to_vec()),
            (actions::FAIL, fail.encode_to_vec()),
            (actions::RELEASE, fail.encode_to_vec()),
            (actions::RELEASE_READ, QueriesProto { queries: vec![id.clone()] }.encode_to_vec()),
            (actions::STATUS, status.encode_to_vec()),
            (actions::LEAVE, leave.encode_to_vec()),
            (actions::POLL, PollProto { query: id.clone(), ..Default::default() }.encode_to_vec()),
            (actions::HOLDS, QueryProto { query: id.clone() }.encode_to_vec()),
            (actions::CANCEL, QueryProto { query: id }.encode_to_vec()),
            (actions::RENEW, ticket),
            (actions::SEES, Vec::new()),
            (actions::TOKEN, TokenProto { session: "s".into(), used: true }.encode_to_vec()),
            (actions::USE, Vec::new()),
        ]
    }
}

#[test]
fn an_action_of_a_client_is_done_or_refused() {
    let target = Target::new();
    let valid = target.client_actions();
    check!().with_type::<Input>().with_test_time(BRIEFLY).for_each(|input| {
        let (name, body) = input.of(&valid);
        (*target).of_a_client(name, body);
    });
}

#[test]
fn an_action_of_a_peer_is_done_or_refused() {
    let target = Target::new();
    let valid = target.peer_actions();
    let failing = OpenProto {
        query: Uuid::from_u128(2).as_bytes().to_vec(),
        keep_ms: 1000,
        ..Default::default()
    };
    (*target).of_a_peer(actions::OPEN, &failing.encode_to_vec());
    check!().with_type::<Input>().with_test_time(BRIEFLY).for_each(|input| {
        let (name, body) = input.of(&valid);
        (*target).of_a_peer(name, &body);
    });
}
