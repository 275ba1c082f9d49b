//! Running one statement: from its text to the last row written.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::time::{Interval, interval};

use super::console::Console;
use super::failure::SqlError;
use super::format::Format;
use super::output::{Destination, ResultWriter};
use super::progress::Progress;
use super::report::Summary;
use crate::client::{FlightInfo, FlightSqlClient, Meter, ReadOptions, ResultStream};

const REDRAW: Duration = Duration::from_millis(150);
/// A cancel is a courtesy: the dropped streams cancel too, a little later.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

/// What to print of results, and how. The prompt changes it as it goes.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) max_rows: usize,
    pub(super) read: ReadOptions,
    pub(super) timing: bool,
    pub(super) endpoints: bool,
    pub(super) quiet: bool,
}

/// Runs statements on one connection.
pub(super) struct Runner {
    pub(super) client: FlightSqlClient,
    pub(super) console: Console,
    pub(super) settings: Settings,
}

impl Runner {
    /// Runs `sql`, writes its result to where `destination` says, and reports.
    ///
    /// `destination` is asked for only when there is a result. Ctrl-C ends the statement with
    /// [`SqlError::Interrupted`], here and on the server.
    pub(super) async fn run<'d>(
        &self,
        sql: &str,
        destination: impl FnOnce() -> Result<&'d Destination, SqlError>,
    ) -> Result<(), SqlError> {
        let started = Instant::now();
        let mut watch = Watch::new(&self.console, &self.settings);
        let info = watch.over(None, self.client.execute(sql)).await??;
        let planned = started.elapsed();
        let stream = self.client.read_all(&info, self.settings.read)?;
        let outcome = self.read(stream, destination, watch).await;
        let unread = match &outcome {
            Ok(summary) => summary.cut,
            Err(error) => !matches!(error, SqlError::Client(_)),
        };
        if unread {
            self.give_up(info).await;
        }
        let summary = Summary { planned, total: started.elapsed(), ..outcome? };
        self.report(&summary);
        Ok(())
    }

    async fn read<'d>(
        &self,
        mut stream: ResultStream,
        destination: impl FnOnce() -> Result<&'d Destination, SqlError>,
        mut watch: Watch,
    ) -> Result<Summary, SqlError> {
        let has_result = !stream.schema().fields().is_empty();
        let mut writer = None;
        if has_result {
            let Settings { format, max_rows, .. } = self.settings;
            writer = Some(ResultWriter::start(destination()?, format, max_rows, stream.schema())?);
        }
        let meter = stream.meter();
        while let Some(batch) = watch.over(Some(&meter), stream.next()).await? {
            let batch = batch?;
            if let Some(writer) = &mut writer {
                writer.write(&batch)?;
                if !writer.wants_more() {
                    break;
                }
            }
        }
        let cut = writer.as_ref().is_some_and(|writer| !writer.wants_more());
        drop((watch, stream));
        writer.map_or(Ok(()), ResultWriter::finish)?;
        let rows = meter.totals().0;
        let rows = if cut { self.settings.max_rows as u64 } else { rows };
        let (planned, total) = (Duration::ZERO, Duration::ZERO);
        Ok(Summary { rows, has_result, cut, planned, total, endpoints: meter.endpoints() })
    }

    async fn give_up(&self, info: FlightInfo) {
        let cancel = self.client.cancel(info);
        tokio::time::timeout(CANCEL_LIMIT, cancel).await.ok(); // best effort, see CANCEL_LIMIT
    }

    fn report(&self, summary: &Summary) {
        if self.settings.endpoints && summary.has_result {
            self.console.say(&summary.endpoints_table());
        }
        if !self.settings.quiet {
            self.console.say(&summary.line());
        }
        if self.settings.timing {
            self.console.say(&summary.timing());
        }
    }
}

/// Waits for the server with an eye on the clock and an ear for Ctrl-C.
struct Watch {
    progress: Progress,
    ticks: Interval,
    /// Kept from call to call: a Ctrl-C while a batch is written counts.
    ctrl_c: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

impl Watch {
    fn new(console: &Console, settings: &Settings) -> Self {
        // A table is drawn at the end, so the terminal is free until then.
        let streams_to_out = settings.format != Format::Table;
        let enabled = !settings.quiet && console.can_show_progress(streams_to_out);
        let ctrl_c = Box::pin(tokio::signal::ctrl_c());
        Self { progress: Progress::new(enabled), ticks: interval(REDRAW), ctrl_c }
    }

    async fn over<T>(
        &mut self,
        meter: Option<&Meter>,
        work: impl Future<Output = T>,
    ) -> Result<T, SqlError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = self.ticks.tick() => self.progress.draw(meter),
                _ = &mut self.ctrl_c => return Err(SqlError::Interrupted),
            }
        }
    }
}
