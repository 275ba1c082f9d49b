//! Clients of every manner, good and bad.

mod polling;

use std::time::Duration;

use arrow_flight::FlightInfo;
use futures::TryStreamExt;
use squadron_server::client::{
    ClientError, ClientOptions, FlightSqlClient, Order, ReadOptions, ResultStream, TransportOptions,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::Recipe;
use super::moments::Step;
use crate::answer::Answer;

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Reads all endpoints at once.
    AllAtOnce,
    /// Asks by PollFlightInfo until all is there, then reads.
    Polls,
    /// Reads the endpoints one after another, the last one first.
    Reverse,
    /// Reads all endpoints, and then all of them again.
    Twice,
    /// Reads the endpoints one after another through a node that it did not ask.
    Elsewhere,
    /// Takes one batch, then nothing for a while, then the rest.
    Stalls,
    /// Goes away with one batch in hand.
    GoesWhileReading,
    /// Goes away once it has the endpoints.
    GoesWhenPlanned,
    /// Goes away without waiting for the endpoints.
    GoesWhilePlanning,
    /// Stays, and reads nothing.
    NeverReads,
    /// Cancels the query with one batch in hand, through another node.
    Cancels,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AllAtOnce,
        Self::Polls,
        Self::Reverse,
        Self::Twice,
        Self::Elsewhere,
        Self::Stalls,
        Self::GoesWhileReading,
        Self::GoesWhenPlanned,
        Self::GoesWhilePlanning,
        Self::NeverReads,
        Self::Cancels,
    ];

    /// Whether endpoints are read when their time may be over already.
    pub(super) fn reads_late(self) -> bool {
        matches!(self, Self::Reverse | Self::Twice | Self::Elsewhere | Self::Polls | Self::Stalls)
    }
}

/// How a client's time ended.
pub(super) enum Ending {
    /// With all rows, as often as it read them.
    Rows(Vec<Answer>),
    /// With an error, as gRPC tells it, so long after it began to ask.
    Error(Code, String, Duration),
    /// It did not want to know.
    Gone,
    /// With something that no server should say.
    Broken(String),
}

/// Notices a node that is gone within seconds. What dials directly has nobody else to tell it.
const TRANSPORT: TransportOptions = TransportOptions {
    connect_timeout: Duration::from_secs(4),
    keep_alive: Duration::from_secs(3),
    tls_ca: None,
    tls_identity: None,
};

/// A client of one query.
pub(super) struct Client<'a> {
    pub(super) uris: Vec<String>,
    pub(super) recipe: &'a Recipe,
    pub(super) steps: watch::Sender<Step>,
    /// Whether the fault has happened.
    pub(super) faulted: watch::Receiver<bool>,
}

