//! DoGet without a copy: kept frames become HTTP/2 data as they are.
//!
//! Problem: a gRPC library encodes each message into a buffer of its own, so every byte of a result
//! would be copied once more in its last step. Official way: none in tonic, whose encoders only
//! write into such a buffer. Here: DoGet alone is answered with a body of our own, in which a
//! message is two chunks — the few bytes of gRPC and protobuf framing with the IPC header, and the
//! frame's body, which is the very memory that the result store holds. Everything else goes on to
//! tonic's service.

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

use super::read::Messages;
use super::service::ClientService;

const DO_GET: &str = "/arrow.flight.protocol.FlightService/DoGet";

/// Largest ticket that is read: ours are a few hundred bytes.
const LARGEST_TICKET: usize = 64 * 1024;

/// gRPC's prefix of a message: a flag for compression and the length.
const PREFIX: usize = 5;

/// Flight's fields, as protobuf tags (`FlightData` in Flight.proto).
const DATA_HEADER: u64 = 2 << 3 | 2;
const APP_METADATA: u64 = 3 << 3 | 2;
const DATA_BODY: u64 = 1000 << 3 | 2;

/// The client-facing service with its own DoGet.
#[derive(Clone)]
pub struct Relay {
    all: FlightServiceServer<ClientService>,
    service: ClientService,
}

impl Relay {
    /// `all` serves everything but DoGet; `service` serves that.
    pub fn new(all: FlightServiceServer<ClientService>, service: ClientService) -> Self {
        Self { all, service }
    }
}

impl NamedService for Relay {
    const NAME: &'static str = <FlightServiceServer<ClientService> as NamedService>::NAME;
}

impl Service<Request<Body>> for Relay {
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

async fn do_get(service: &ClientService, request: Request<Body>) -> Result<Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let ticket = read_ticket(body).await?;
    let metadata = MetadataMap::from_headers(parts.headers);
    let request = tonic::Request::from_parts(metadata, parts.extensions, ticket);
    let messages = service.do_get(request).await?.into_inner();
    let mut response = Response::new(Body::new(RelayBody::new(messages)));
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
    messages: Option<Messages>,
    /// The second chunk of the message whose first was given.
    rest: Option<Bytes>,
}

impl RelayBody {
    fn new(messages: Messages) -> Self {
        Self { messages: Some(messages), rest: None }
    }

    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.messages = None;
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
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        let Some(messages) = &mut self.messages else {
            return Poll::Ready(None);
        };
        let frame = match ready!(messages.poll_next_unpin(context)) {
            Some(Ok(message)) => {
                let (first, rest) = chunks(message);
                self.rest = rest;
                Frame::data(first)
            }
            Some(Err(status)) => self.end(&status),
            None => self.end(&Status::new(Code::Ok, "")),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

/// A message in its two chunks: everything up to the body, and the body.
fn chunks(message: FlightData) -> (Bytes, Option<Bytes>) {
    let FlightData { flight_descriptor, data_header, app_metadata, data_body } = message;
    debug_assert!(flight_descriptor.is_none(), "results are sent without a descriptor");
    let mut first = BytesMut::with_capacity(PREFIX + 32 + data_header.len() + app_metadata.len());
    first.put_bytes(0, PREFIX);
    put_field(&mut first, DATA_HEADER, &data_header);
    put_field(&mut first, APP_METADATA, &app_metadata);
    if !data_body.is_empty() {
        encode_varint(DATA_BODY, &mut first);
        encode_varint(data_body.len() as u64, &mut first);
    }
    let length = (first.len() - PREFIX + data_body.len()) as u32;
    first[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    (first.freeze(), (!data_body.is_empty()).then_some(data_body))
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

    fn check(message: FlightData) {
        let (first, rest) = chunks(message.clone());
        let bytes = [first.as_ref(), rest.as_deref().unwrap_or_default()].concat();
        let length = u32::from_be_bytes(bytes[1..PREFIX].try_into().unwrap()) as usize;
        assert_eq!(length, bytes.len() - PREFIX);
        assert_eq!(bytes[0], 0, "not compressed");
        assert_eq!(FlightData::decode(&bytes[PREFIX..]).unwrap(), message);
    }

    #[test]
    fn the_chunks_are_the_message() {
        check(FlightData::default());
        check(FlightData { data_header: vec![1; 300].into(), ..Default::default() });
        check(FlightData {
            data_header: vec![1; 3].into(),
            data_body: vec![2; 100_000].into(),
            app_metadata: vec![3; 10].into(),
            ..Default::default()
        });
    }

    #[test]
    fn the_body_is_not_copied() {
        let body = Bytes::from(vec![7; 1000]);
        let (_, rest) = chunks(FlightData { data_body: body.clone(), ..Default::default() });
        assert_eq!(rest.unwrap().as_ptr(), body.as_ptr());
    }
}
