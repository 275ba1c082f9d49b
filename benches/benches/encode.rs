//! Encoding: what a batch costs between an operator and the store.

use criterion::{BatchSize, Criterion, Throughput};
use datafusion::arrow::array::RecordBatch;
use squadron_benches::fixtures::{lineitem, numbers};
use squadron_server::delivery::FrameEncoder;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

const FRAME_BYTES: usize = 2 << 20;

fn encode(batches: Vec<RecordBatch>) -> usize {
    let schema = batches[0].schema();
    let mut encoder = FrameEncoder::new(schema, FRAME_BYTES).expect("a plain schema");
    let mut bytes = 0;
    for batch in batches {
        let frames = encoder.push(batch).expect("a plain batch");
        bytes += frames.iter().map(|frame| frame.bytes()).sum::<usize>();
    }
    let frames = encoder.flush().expect("a plain batch");
    bytes + frames.iter().map(|frame| frame.bytes()).sum::<usize>()
}

fn check(criterion: &mut Criterion, name: &str, batches: Vec<RecordBatch>) {
    let mut group = criterion.benchmark_group("encode");
    group.sample_size(20).throughput(Throughput::Bytes(encode(batches.clone()) as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(|| batches.clone(), encode, BatchSize::SmallInput);
    });
}

fn benches(criterion: &mut Criterion) {
    check(criterion, "wide, 8192 rows a batch", lineitem(100_000, 8192).expect("lineitem"));
    check(criterion, "wide, 100 rows a batch, joined", lineitem(50_000, 100).expect("lineitem"));
    check(criterion, "narrow, 8192 rows a batch, joined", numbers(1 << 20, 8192).expect("numbers"));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