impl Client<'_> {
    /// Asks, reads, and does what its manner is.
    pub(super) async fn run(mut self) -> Ending {
        let began = Instant::now();
        let ended = self.behave().await;
        self.steps.send_replace(Step::Ended);
        match ended {
            Ok(ending) => ending,
            Err(ClientError::Server(status)) => {
                Ending::Error(status.code(), status.message().to_owned(), began.elapsed())
            }
            // What gRPC libraries make of it.
            Err(error @ (ClientError::Connect { .. } | ClientError::Disconnected { .. })) => {
                Ending::Error(Code::Unavailable, format!("(client) {error}"), began.elapsed())
            }
            Err(error @ (ClientError::Usage(_) | ClientError::Protocol(_))) => {
                Ending::Broken(error.to_string())
            }
        }
    }

    async fn behave(&mut self) -> Result<Ending, ClientError> {
        let manner = self.recipe.manner;
        let client = self.connect(self.recipe.coordinator).await?;
        self.step(Step::Asking);
        if manner == Manner::GoesWhilePlanning {
            let _ = tokio::time::timeout(self.recipe.pause / 50, client.execute(self.sql())).await;
            return Ok(Ending::Gone);
        }
        let info = match manner {
            Manner::Polls => self.polled().await?,
            _ => client.execute(self.sql()).await?,
        };
        self.step(Step::Planned);
        match manner {
            Manner::AllAtOnce | Manner::Polls | Manner::Stalls => {
                let answer = self.read(&client, &info).await?;
                Ok(Ending::Rows(vec![answer]))
            }
            Manner::Twice => {
                let first = self.read(&client, &info).await?;
                let second = self.read(&client, &info).await?;
                Ok(Ending::Rows(vec![first, second]))
            }
            Manner::Reverse => self.one_by_one(&client, info, true).await,
            Manner::Elsewhere => {
                let other = self.connect(self.other()).await?;
                let mut info = info;
                info.endpoint.iter_mut().for_each(|endpoint| endpoint.location.clear());
                self.one_by_one(&other, info, false).await
            }
            Manner::GoesWhileReading => {
                let mut stream = self.open(&client, &info)?;
                stream.try_next().await?;
                self.has_rows().await;
                Ok(Ending::Gone)
            }
            Manner::GoesWhenPlanned | Manner::GoesWhilePlanning => Ok(Ending::Gone),
            Manner::NeverReads => {
                self.fault().await;
                tokio::time::sleep(self.recipe.pause).await;
                Ok(Ending::Gone)
            }
            Manner::Cancels => self.cancel(&client, &info).await,
        }
    }

    async fn connect(&self, node: usize) -> Result<FlightSqlClient, ClientError> {
        let options = ClientOptions {
            headers: self.recipe.headers(),
            transport: TRANSPORT,
            ..Default::default()
        };
        FlightSqlClient::connect_with(&self.uris[node], options).await
    }

    fn sql(&self) -> &'static str {
        self.recipe.query.sql
    }

    fn other(&self) -> usize {
        (self.recipe.coordinator + 1) % self.uris.len()
    }

    fn step(&self, step: Step) {
        self.steps.send_if_modified(|now| {
            let further = step > *now;
            *now = step.max(*now);
            further
        });
    }

    /// Waits for the fault, where there will be one.
    async fn fault(&mut self) {
        // Without an injector there is nothing to wait for.
        let _ = self.faulted.wait_for(|faulted| *faulted).await;
    }

    fn open(
        &self,
        client: &FlightSqlClient,
        info: &FlightInfo,
    ) -> Result<ResultStream, ClientError> {
        client.read_all(info, ReadOptions { order: Order::Endpoints, ..Default::default() })
    }

    /// Reads to the end. With the first batch in hand it waits for a fault that is to find a reader.
    async fn read(
        &mut self,
        client: &FlightSqlClient,
        info: &FlightInfo,
    ) -> Result<Answer, ClientError> {
        let mut stream = self.open(client, info)?;
        let (schema, meter) = (stream.schema().clone(), stream.meter());
        let mut batches = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            if batches.is_empty() {
                self.has_rows().await;
            }
            batches.push(batch);
        }
        Ok(Answer { info: info.clone(), schema, batches, endpoints: meter.endpoints() })
    }

    async fn has_rows(&mut self) {
        let first = *self.steps.borrow() < Step::Reading;
        self.step(Step::Reading);
        if first && self.recipe.manner == Manner::Stalls {
            tokio::time::sleep(self.recipe.pause).await;
        }
        if self.recipe.phase.needs_a_reader() {
            self.fault().await;
        }
    }

    async fn one_by_one(
        &mut self,
        client: &FlightSqlClient,
        info: FlightInfo,
        reverse: bool,
    ) -> Result<Ending, ClientError> {
        let mut whole: Option<Answer> = None;
        let mut endpoints = info.endpoint.clone();
        if reverse {
            endpoints.reverse();
        }
        for endpoint in endpoints {
            let one = FlightInfo { endpoint: vec![endpoint], ..info.clone() };
            let answer = self.read(client, &one).await?;
            match &mut whole {
                None => whole = Some(answer),
                Some(whole) => whole.batches.extend(answer.batches),
            }
        }
        Ok(match whole {
            Some(answer) => Ending::Rows(vec![answer]),
            None => Ending::Broken("a FlightInfo without endpoints".into()),
        })
    }

    async fn cancel(
        &mut self,
        client: &FlightSqlClient,
        info: &FlightInfo,
    ) -> Result<Ending, ClientError> {
        let mut stream = self.open(client, info)?;
        let (schema, meter) = (stream.schema().clone(), stream.meter());
        let mut batches = Vec::from_iter(stream.try_next().await?);
        self.has_rows().await;
        let other = self.connect(self.other()).await?;
        other.cancel(info.clone()).await?;
        while let Some(batch) = stream.try_next().await? {
            batches.push(batch);
        }
        let endpoints = meter.endpoints();
        Ok(Ending::Rows(vec![Answer { info: info.clone(), schema, batches, endpoints }]))
    }
}

/// As the client itself tells errors apart.
fn error(location: &str, status: Status) -> ClientError {
    match std::error::Error::source(&status) {
        Some(cause) => {
            ClientError::Disconnected { location: location.to_owned(), reason: cause.to_string() }
        }
        None => ClientError::Server(Box::new(status)),
    }
}
