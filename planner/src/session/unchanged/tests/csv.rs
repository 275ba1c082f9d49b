//! CSV files: what is right is read as DataFusion reads it, and a file whose quotes are wrong is told.

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use proptest::prelude::*;

use super::*;

/// A file in a folder, and how it is read: whole, or by three ranges of bytes.
struct File {
    _folder: TempDir,
    context: SessionContext,
}

async fn file(bytes: &[u8], name: &str, line_breaks: bool) -> File {
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(7);
    let config = config.with_repartition_file_min_size(1);
    let (context, folder) = (SessionContext::new_with_config(config), TempDir::new().unwrap());
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut options = CsvReadOptions::new().newlines_in_values(line_breaks);
    if name.ends_with(".gz") {
        options = options.file_compression_type(FileCompressionType::GZIP).file_extension(".gz");
    }
    context.register_csv("t", path.to_str().unwrap(), options).await.unwrap();
    File { _folder: folder, context }
}

impl File {
    async fn plan(&self) -> Arc<dyn ExecutionPlan> {
        let rows = self.context.sql("SELECT * FROM t").await.unwrap();
        rows.create_physical_plan().await.unwrap()
    }

    /// In any order: ranges are read at once.
    async fn rows(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<String>> {
        let batches = collect(plan, self.context.task_ctx()).await?;
        let table = pretty_format_batches(&batches)?.to_string();
        let mut rows: Vec<_> = table.lines().map(str::to_owned).collect();
        rows.sort();
        Ok(rows)
    }

    async fn checked(&self) -> Result<Vec<String>> {
        let plan = unchanged(self.plan().await, &self.context.runtime_env())?;
        self.rows(plan).await
    }

    async fn wrong(&self) -> PlannerError {
        PlannerError::from(self.checked().await.unwrap_err())
    }
}

fn gzipped(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

const OPEN: &str = "id,text\n1,a\n2,\"b\n3,c\n4,d\n";

#[tokio::test]
async fn a_quote_that_is_never_closed_is_told_with_its_file_and_line() {
    for (bytes, name) in [(OPEN.into(), "t.csv"), (gzipped(OPEN), "t.csv.gz")] {
        let error = file(&bytes, name, true).await.wrong().await;
        let told = error.to_string();
        let named = told.contains(&format!("{name} cannot be read as CSV"));
        assert!(matches!(error, PlannerError::BadData(_)) && named, "{told}");
        assert!(told.contains("line 3 is never closed"), "{told}");
    }
}

#[tokio::test]
async fn a_line_break_in_a_value_is_told_where_a_file_may_be_read_by_ranges() {
    let rows: String = (0..50).map(|id| format!("{id},\"x\"\n")).collect();
    let good = format!("id,text\n{rows}");
    assert!(file(good.as_bytes(), "t.csv", false).await.checked().await.is_ok());
    for at in [0, 25, 49] {
        let bad = good.replace(&format!("\n{at},\"x\""), &format!("\n{at},\"x\ny\""));
        let told = file(bad.as_bytes(), "t.csv", false).await.wrong().await.to_string();
        assert!(told.contains("newlines_in_values = true"), "{at}: {told}");
    }
}

/// Behind the records that the columns' types are guessed from.
async fn last_is_told(last: &str, words: &[&str]) {
    let rows: String = (0..2_000).map(|id| format!("{id},x\n")).collect();
    let text = format!("id,text\n{rows}{last}\n");
    let told = file(text.as_bytes(), "t.csv", true).await.wrong().await.to_string();
    let named = told.contains("t.csv cannot be read as CSV") && told.contains("in record 2002");
    assert!(named && words.iter().all(|word| told.contains(word)), "{told}");
}

#[tokio::test]
async fn a_record_of_too_few_values_is_told_with_its_file_and_number() {
    last_is_told("1", &["incorrect number of fields", "got 1"]).await;
}

#[tokio::test]
async fn a_value_that_is_not_of_its_column_is_told_with_its_file_and_number() {
    last_is_told("none,x", &["'none'", "Int64", "column 0"]).await;
}

/// One value as a writer puts it down, quoted or not.
fn value() -> impl Strategy<Value = String> {
    let plain = "[ab \" ]{0,3}".prop_map(|text| format!("x{text}"));
    let quoted = "[ab,\" \n\r]{0,4}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\"")));
    prop_oneof![Just(String::new()), plain, quoted]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_file_whose_quotes_are_right_is_read_as_ever(
        rows in prop::collection::vec((value(), value()), 1..40),
        line_breaks: bool,
    ) {
        let breaks = |text: String| if line_breaks { text } else { text.replace(['\n', '\r'], " ") };
        let lines = rows.into_iter().map(|(a, b)| format!("k,{},{}\n", breaks(a), breaks(b)));
        let text = format!("k,a,b\n{}", lines.collect::<String>());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let file = file(text.as_bytes(), "t.csv", line_breaks).await;
            let expected = file.rows(file.plan().await).await.unwrap();
            assert_eq!(file.checked().await.unwrap(), expected, "{text:?}");
        });
    }
}

#[tokio::test]
async fn moments_that_are_finer_than_their_column_are_told() {
    for (first, late) in [
        ("2024-01-01", "2024-01-02 10:00:00"),
        ("2024-01-01 10:00:00", "2024-01-01 10:00:00.999999"),
        ("2024-01-01 10:00:00.500", "2024-01-01 10:00:00.1234"),
        ("2024-01-01", "soon"),
    ] {
        let many = format!("1,{first}\n").repeat(1500);
        let text = format!("id,at\n{many}2,{late}\n");
        let read = file(text.as_bytes(), "t.csv", true).await;
        let told = read.wrong().await.to_string();
        let place = format!("t.csv cannot be read as CSV: '{late}' of column at in record 1502 is");
        assert!(told.contains(&place), "{told}");
        let right = file(format!("id,at\n{many}2,\n").as_bytes(), "t.csv", true).await;
        assert_eq!(right.checked().await.unwrap(), right.rows(right.plan().await).await.unwrap());
    }
}
