//! A share of a result in pieces no larger than a connection should hold of it.
//!
//! Frames in memory go whole, since nothing is saved by cutting what is there anyway. Frames on disk are
//! read only as far as the connection asks for: a message then begins before its end was read, and if
//! that turns out to be damaged, the stream ends in an error in the middle of it, which no client takes
//! for a message.

use arrow_flight::FlightData;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use tonic::{Request, Status};

use super::frames::{frame_message, schema_message};
use super::status;
use crate::results::{Given, QueryResult, ResultError, ResultReader, SpilledFrame};

/// What of a stream of messages is sent at a time.
#[derive(Debug)]
pub enum Piece {
    /// A message.
    Whole(FlightData),
    /// A message without the end of its body.
    Begin {
        /// The IPC header.
        header: Bytes,
        /// The beginning of the body.
        body: Bytes,
        /// Bytes of the whole body.
        length: usize,
    },
    /// What follows of the body that was begun last.
    More(Bytes),
}

/// What a reader gets: the schema, then frames as they come.
pub type Pieces = BoxStream<'static, Result<Piece, Status>>;

/// A service whose answers to DoGet come in pieces, for [`super::relay`].
#[async_trait]
pub trait InPieces: Clone + Send + Sync + 'static {
    /// Answers a DoGet.
    ///
    /// # Errors
    /// Why there is nothing to read.
    async fn give(&self, request: Request<arrow_flight::Ticket>) -> Result<Pieces, Status>;
}

/// What the generated services say to a DoGet, should one come by [`super::relay`].
pub(super) fn in_pieces() -> Status {
    status::internal("DoGet is answered in pieces")
}

/// What a reader gives, on `node`. The schema comes with the first piece, or the end: an endpoint that fails before
/// that has given nothing, and clients go on to its next location.
///
/// # Errors
/// Why there is no reader.
pub fn pieces(
    result: &QueryResult,
    reader: Result<ResultReader, ResultError>,
    node: &str,
) -> Result<Pieces, Status> {
    let place = format!("query {}, on node {node}", result.opening().query);
    let reader = reader.map_err(|error| status::result(&error))?;
    let schema = Piece::Whole(schema_message(result.opening().schema.clone()));
    let sending = Sending { reader, frame: None };
    let all = stream::try_unfold((sending, place), |(mut sending, place)| async move {
        let piece = sending.next().await;
        let piece = piece.map_err(|error| status::result(&placed(error, &place)))?;
        Ok(piece.map(|piece| (piece, (sending, place))))
    });
    let all = all.boxed().into_future().map(|(first, rest)| {
        let begin = match first {
            Some(Err(error)) => vec![Err(error)],
            first => [Ok(schema)].into_iter().chain(first).collect(),
        };
        stream::iter(begin).chain(rest)
    });
    Ok(all.flatten_stream().boxed())
}

/// An error of this node's disk with the query and the node; any other as it is.
fn placed(error: ResultError, place: &str) -> ResultError {
    match &error {
        ResultError::Corrupt(text) | ResultError::Disk(text) if !text.contains(place) => {
            error.with_text(format!("{text} ({place})"))
        }
        _ => error,
    }
}

/// A reader, and the frame that it is in the middle of.
struct Sending {
    reader: ResultReader,
    frame: Option<SpilledFrame>,
}

impl Sending {
    async fn next(&mut self) -> Result<Option<Piece>, ResultError> {
        if let Some(frame) = &mut self.frame {
            if let Some(more) = frame.next().await? {
                return Ok(Some(Piece::More(more)));
            }
            self.frame = None;
        }
        match self.reader.give().await? {
            None => Ok(None),
            Some(Given::Frame(frame)) => Ok(Some(Piece::Whole(frame_message(frame)))),
            Some(Given::OnDisk(frame)) => {
                let frame = self.frame.insert(frame);
                let (header, body) = frame.begin().await?;
                Ok(Some(Piece::Begin { header, body, length: frame.body() }))
            }
        }
    }
}
