//! A scan of a CSV file whose values are quoted: by a node's engine, which looks at the quotes, and by DataFusion as it is.

use std::io::{BufWriter, Write};
use std::path::Path;

use criterion::{Criterion, Throughput};
use datafusion::prelude::{CsvReadOptions, SessionContext};
use squadron_benches::fixtures::node;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

const SQL: &str = "SELECT count(*), sum(id), max(text) FROM t";
const RECORDS: usize = 1_000_000;

/// One short value of each record is quoted: the most quotes that a file has for its size, or nearly.
fn write(path: &Path) -> std::io::Result<u64> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "id,text")?;
    (0..RECORDS).try_for_each(|n| writeln!(file, "{n},\"t{n}\""))?;
    file.flush()?;
    Ok(path.metadata()?.len())
}

async fn ask(context: &SessionContext) {
    let answer = context.sql(SQL).await.expect("a plan");
    answer.collect().await.expect("an answer");
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.csv");
    let bytes = write(&path).expect("a file");
    let data = folder.path().display().to_string();
    let node = runtime.block_on(node(["--data", &data])).expect("a node");
    let engine = node.queries().planner().engine();
    let config = engine.session_config();
    let looked = SessionContext::new_with_state(engine.session(config.clone()));
    // The same settings and nothing of ours.
    let plain = SessionContext::new();
    *plain.state_ref().write().config_mut().options_mut() = config.options().as_ref().clone();
    let options = CsvReadOptions::new().newlines_in_values(true);
    let path = path.display().to_string();
    runtime.block_on(plain.register_csv("t", &path, options)).expect("a table");
    let mut group = criterion.benchmark_group("csv");
    group.sample_size(20).throughput(Throughput::Bytes(bytes));
    for (name, context) in [("looked at", &looked), ("DataFusion as it is", &plain)] {
        group.bench_function(name, |bencher| bencher.to_async(&runtime).iter(|| ask(context)));
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
