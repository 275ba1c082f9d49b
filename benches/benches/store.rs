//! The result store: in memory, and by way of the disk.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use squadron_benches::fixtures::{opening, part};
use squadron_server::results::{
    Frame, PartSummary, QueryResult, ResultStore, SpillDir, StoreConfig,
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

const FRAMES: usize = 64;
const BODY: usize = 1 << 20;

/// A store with this much memory; the rest goes to a folder that the caller keeps.
fn store(memory: usize, dir: &tempfile::TempDir) -> ResultStore {
    let spill = SpillDir::create(dir.path(), 1 << 40).expect("a temporary folder");
    let pool = Arc::new(GreedyMemoryPool::new(1 << 40));
    ResultStore::new(StoreConfig { pool, memory_limit: memory, spill })
}

async fn fill(store: &ResultStore, frame: &Frame) -> Arc<QueryResult> {
    let opening = opening(Duration::ZERO);
    let part = part(opening.query);
    let result = store.open(opening).expect("a new result");
    result.begin(part).expect("a new part");
    for _ in 0..FRAMES {
        result.append(part, frame.clone()).await.expect("room");
    }
    let totals = result.seal(part).expect("an open part");
    result.verify(0, &[PartSummary { part, totals }]).expect("its own totals");
    result.commit(0).expect("a verified result");
    store.remove(part.query);
    result
}

async fn drain(result: &Arc<QueryResult>) -> usize {
    let (mut reader, mut bytes) = (result.read().expect("few readers"), 0);
    while let Some(frame) = reader.next().await.expect("a committed result") {
        bytes += frame.bytes();
    }
    bytes
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let frame = Frame::new(vec![1; 1024].into(), vec![1; BODY].into(), 8192);
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10).throughput(Throughput::Bytes((FRAMES * BODY) as u64));
    for (name, memory) in [("in memory", 1 << 40), ("on disk", 0)] {
        let store = store(memory, &dir);
        group.bench_function(format!("append, {name}"), |bencher| {
            bencher.to_async(&runtime).iter(|| fill(&store, &frame));
        });
        let result = runtime.block_on(fill(&store, &frame));
        group.bench_function(format!("read, {name}"), |bencher| {
            bencher.to_async(&runtime).iter(|| drain(&result));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
