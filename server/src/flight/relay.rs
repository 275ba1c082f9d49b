//! DoGet without a copy: kept frames become HTTP/2 data as they are, on both ports.
//!
//! Problem: a gRPC library encodes each message into a buffer of its own, so every byte of a result
//! would be copied once more in its last step. Official way: none in tonic, whose encoders only
//! write into such a buffer. Here: DoGet alone is answered with a body of our own, in which a
//! message is the few bytes of gRPC and protobuf framing with the IPC header, and then slices of the
//! frame's body, which is the very memory that the result store holds, or what was just read from disk.
//! Everything else goes on to tonic's service.
//!
//! A slice is asked for when the connection has room for some of it: HTTP/2 then holds no more than two,
//! whatever its client does.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{FlightData, Ticket};
use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use prost::Message;
use prost::encoding::encode_varint;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Code, Status};

use super::pieces::{InPieces, Piece, Pieces};
use crate::results::PIECE;

const DO_GET: &str = "/arrow.flight.protocol.FlightService/DoGet";

/// Largest ticket that is read: ours are a few hundred bytes.
const LARGEST_TICKET: usize = 64 * 1024;

/// gRPC's prefix of a message: a flag for compression and the length.
const PREFIX: usize = 5;

/// Flight's fields, as protobuf tags (`FlightData` in Flight.proto).
const DATA_HEADER: u64 = 2 << 3 | 2;
const APP_METADATA: u64 = 3 << 3 | 2;
const DATA_BODY: u64 = 1000 << 3 | 2;

/// A Flight service with its own DoGet.
#[derive(Clone)]
pub struct Relay<S: FlightService> {
    all: FlightServiceServer<S>,
    service: S,
}

impl<S: FlightService> Relay<S> {
    /// `all` serves everything but DoGet; `service` serves that.
    pub fn new(all: FlightServiceServer<S>, service: S) -> Self {
        Self { all, service }
    }
}

impl<S: FlightService> NamedService for Relay<S> {
    const NAME: &'static str = <FlightServiceServer<S> as NamedService>::NAME;
}

impl<S: FlightService + InPieces> Service<Request<Body>> for Relay<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.all, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != DO_GET {
            return self.all.call(request);
        }
        let service = self.service.clone();
        Box::pin(async move {
            let answer = do_get(&service, request).await;
            Ok(answer.unwrap_or_else(Status::into_http))
        })
    }
}

async fn do_get(service: &impl InPieces, request: Request<Body>) -> Result<Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let ticket = read_ticket(body).await?;
    let metadata = MetadataMap::from_headers(parts.headers);
    let request = tonic::Request::from_parts(metadata, parts.extensions, ticket);
    let pieces = service.give(request).await?;
    let mut response = Response::new(Body::new(RelayBody::new(pieces)));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    Ok(response)
}

/// Reads the one message of a DoGet request.
async fn read_ticket(body: Body) -> Result<Ticket, Status> {
    let limited = http_body_util::Limited::new(body, LARGEST_TICKET);
    let collected = limited.collect().await;
    let bytes = collected
        .map_err(|error| Status::new(Code::InvalidArgument, format!("unreadable ticket: {error}")))?
        .to_bytes();
    let message = match bytes.first() {
        Some(0) => bytes.get(PREFIX..),
        Some(_) => return Err(Status::unimplemented("compressed requests are not supported")),
        None => None,
    };
    let message = message.ok_or_else(|| Status::invalid_argument("DoGet without a ticket"))?;
    Ticket::decode(message)
        .map_err(|error| Status::new(Code::InvalidArgument, format!("unreadable ticket: {error}")))
}

/// Messages as HTTP/2 data, then the status as trailers.
struct RelayBody {
    pieces: Option<Pieces>,
    /// What was got of a body and not given yet.
    rest: Bytes,
}

impl RelayBody {
    fn new(pieces: Pieces) -> Self {
        Self { pieces: Some(pieces), rest: Bytes::new() }
    }

