//! The moving line of a long read: rows, bytes, rate, endpoints done.

use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::Meter;

/// How long a result may take before anybody wonders.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on standard error that appears after a second and is gone when dropped.
pub(super) struct Progress {
    started: Instant,
    line: Option<ProgressBar>,
    enabled: bool,
}

impl Progress {
    /// Nothing is ever shown unless `enabled`.
    pub(super) fn new(enabled: bool) -> Self {
        Self { started: Instant::now(), line: None, enabled }
    }

    /// Draws the state of the read; none yet while the server plans.
    pub(super) fn draw(&mut self, meter: Option<&Meter>) {
        let elapsed = self.started.elapsed();
        if !self.enabled || elapsed < PATIENCE {
            return;
        }
        let line = self.line.get_or_insert_with(new_line);
        line.set_message(meter.map_or_else(|| waiting(elapsed), |meter| reading(meter, elapsed)));
        line.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

fn new_line() -> ProgressBar {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // Not padded to the full width: the `^C` that a terminal echoes would begin a new line.
    let style = ProgressStyle::with_template("{spinner} {msg}");
    line.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn waiting(elapsed: Duration) -> String {
    format!("waiting for the plan, {} s (Ctrl-C cancels)", elapsed.as_secs())
}

fn reading(meter: &Meter, elapsed: Duration) -> String {
    let (rows, bytes, done) = meter.totals();
    let rate = ByteSize((bytes as f64 / elapsed.as_secs_f64()) as u64);
    let (seconds, all) = (elapsed.as_secs(), meter.endpoints().len());
    let bytes = ByteSize(bytes);
    format!("{rows} rows, {bytes}, {rate}/s, {done} of {all} endpoints done, {seconds} s")
}
