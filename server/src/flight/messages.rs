//! What nodes tell each other, and what a ticket holds, as protobuf.
//!
//! Written by hand with `prost`: a dozen small messages do not pay for a protobuf compiler that a
//! newcomer's machine lacks. Field numbers are never used again for something else.

use prost::Message;

/// What a peer must know before a query's first frame (action `squadron.open`), and the answer to
/// `squadron.status`.
#[derive(Clone, PartialEq, Message)]
pub struct OpenProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// Principal who may read.
    #[prost(string, tag = "3")]
    pub owner: String,
    /// Node id of the coordinator.
    #[prost(string, tag = "4")]
    pub coordinator: String,
    /// Encoded schema header.
    #[prost(bytes = "bytes", tag = "5")]
    pub schema: bytes::Bytes,
    /// Milliseconds to keep the result after completion.
    #[prost(uint64, tag = "6")]
    pub keep_ms: u64,
    /// Node ids of peers that earlier attempts lost.
    #[prost(string, repeated, tag = "7")]
    pub lost: Vec<String>,
    /// Whether frames are held back until the commit.
    #[prost(bool, tag = "8")]
    pub staged: bool,
}

/// Names a part: the command of a delivering DoPut, and a line of a manifest.
#[derive(Clone, PartialEq, Message)]
pub struct PartProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// Task.
    #[prost(uint32, tag = "3")]
    pub task: u32,
    /// Partition.
    #[prost(uint32, tag = "4")]
    pub partition: u32,
    /// What was counted, once it is known.
    #[prost(message, optional, tag = "5")]
    pub totals: Option<TotalsProto>,
}

/// What was counted of a part.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct TotalsProto {
    /// Rows.
    #[prost(uint64, tag = "1")]
    pub rows: u64,
    /// Frames.
    #[prost(uint64, tag = "2")]
    pub frames: u64,
    /// Bytes.
    #[prost(uint64, tag = "3")]
    pub bytes: u64,
    /// Checksum.
    #[prost(fixed64, tag = "4")]
    pub checksum: u64,
}

/// Rows of the frame it travels with, or the end of the part: the metadata of a DoPut message.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct PutProto {
    /// Rows in this frame.
    #[prost(uint64, tag = "1")]
    pub rows: u64,
    /// Set on the last message, which has no frame.
    #[prost(message, optional, tag = "2")]
    pub end: Option<TotalsProto>,
}

/// A query and the parts that a peer must hold (action `squadron.verify`).
#[derive(Clone, PartialEq, Message)]
pub struct ManifestProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// The parts.
    #[prost(message, repeated, tag = "3")]
    pub parts: Vec<PartProto>,
}

/// What a peer asks a coordinator, and what it knows of the result's readers meanwhile (action
/// `squadron.status`).
#[derive(Clone, PartialEq, Message)]
pub struct StatusRequestProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Node id of the peer.
    #[prost(string, tag = "2")]
    pub peer: String,
    /// Set by a peer that holds the result.
    #[prost(message, optional, tag = "3")]
    pub interest: Option<InterestProto>,
    /// Whether it holds anything to read.
    #[prost(bool, tag = "4")]
    pub readable: bool,
}

/// Asks a coordinator whether rows of a run may leave a peer (action `squadron.leave`).
#[derive(Clone, PartialEq, Message)]
pub struct LeaveProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// Node id of the peer.
    #[prost(string, tag = "3")]
    pub peer: String,
}

/// Asks a coordinator how far its query is (action `squadron.poll`).
#[derive(Clone, PartialEq, Message)]
pub struct PollProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// What the client has seen.
    #[prost(uint64, tag = "2")]
    pub seen: u64,
    /// Milliseconds to wait for more at most.
    #[prost(uint64, tag = "3")]
    pub within_ms: u64,
    /// Whether it changes something.
    #[prost(bool, tag = "4")]
    pub changes: bool,
}

/// How far a query is: what its client is answered, but for the handle of the next poll.
#[derive(Clone, PartialEq, Message)]
pub struct PolledProto {
    /// The FlightInfo with the endpoints that can be read.
    #[prost(message, optional, tag = "1")]
    pub info: Option<arrow_flight::FlightInfo>,
    /// 0 to 1.
    #[prost(double, tag = "2")]
    pub progress: f64,
    /// What the next poll has seen.
    #[prost(uint64, tag = "3")]
    pub version: u64,
    /// Nothing more will change.
    #[prost(bool, tag = "4")]
    pub complete: bool,
}

/// Who was there to read a result.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct InterestProto {
    /// Whether anybody ever was.
    #[prost(bool, tag = "1")]
    pub read: bool,
    /// Milliseconds that nobody has been.
    #[prost(uint64, tag = "2")]
    pub absent_ms: u64,
}

/// A run of a query whose manifest matched everywhere (action `squadron.commit`).
#[derive(Clone, PartialEq, Message)]
pub struct CommitProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
}

/// A query (action `squadron.cancel`).
#[derive(Clone, PartialEq, Message)]
pub struct QueryProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
}

/// Queries (action `squadron.release-read`).
#[derive(Clone, PartialEq, Message)]
pub struct QueriesProto {
    /// Query ids, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub queries: Vec<Vec<u8>>,
}

/// A query's failure (action `squadron.fail`).
#[derive(Clone, PartialEq, Message)]
pub struct FailProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// gRPC code.
    #[prost(int32, tag = "2")]
    pub code: i32,
    /// Text.
    #[prost(string, tag = "3")]
    pub message: String,
}

