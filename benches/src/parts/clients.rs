//! Two hundred clients at once, where four queries may run.

use std::time::Instant;

use futures::future::try_join_all;
use squadron_benches::raw;
use squadron_server::client::FlightSqlClient;

use crate::Result;
use crate::figure::{Figure, Target};
use crate::measure::median;
use crate::nodes::Nodes;
use crate::world::World;

const CLIENTS: usize = 200;

/// TPC-H Q6: one row.
const Q6: &str = include_str!("../../../server/src/demo/tpch/q6.sql");

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let nodes = Nodes::start(world, 1, &["--concurrent-queries", "4"]).await?;
    let mut slowest = Vec::new();
    let mut from = String::new();
    for _ in 0..world.rounds {
        let waits = waits(nodes.uri()).await?;
        let most = waits.iter().copied().fold(0.0, f64::max);
        let middle = median(waits);
        slowest.push(most / middle);
        from =
            format!("{CLIENTS} of {CLIENTS} answered, median {middle:.2} s, slowest {most:.2} s");
    }
    Ok(vec![Figure {
        what: format!("{CLIENTS} clients at once, 4 queries at a time, Q6: slowest ÷ median wait"),
        target: Target::AtMost(4.0),
        measured: median(slowest),
        unit: "×",
        from,
    }])
}

/// Seconds that each client waited for its answer.
async fn waits(uri: &str) -> Result<Vec<f64>> {
    let clients = try_join_all((0..CLIENTS).map(|_| FlightSqlClient::connect(uri))).await?;
    let asked = clients.iter().map(|client| async move {
        let asked = Instant::now();
        let taken = raw::read(client, Q6).await?;
        match taken.rows {
            1 => Ok::<_, squadron_benches::Error>(asked.elapsed().as_secs_f64()),
            rows => Err(format!("{rows} rows where there is one").into()),
        }
    });
    try_join_all(asked).await
}
