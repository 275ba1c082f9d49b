//! Tickets: signed for each endpoint, checked for each read.

use std::time::Duration;

use criterion::Criterion;
use squadron_server::flight::ticket::{ResultTicket, Signer, Ticket};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: squadron_server::allocator::MiMalloc = squadron_server::allocator::MiMalloc;

fn share() -> Ticket {
    let query = Uuid::from_u128(7);
    let (coordinator, peer) = ("node-a-8816".to_owned(), "node-b-8816".to_owned());
    Ticket::Result(ResultTicket { query, coordinator, peer, endpoint: 1, changes: false })
}

fn benches(criterion: &mut Criterion) {
    let signer = Signer::new([7; 32]);
    let hour = Duration::from_secs(3600);
    let mut group = criterion.benchmark_group("ticket");
    group.bench_function("sign", |bencher| bencher.iter(|| signer.sign(share(), "alice", hour)));
    let ticket = signer.sign(share(), "alice", hour);
    group.bench_function("check", |bencher| bencher.iter(|| signer.check(&ticket, "alice")));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