/// What a coordinator says of its query (answer of `squadron.status`).
#[derive(Clone, PartialEq, Message)]
pub struct StatusProto {
    /// How to open it.
    #[prost(message, optional, tag = "1")]
    pub open: Option<OpenProto>,
    /// Whether it was committed: a peer that does not hold it then has lost it.
    #[prost(bool, tag = "2")]
    pub committed: bool,
    /// Its failure.
    #[prost(message, optional, tag = "3")]
    pub failed: Option<FailProto>,
    /// Milliseconds since it was taken, by no clock that nodes would have to agree on.
    #[prost(uint64, tag = "4")]
    pub age_ms: u64,
}

/// What became of a query that was to be cancelled (answer of `squadron.cancel`).
#[derive(Clone, Copy, PartialEq, Message)]
pub struct CancelledProto {
    /// It had failed before.
    #[prost(bool, tag = "1")]
    pub too_late: bool,
}

/// The nodes that a node sees (answer of `squadron.sees`).
#[derive(Clone, PartialEq, Message)]
pub struct SeesProto {
    /// Node ids.
    #[prost(string, repeated, tag = "1")]
    pub nodes: Vec<String>,
}

/// Which catalog a node keeps (answer of `squadron.catalog`).
#[derive(Clone, PartialEq, Message)]
pub struct CatalogProto {
    /// Its id; nothing where there is none yet, or the node keeps none.
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
}

/// A token, by the name of its session (body of `squadron.token`).
#[derive(Clone, PartialEq, Message)]
pub struct TokenProto {
    /// The session.
    #[prost(string, tag = "1")]
    pub session: String,
    /// Whether it is used at the node that asks.
    #[prost(bool, tag = "2")]
    pub used: bool,
}

/// When a token was last used (answer of `squadron.token`).
#[derive(Clone, Copy, PartialEq, Message)]
pub struct TokenUsedProto {
    /// So many seconds ago.
    #[prost(uint64, optional, tag = "1")]
    pub idle: Option<u64>,
}

/// How long a share is kept from now on (answer of `squadron.renew`).
#[derive(Clone, Copy, PartialEq, Message)]
pub struct RenewedProto {
    /// Milliseconds.
    #[prost(uint64, tag = "1")]
    pub keep_ms: u64,
}

/// What a ticket says, under its signature.
#[derive(Clone, PartialEq, Message)]
pub struct TicketProto {
    /// Unix seconds.
    #[prost(uint64, tag = "1")]
    pub expires: u64,
    /// Principal it was given to.
    #[prost(string, tag = "2")]
    pub principal: String,
    /// What it is for.
    #[prost(oneof = "TicketKind", tags = "3, 4, 5, 6, 7, 8")]
    pub kind: Option<TicketKind>,
}

/// What a ticket is for.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum TicketKind {
    /// A share of a query's result.
    #[prost(message, tag = "3")]
    Result(ResultTicketProto),
    /// The answer of a metadata command: the command itself (an `Any`), answered when it is read.
    #[prost(bytes, tag = "4")]
    Command(Vec<u8>),
    /// A prepared statement: its handle, not a ticket.
    #[prost(message, tag = "5")]
    Statement(StatementProto),
    /// A Substrait plan that was prepared.
    #[prost(bytes = "bytes", tag = "8")]
    Plan(bytes::Bytes),
    /// How far a query is: the handle of the next poll, not a ticket.
    #[prost(message, tag = "6")]
    Poll(PollHandleProto),
    /// A prepared statement with parameters: its handle, not a ticket.
    #[prost(message, tag = "7")]
    Prepared(PreparedHandleProto),
}

/// A statement and how it is read.
#[derive(Clone, PartialEq, Message)]
pub struct StatementProto {
    /// Its text.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// The value of `squadron.dialect`.
    #[prost(string, tag = "2")]
    pub dialect: String,
}

/// A statement of which a node keeps what is bound to its parameters.
#[derive(Clone, PartialEq, Message)]
pub struct PreparedHandleProto {
    /// The statement.
    #[prost(message, optional, tag = "1")]
    pub statement: Option<StatementProto>,
    /// Its name there, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub id: Vec<u8>,
    /// Node id.
    #[prost(string, tag = "3")]
    pub node: String,
}

/// A query of which a client wants to know how far it is.
#[derive(Clone, PartialEq, Message)]
pub struct PollHandleProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Node id of the coordinator.
    #[prost(string, tag = "2")]
    pub coordinator: String,
    /// What the client has seen.
    #[prost(uint64, tag = "3")]
    pub seen: u64,
    /// Whether it changes something.
    #[prost(bool, tag = "4")]
    pub changes: bool,
}

/// A share of a query's result.
#[derive(Clone, PartialEq, Message)]
pub struct ResultTicketProto {
    /// Query id, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub query: Vec<u8>,
    /// Node id of the coordinator.
    #[prost(string, tag = "2")]
    pub coordinator: String,
    /// Node id of the peer that holds this share.
    #[prost(string, tag = "3")]
    pub peer: String,
    /// Which endpoint: every ticket is its own.
    #[prost(uint32, tag = "4")]
    pub endpoint: u32,
    /// Whether the query changes something.
    #[prost(bool, tag = "5")]
    pub changes: bool,
}
