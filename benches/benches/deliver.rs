//! Delivery: from a plan's root into this node's store, and over the wire into another's.

use criterion::{Criterion, Throughput};
use squadron_benches::fixtures::{complete, node};
use squadron_server::node::Node;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

/// 32 MB that cost next to nothing to make.
const SQL: &str =
    "SELECT value AS a, value AS b, value AS c, value AS d FROM generate_series(1, 1000000)";
const BYTES: u64 = 32_000_000;

async fn alone() -> Node {
    node(["--result-keep", "0s"]).await.expect("a node")
}

/// A node that runs queries and serves nothing, and one that serves and runs nothing.
async fn pair() -> (Node, Node) {
    let mut ports = Vec::new();
    for _ in 0..4 {
        ports.push(TcpListener::bind("127.0.0.1:0").await.expect("a free port"));
    }
    let address = |index: usize| ports[index].local_addr().expect("bound").to_string();
    let addresses: Vec<String> = (0..4).map(address).collect();
    drop(ports);
    let peers = format!("{},{};{},{}", addresses[1], addresses[0], addresses[3], addresses[2]);
    let start = async |flight: usize, roles: &str| {
        let (flight, internal) = (&addresses[flight], &addresses[flight + 1]);
        let flags = ["--listen", flight, "--cluster-listen", internal, "--peers", &peers];
        node(flags.into_iter().chain(["--roles", roles, "--result-keep", "0s"])).await
    };
    let (runs, serves) = futures::join!(start(0, "coordinator,worker"), start(2, "serve"));
    let (runs, serves) = (runs.expect("a node"), serves.expect("a node"));
    let both = runs.members().wait_for(|members| members.all().len() == 2).await.map(drop);
    both.expect("the nodes find each other");
    (runs, serves)
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let mut group = criterion.benchmark_group("deliver");
    group.sample_size(10).throughput(Throughput::Bytes(BYTES));
    let node = runtime.block_on(alone());
    group.bench_function("into this node's store", |bencher| {
        bencher.to_async(&runtime).iter(async || complete(&node, SQL).await.expect("a result"));
    });
    let (runs, _serves) = runtime.block_on(pair());
    group.bench_function("over the wire", |bencher| {
        bencher.to_async(&runtime).iter(async || complete(&runs, SQL).await.expect("a result"));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
