//! Counters of a read, per endpoint, for progress lines and for knowing who served what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A view of the counters of a running or finished read; clones show the same.
#[derive(Clone)]
pub struct Meter {
    started: Instant,
    endpoints: Arc<[Counters]>,
}

/// What one endpoint has given so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointReport {
    /// The location that answered; none yet while it is dialled.
    pub location: Option<String>,
    /// Rows read.
    pub rows: u64,
    /// Batches read.
    pub batches: u64,
    /// Bytes of the gRPC messages read, schema included.
    pub bytes: u64,
    /// From the start of the read to the first batch.
    pub first_batch: Option<Duration>,
    /// From the start of the read to the end of this endpoint, once it ended with OK.
    pub finished: Option<Duration>,
}

#[derive(Default)]
pub(super) struct Counters {
    rows: AtomicU64,
    batches: AtomicU64,
    bytes: AtomicU64,
    moments: Mutex<Moments>,
}

#[derive(Default)]
struct Moments {
    location: Option<String>,
    first_batch: Option<Duration>,
    finished: Option<Duration>,
}

impl Meter {
    pub(super) fn new(endpoints: usize) -> Self {
        let endpoints = (0..endpoints).map(|_| Counters::default()).collect();
        Self { started: Instant::now(), endpoints }
    }

    /// The counters of each endpoint, in the order of the FlightInfo.
    pub fn endpoints(&self) -> Vec<EndpointReport> {
        self.endpoints.iter().map(Counters::report).collect()
    }

    /// The sums over all endpoints: rows, bytes, and endpoints that ended.
    pub fn totals(&self) -> (u64, u64, usize) {
        let reports = self.endpoints();
        let rows = reports.iter().map(|r| r.rows).sum();
        let bytes = reports.iter().map(|r| r.bytes).sum();
        (rows, bytes, reports.iter().filter(|r| r.finished.is_some()).count())
    }

    pub(super) fn of(&self, endpoint: usize) -> EndpointMeter {
        EndpointMeter { meter: self.clone(), endpoint }
    }
}

impl Counters {
    fn report(&self) -> EndpointReport {
        let moments = self.moments.lock();
        EndpointReport {
            location: moments.location.clone(),
            rows: self.rows.load(Relaxed),
            batches: self.batches.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            first_batch: moments.first_batch,
            finished: moments.finished,
        }
    }
}

/// The writing end for one endpoint.
#[derive(Clone)]
pub(super) struct EndpointMeter {
    meter: Meter,
    endpoint: usize,
}

impl EndpointMeter {
    fn counters(&self) -> &Counters {
        &self.meter.endpoints[self.endpoint]
    }

    pub(super) fn served_by(&self, location: String) {
        self.counters().moments.lock().location = Some(location);
    }

    pub(super) fn message(&self, bytes: usize) {
        self.counters().bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn batch(&self, rows: usize) {
        let counters = self.counters();
        counters.rows.fetch_add(rows as u64, Relaxed);
        if counters.batches.fetch_add(1, Relaxed) == 0 {
            counters.moments.lock().first_batch = Some(self.meter.started.elapsed());
        }
    }

    /// Whether a batch has been handed on, so that no other location may start over.
    pub(super) fn has_batches(&self) -> bool {
        self.counters().batches.load(Relaxed) > 0
    }

    pub(super) fn finished(&self) {
        self.counters().moments.lock().finished = Some(self.meter.started.elapsed());
    }
}
