//! A join gives way to others while it works.
//!
//! Problem: the joins of DataFusion 55 go through the whole build side for every batch that they probe it
//! with, and look neither at the clock nor at their inputs before they are through or have rows to give: a
//! nested loop join works for minutes in one poll. Nobody can cancel it, and what else wants its thread
//! waits: planning, a `select 1`, other queries. Official way: none yet; operators give way where batches
//! are read and nowhere else. Here: the join and its probe input are wrapped. The input hands out slices of
//! its batches, as large as the join gets through in [`Limits::stretch`], and returns to the scheduler
//! between two of them once the task has had its turn; so does the join between two batches that it gives.
//!
//! A single row of the probe side against the whole build side is the least that can be asked for: tens of
//! milliseconds for millions of build rows.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;

use super::stand_in::{self, Run, alike, stand_in};

/// Has the joins of one stage give way.
pub(super) fn pace(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    pace_within(
        plan,
        Limits { turn: Duration::from_millis(20), stretch: Duration::from_millis(50) },
    )
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How long a task may go on before it gives way.
    turn: Duration,
    /// How long a join may work on one slice without a look at anything else.
    stretch: Duration,
}

fn pace_within(plan: Arc<dyn ExecutionPlan>, limits: Limits) -> Result<Arc<dyn ExecutionPlan>> {
    stand_in::each(plan, |node| {
        let Some(input) = Input::of(node.as_ref()) else { return Ok(None) };
        let handed = Handed::default();
        let children = node.children().into_iter().cloned();
        let children = children.map(|child| pace_within(child, limits));
        let mut children = children.collect::<Result<Vec<_>>>()?;
        if input == Input::Sliced {
            let probe = children.remove(PROBE);
            children.insert(PROBE, stand_in(probe, Sliced(Arc::clone(&handed))));
        }
        let join = Arc::clone(node).replace_children(children, alike())?;
        Ok(Some(stand_in(join, Paced { handed, limits })))
    })
}

/// The right one, in all joins of DataFusion.
const PROBE: usize = 1;

/// How a join takes its probe input.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    /// A batch of any size makes the same rows, but takes a time that is in proportion to its own.
    Sliced,
    /// As it comes: a poll ends after each row of the build side anyway (and what it gives would be as
    /// small as the slices are), or after what fills a batch.
    Whole,
}

impl Input {
    fn of(node: &dyn ExecutionPlan) -> Option<Self> {
        if node.is::<NestedLoopJoinExec>() || node.is::<HashJoinExec>() {
            return Some(Self::Sliced);
        }
        let whole = node.is::<CrossJoinExec>() || node.is::<SortMergeJoinExec>();
        whole.then_some(Self::Whole)
    }
}

type Handed = Arc<stand_in::Handed<Arc<Mutex<Pace>>>>;

/// How a join gets on in one partition.
#[derive(Debug)]
struct Pace {
    limits: Limits,
    /// Rows of the next slice.
    rows: usize,
    /// Since when the task is at work. `None`: it has just given way.
    turn: Option<Instant>,
    /// Since when the join is, without a look at anything else.
    since: Instant,
    /// Rows that it works on, and the longest that it has at a time.
    slice: Option<usize>,
    longest: Duration,
}

impl Pace {
    fn new(limits: Limits) -> Self {
        let (rows, since) = (1, Instant::now());
        Self { limits, rows, turn: None, since, slice: None, longest: Duration::ZERO }
    }

    /// The join is polled. Says whether it has had its turn.
    fn begin(&mut self, now: Instant) -> bool {
        let over = self.turn_is_over(now);
        match over {
            true => self.turn = None,
            false => self.turn = Some(self.turn.unwrap_or(now)),
        }
        self.since = now;
        over
    }

    /// The join has returned.
    fn end(&mut self, pending: bool, now: Instant) {
        self.longest = self.longest.max(now.saturating_duration_since(self.since));
        if pending {
            self.turn = None;
        }
    }

    fn turn_is_over(&self, now: Instant) -> bool {
        self.turn.is_some_and(|turn| now.saturating_duration_since(turn) >= self.limits.turn)
    }

    /// The join wants more rows. Says whether it has had its turn.
    fn ask(&mut self, now: Instant) -> bool {
        let Some(slice) = self.slice.take() else { return false };
        let took = self.longest.max(now.saturating_duration_since(self.since));
        self.adapt(slice, took);
        // Only after a slice, so that every turn gets something done.
        self.turn_is_over(now)
    }

    fn adapt(&mut self, slice: usize, took: Duration) {
        let stretch = self.limits.stretch;
        if took > stretch {
            let share = stretch.as_secs_f64() / took.as_secs_f64();
            self.rows = ((slice as f64 * share) as usize).max(1);
        // The rest of a batch says little about larger slices.
        } else if slice == self.rows {
            let faster = if took < stretch / 16 { 8 } else { 1 + usize::from(took < stretch / 2) };
            self.rows = self.rows.saturating_mul(faster);
        }
    }

    /// The next slice of a batch, and what is left of it.
    fn cut(&mut self, batch: RecordBatch, now: Instant) -> (RecordBatch, Option<RecordBatch>) {
        let rows = self.rows.min(batch.num_rows());
        (self.slice, self.since, self.longest) = (Some(rows), now, Duration::ZERO);
        match batch.num_rows() - rows {
            0 => (batch, None),
            rest => (batch.slice(0, rows), Some(batch.slice(rows, rest))),
        }
    }
}

/// A join.
#[derive(Debug)]
struct Paced {
    handed: Handed,
    limits: Limits,
}

impl Run for Paced {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let pace = Arc::new(Mutex::new(Pace::new(self.limits)));
        let start = || node.execute(partition, context);
        let inner = self.handed.over(partition, Arc::clone(&pace), start)?;
        let schema = inner.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, PacedStream { inner, pace })))
    }
}

struct PacedStream {
    inner: SendableRecordBatchStream,
    pace: Arc<Mutex<Pace>>,
}

impl Stream for PacedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.pace.lock().begin(Instant::now()) {
            return give_way(context);
        }
        let batch = self.inner.poll_next_unpin(context);
        self.pace.lock().end(batch.is_pending(), Instant::now());
        batch
    }
}

fn give_way<T>(context: &Context<'_>) -> Poll<T> {
    context.waker().wake_by_ref();
    Poll::Pending
}

/// The probe input of a join.
#[derive(Debug)]
struct Sliced(Handed);

impl Run for Sliced {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let pace = self.0.take(partition);
        let inner = node.execute(partition, context)?;
        let Some(pace) = pace else { return Ok(inner) };
        let (schema, rest) = (inner.schema(), None);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, SlicedStream { inner, rest, pace })))
    }
}

struct SlicedStream {
    inner: SendableRecordBatchStream,
    rest: Option<RecordBatch>,
    pace: Arc<Mutex<Pace>>,
}

impl Stream for SlicedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.pace.lock().ask(Instant::now()) {
            return give_way(context);
        }
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.inner.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(batch))) if batch.num_rows() > 0 => batch,
                other => return other,
            },
        };
        // The time that the input took is not the join's.
        let (slice, rest) = self.pace.lock().cut(batch, Instant::now());
        self.rest = rest;
        Poll::Ready(Some(Ok(slice)))
    }
}

#[cfg(test)]
mod tests;
