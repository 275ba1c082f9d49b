//! Relay: a kept result through the Flight port, read by a client that does not decode.

use criterion::{Criterion, Throughput};
use squadron_benches::fixtures::node;
use squadron_benches::raw::RawReader;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

const SQL: &str =
    "SELECT value AS a, value AS b, value AS c, value AS d FROM generate_series(1, 4000000)";
const BYTES: u64 = 128_000_000;

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let node = runtime.block_on(node([])).expect("a node");
    let uri = format!("grpc+tcp://{}", node.flight());
    let reader = runtime.block_on(RawReader::keep(&uri, SQL)).expect("a kept result");
    let mut group = criterion.benchmark_group("relay");
    group.sample_size(20).throughput(Throughput::Bytes(BYTES));
    group.bench_function("DoGet of a kept result", |bencher| {
        bencher.to_async(&runtime).iter(async || reader.again().await.expect("a result"));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
