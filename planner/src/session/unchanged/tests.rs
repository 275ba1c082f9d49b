//! Files that are replaced between planning and reading, in every format.

use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::options::{ArrowReadOptions, JsonReadOptions};
use datafusion::physical_plan::collect;
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionConfig, SessionContext};
use tempfile::TempDir;

mod csv;

use super::*;

const FORMATS: [&str; 4] = ["parquet", "csv", "json", "arrow"];

/// A table of one file, and a plan that counts and sums it in two partitions.
struct Planned {
    folder: TempDir,
    format: &'static str,
    context: SessionContext,
    plan: Arc<dyn ExecutionPlan>,
}

impl Planned {
    async fn of(format: &'static str, rows: usize) -> Self {
        let config = SessionConfig::new().with_target_partitions(2);
        let config = config.with_repartition_file_min_size(1);
        let (context, folder) = (SessionContext::new_with_config(config), TempDir::new().unwrap());
        put(folder.path(), format, 0..rows).await;
        let path = folder.path().join(format!("t.{format}"));
        register(&context, format, path.to_str().unwrap()).await;
        let sums = context.sql("SELECT count(*) AS n, sum(k) AS s FROM t").await.unwrap();
        let plan = sums.create_physical_plan().await.unwrap();
        let plan = unchanged(plan, &context.runtime_env()).unwrap();
        Self { folder, format, context, plan }
    }

    async fn replace(&self, rows: Range<usize>) {
        put(self.folder.path(), self.format, rows).await;
    }

    /// The scan alone.
    fn scan(&self) -> Arc<dyn ExecutionPlan> {
        let mut plan = Arc::clone(&self.plan);
        while let Some(child) = plan.children().first().map(|child| Arc::clone(child)) {
            plan = child;
        }
        plan
    }

    async fn run(&self) -> Result<String> {
        let batches = collect(Arc::clone(&self.plan), self.context.task_ctx()).await?;
        Ok(pretty_format_batches(&batches)?.to_string())
    }
}

async fn register(context: &SessionContext, format: &str, path: &str) {
    match format {
        "parquet" => context.register_parquet("t", path, ParquetReadOptions::default()).await,
        "csv" => context.register_csv("t", path, CsvReadOptions::new()).await,
        "json" => context.register_json("t", path, JsonReadOptions::default()).await,
        _ => context.register_arrow("t", path, ArrowReadOptions::default()).await,
    }
    .unwrap();
}

/// Puts a file of these numbers in the place of the one before.
async fn put(folder: &Path, format: &str, rows: Range<usize>) {
    let writer = SessionContext::new();
    let next = folder.join(format!("next.{format}"));
    let (from, to) = (rows.start, rows.end);
    let numbers = format!("SELECT value AS k FROM range({from}, {to})");
    let copy = format!("COPY ({numbers}) TO '{}' STORED AS {format}", next.display());
    writer.sql(&copy).await.unwrap().collect().await.unwrap();
    std::fs::rename(next, folder.join(format!("t.{format}"))).unwrap();
}

#[tokio::test]
async fn a_file_that_stays_is_read_as_ever() {
    for format in FORMATS {
        let text = Planned::of(format, 5_000).await.run().await.unwrap();
        assert!(text.contains("5000") && text.contains("12497500"), "{format}: {text}");
    }
}

/// The error names the file, and is of the kind that is planned again.
async fn is_told(planned: &Planned) {
    let error = planned.run().await.unwrap_err();
    let error = PlannerError::from(error);
    let named = error.to_string().contains(&format!("t.{}", planned.format));
    assert!(matches!(error, PlannerError::Changed(_)) && named, "{}: {error}", planned.format);
}

#[tokio::test]
async fn a_file_that_became_longer_is_not_read() {
    for format in FORMATS {
        let planned = Planned::of(format, 5_000).await;
        planned.replace(0..9_000).await;
        is_told(&planned).await;
    }
}

/// DataFusion's reader of JSON would never end here.
#[tokio::test]
async fn a_file_that_became_shorter_is_not_read() {
    for format in FORMATS {
        let planned = Planned::of(format, 5_000).await;
        planned.replace(0..3_000).await;
        is_told(&planned).await;
    }
}

/// Nothing but its age tells it from the one before.
#[tokio::test]
async fn a_file_of_the_same_size_is_not_read() {
    for format in FORMATS {
        let planned = Planned::of(format, 5_000).await;
        planned.replace(1_000..6_000).await;
        is_told(&planned).await;
    }
}

/// Writes over the last bytes of a file in place, as `cp` and editors do.
fn write_over(path: &Path) {
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::End(-1)).unwrap();
    file.write_all(b" ").unwrap();
}

/// What a `LIMIT` reads is not read to its end. (Parquet is compared with the bytes of each row group.)
#[tokio::test]
async fn a_batch_of_a_file_that_was_written_over_in_place_is_not_given() {
    for format in ["csv", "json", "arrow"] {
        let planned = Planned::of(format, 100_000).await;
        let scan = planned.scan();
        let mut stream = scan.execute(0, planned.context.task_ctx()).unwrap();
        stream.next().await.unwrap().unwrap();
        write_over(&planned.folder.path().join(format!("t.{format}")));
        let error = PlannerError::from(stream.next().await.unwrap().unwrap_err());
        assert!(matches!(error, PlannerError::Changed(_)), "{format}: {error}");
    }
}

/// What a coordinator runs itself of a distributed plan holds its scans in another way.
#[tokio::test]
async fn a_file_that_a_stage_of_the_coordinator_reads_is_held_against_its_listing() {
    for format in FORMATS {
        let mut planned = Planned::of(format, 5_000).await;
        let source = planned.context.sql("SELECT k FROM t").await.unwrap();
        let scan = source.create_physical_plan().await.unwrap();
        let leaf = DistributedLeafExec::try_new(Arc::clone(&scan), [scan]).unwrap();
        planned.plan = unchanged(Arc::new(leaf), &planned.context.runtime_env()).unwrap();
        assert!(planned.run().await.unwrap().contains("4999"));
        planned.replace(1_000..6_000).await;
        is_told(&planned).await;
    }
}
