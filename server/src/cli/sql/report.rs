//! What is said about a result beside the result: row count, timing, and who served what.

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::output::draw;
use crate::client::EndpointReport;

/// How a statement went.
pub(super) struct Summary {
    /// Rows given to the user.
    pub(super) rows: u64,
    /// Whether the statement has a result at all; `SET` and the like have none.
    pub(super) has_result: bool,
    /// Whether reading stopped before the end because enough had been shown.
    pub(super) cut: bool,
    /// Until the server had planned and gave the endpoints.
    pub(super) planned: Duration,
    /// Until the last row was written.
    pub(super) total: Duration,
    pub(super) endpoints: Vec<EndpointReport>,
}

impl Summary {
    /// `6 rows in 0.012 s (3 endpoints)`
    pub(super) fn line(&self) -> String {
        let (rows, endpoints) = (count(self.rows, "row"), self.endpoints.len() as u64);
        let (total, endpoints) = (seconds(self.total), count(endpoints, "endpoint"));
        match (self.has_result, self.cut) {
            (false, _) => format!("done in {total}"),
            (true, true) => format!("first {rows} in {total} ({endpoints})"),
            (true, false) => format!("{rows} in {total} ({endpoints})"),
        }
    }

    /// Where the time went.
    pub(super) fn timing(&self) -> String {
        let first = self.endpoints.iter().filter_map(|e| e.first_batch).min();
        let first = first.map_or("none".to_owned(), |first| seconds(self.planned + first));
        let bytes: u64 = self.endpoints.iter().map(|e| e.bytes).sum();
        let rate = ByteSize((bytes as f64 / self.total.as_secs_f64().max(1e-9)) as u64);
        let (planned, total, bytes) = (seconds(self.planned), seconds(self.total), ByteSize(bytes));
        format!("planned {planned}, first batch {first}, all {total}; {bytes} read, {rate}/s")
    }

    /// A table with a row per endpoint.
    pub(super) fn endpoints_table(&self) -> String {
        let column = |text: &dyn Fn(usize, &EndpointReport) -> String| {
            let reports = self.endpoints.iter().enumerate();
            Arc::new(reports.map(|(i, r)| Some(text(i, r))).collect::<StringArray>()) as ArrayRef
        };
        let moment = |moment: Option<Duration>| moment.map_or("-".to_owned(), seconds);
        let table = RecordBatch::try_from_iter([
            ("endpoint", column(&|i, _| i.to_string())),
            ("served by", column(&|_, r| r.location.clone().unwrap_or_else(|| "-".to_owned()))),
            ("rows", column(&|_, r| r.rows.to_string())),
            ("batches", column(&|_, r| r.batches.to_string())),
            ("bytes", column(&|_, r| ByteSize(r.bytes).to_string())),
            ("first batch", column(&|_, r| moment(r.first_batch))),
            ("finished", column(&|_, r| moment(r.finished))),
        ]);
        table.and_then(|table| draw(&[table])).unwrap_or_else(|e| e.to_string())
    }
}

fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(rows: u64, has_result: bool, cut: bool) -> Summary {
        let endpoints = vec![EndpointReport::default(); 3];
        let (planned, total) = (Duration::from_millis(2), Duration::from_millis(12));
        Summary { rows, has_result, cut, planned, total, endpoints }
    }

    #[test]
    fn the_line_counts_rows_and_endpoints() {
        assert_eq!(summary(6, true, false).line(), "6 rows in 0.012 s (3 endpoints)");
        assert_eq!(summary(1, true, false).line(), "1 row in 0.012 s (3 endpoints)");
    }

    #[test]
    fn a_cut_result_is_not_passed_off_as_whole() {
        assert_eq!(summary(9, true, true).line(), "first 9 rows in 0.012 s (3 endpoints)");
    }

    #[test]
    fn a_statement_without_a_result_has_no_rows() {
        assert_eq!(summary(0, false, false).line(), "done in 0.012 s");
    }
}
