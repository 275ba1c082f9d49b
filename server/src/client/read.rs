//! A whole result as one stream: every endpoint in its own task, joined without losing a row.
//!
//! Each endpoint's task sends batches into a bounded channel; when it is full that task waits and
//! HTTP/2 flow control holds back that node alone. The end of a channel says nothing about why it
//! ended, so the stream also waits for the task: it ends only when all tasks ended with OK, and
//! the first error of any of them ends it at once, even when batches of others are waiting.

mod endpoint;
mod meter;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_flight::{FlightEndpoint, FlightInfo};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::SelectAll;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use super::options::{Order, ReadOptions};
use super::{ClientError, FlightSqlClient};
use endpoint::EndpointReader;
pub use meter::{EndpointReport, Meter};

/// The batches of a result, of all endpoints. Dropping it cancels every DoGet under way.
pub struct ResultStream {
    client: FlightSqlClient,
    options: ReadOptions,
    schema: SchemaRef,
    meter: Meter,
    /// Endpoints not started, in order, because `options.parallel` others run.
    waiting: VecDeque<(usize, FlightEndpoint)>,
    running: JoinSet<Result<(), ClientError>>,
    channels: Channels,
    ended: bool,
}

impl ResultStream {
    pub(super) fn open(
        client: FlightSqlClient,
        info: &FlightInfo,
        mut options: ReadOptions,
    ) -> Result<Self, ClientError> {
        let schema = info.clone().try_decode_schema();
        let schema = schema.map_err(|e| ClientError::Protocol(format!("FlightInfo: {e}")))?;
        if info.ordered {
            options.order = Order::Endpoints;
        }
        let mut stream = Self {
            client,
            options,
            schema: Arc::new(schema),
            meter: Meter::new(info.endpoint.len()),
            waiting: info.endpoint.iter().cloned().enumerate().collect(),
            running: JoinSet::new(),
            channels: Channels::new(options.order),
            ended: false,
        };
        stream.start_waiting();
        Ok(stream)
    }

    /// The schema of every batch, known before the first.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The counters, to be looked at while the stream is read and after.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    fn start_waiting(&mut self) {
        while self.running.len() < self.options.parallel.max(1) {
            let Some((index, endpoint)) = self.waiting.pop_front() else {
                return;
            };
            let (batches, receiver) = mpsc::channel(self.options.buffered_batches.max(1));
            let reader = EndpointReader {
                client: self.client.clone(),
                index,
                schema: Arc::clone(&self.schema),
                meter: self.meter.of(index),
                batches,
            };
            self.running.spawn(reader.read(endpoint));
            self.channels.push(ReceiverStream::new(receiver));
        }
    }

    /// Takes the results of tasks that ended; ready when an error or the last of them was found.
    fn poll_tasks(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        while let Some(joined) = ready!(self.running.poll_join_next(cx)) {
            if let Err(error) = joined.unwrap_or_else(|e| Err(died(&e))) {
                return Poll::Ready(Err(error));
            }
            self.start_waiting();
        }
        Poll::Ready(Ok(()))
    }

    fn fail(&mut self, error: ClientError) -> Poll<Option<<Self as Stream>::Item>> {
        self.ended = true;
        self.running.abort_all();
        self.channels = Channels::new(self.options.order);
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for ResultStream {
    type Item = Result<RecordBatch, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let tasks = match self.poll_tasks(cx) {
            Poll::Ready(Err(error)) => return self.fail(error),
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        };
        match self.channels.poll_next(cx) {
            Poll::Ready(Some(batch)) => Poll::Ready(Some(Ok(batch))),
            Poll::Pending => Poll::Pending,
            // The channels may close a moment before their tasks are joined.
            Poll::Ready(None) => {
                ready!(tasks);
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }
}

fn died(error: &JoinError) -> ClientError {
    ClientError::Protocol(format!("the reader of an endpoint died: {error}"))
}

/// The channels of all endpoints, as one.
enum Channels {
    Arrival(SelectAll<ReceiverStream<RecordBatch>>),
    Endpoints(VecDeque<ReceiverStream<RecordBatch>>),
}

impl Channels {
    fn new(order: Order) -> Self {
        match order {
            Order::Arrival => Self::Arrival(SelectAll::new()),
            Order::Endpoints => Self::Endpoints(VecDeque::new()),
        }
    }

    fn push(&mut self, channel: ReceiverStream<RecordBatch>) {
        match self {
            Self::Arrival(all) => all.push(channel),
            Self::Endpoints(queue) => queue.push_back(channel),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<RecordBatch>> {
        match self {
            Self::Arrival(all) => all.poll_next_unpin(cx),
            Self::Endpoints(queue) => loop {
                let Some(first) = queue.front_mut() else {
                    return Poll::Ready(None);
                };
                match ready!(first.poll_next_unpin(cx)) {
                    Some(batch) => return Poll::Ready(Some(batch)),
                    None => queue.pop_front(),
                };
            },
        }
    }
}