    /// The next slice of what there is.
    fn slice(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE)))
    }

    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.pieces = None;
        let mut trailers = http::HeaderMap::new();
        // Fails only for a status whose text is no header; its code alone is always one.
        if status.add_header(&mut trailers).is_err() {
            trailers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for RelayBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.slice())));
        }
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        let frame = match ready!(pieces.poll_next_unpin(context)) {
            Some(Ok(Piece::More(more))) => {
                self.rest = more;
                self.slice()
            }
            Some(Ok(begin)) => {
                let (first, rest) = chunks(begin);
                self.rest = rest;
                Frame::data(first)
            }
            Some(Err(status)) => self.end(&status),
            None => self.end(&Status::new(Code::Ok, "")),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

/// The beginning of a message in its two chunks: everything up to the body, and what there is of the body.
fn chunks(piece: Piece) -> (Bytes, Bytes) {
    let (message, length) = match piece {
        Piece::Whole(message) => {
            let length = message.data_body.len();
            (message, length)
        }
        Piece::Begin { header, body, length } => {
            (FlightData { data_header: header, data_body: body, ..Default::default() }, length)
        }
        Piece::More(more) => return (more, Bytes::new()),
    };
    let FlightData { flight_descriptor, data_header, app_metadata, data_body } = message;
    debug_assert!(flight_descriptor.is_none(), "results are sent without a descriptor");
    let mut first = BytesMut::with_capacity(PREFIX + 32 + data_header.len() + app_metadata.len());
    first.put_bytes(0, PREFIX);
    put_field(&mut first, DATA_HEADER, &data_header);
    put_field(&mut first, APP_METADATA, &app_metadata);
    if length > 0 {
        encode_varint(DATA_BODY, &mut first);
        encode_varint(length as u64, &mut first);
    }
    let length = (first.len() - PREFIX + length) as u32;
    first[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    (first.freeze(), data_body)
}

fn put_field(bytes: &mut BytesMut, tag: u64, value: &[u8]) {
    if !value.is_empty() {
        encode_varint(tag, bytes);
        encode_varint(value.len() as u64, bytes);
        bytes.put_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body of these pieces gives, chunk by chunk.
    async fn sent(pieces: Vec<Result<Piece, Status>>) -> (Vec<Bytes>, http::HeaderMap) {
        let mut body = RelayBody::new(futures::stream::iter(pieces).boxed());
        let mut chunks = Vec::new();
        loop {
            match body.frame().await.unwrap().unwrap().into_data() {
                Ok(chunk) => chunks.push(chunk),
                Err(trailers) => return (chunks, trailers.into_trailers().unwrap()),
            }
        }
    }

    async fn check(message: FlightData) {
        let (chunks, _) = sent(vec![Ok(Piece::Whole(message.clone()))]).await;
        is_message(&chunks.concat(), message);
    }

    fn is_message(bytes: &[u8], message: FlightData) {
        let length = u32::from_be_bytes(bytes[1..PREFIX].try_into().unwrap()) as usize;
        assert_eq!(length, bytes.len() - PREFIX);
        assert_eq!(bytes[0], 0, "not compressed");
        assert_eq!(FlightData::decode(&bytes[PREFIX..]).unwrap(), message);
    }

    #[tokio::test]
    async fn the_chunks_are_the_message() {
        check(FlightData::default()).await;
        check(FlightData { data_header: vec![1; 300].into(), ..Default::default() }).await;
        check(FlightData {
            data_header: vec![1; 3].into(),
            data_body: vec![2; 1_000_000].into(),
            app_metadata: vec![3; 10].into(),
            ..Default::default()
        })
        .await;
    }

    fn header() -> Bytes {
        Bytes::from_static(b"header")
    }

    #[tokio::test]
    async fn the_pieces_are_the_message() {
        let begin = |body: Bytes, length| Piece::Begin { header: header(), body, length };
        let body: Vec<u8> = (0..1000).map(|at| at as u8).collect();
        for at in [0, 1, 999, 1000] {
            let (one, other) = body.split_at(at);
            let more = (!other.is_empty()).then(|| Piece::More(other.to_vec().into()));
            let pieces = [begin(one.to_vec().into(), 1000)].into_iter().chain(more);
            let (chunks, _) = sent(pieces.map(Ok).collect()).await;
            let data_body = body.clone().into();
            let message = FlightData { data_header: header(), data_body, ..Default::default() };
            is_message(&chunks.concat(), message);
        }
    }

    #[tokio::test]
    async fn an_error_ends_a_message_in_its_middle() {
        let begin = Piece::Begin { header: header(), body: vec![7; 10].into(), length: 100 };
        let damaged = Status::data_loss("the disk");
        let (chunks, trailers) = sent(vec![Ok(begin), Err(damaged)]).await;
        let sent = chunks.concat();
        let announced = u32::from_be_bytes(sent[1..PREFIX].try_into().unwrap()) as usize;
        assert_eq!(sent.len() - PREFIX + 90, announced);
        assert_eq!(trailers["grpc-status"], (Code::DataLoss as i32).to_string());
    }

    #[tokio::test]
    async fn the_body_is_neither_copied_nor_given_at_once() {
        let body = Bytes::from(vec![7; 2 * PIECE + 1]);
        let message = FlightData { data_body: body.clone(), ..Default::default() };
        let (chunks, _) = sent(vec![Ok(Piece::Whole(message))]).await;
        let [_, slices @ ..] = chunks.as_slice() else { panic!("nothing was sent") };
        assert_eq!(slices.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1]);
        assert_eq!(slices[0].as_ptr(), body.as_ptr());
    }
}
