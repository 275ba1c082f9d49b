//! What the smallest queries take, and what distribution adds to a small one.

use squadron_server::client::FlightSqlClient;

use super::FORGET_SOON;
use crate::Result;
use crate::adbc::{Adbc, Call, Many, PyArrow};
use crate::figure::{Figure, Target};
use crate::measure::median;
use crate::nodes::Nodes;
use crate::world::World;
use squadron_benches::raw;

const TIMES: usize = 200;
const SMALL: &str =
    "SELECT s_nationkey, count(*), sum(s_acctbal) FROM supplier GROUP BY s_nationkey";

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let nodes = Nodes::start(world, 1, &FORGET_SOON).await?;
    let mut figures = select_1(world, &adbc, &nodes).await?;
    drop(nodes);
    let three = Nodes::start(world, 3, &FORGET_SOON).await?;
    figures.push(small(&adbc, &three).await?);
    Ok(figures)
}

async fn select_1(world: &World, adbc: &Adbc, nodes: &Nodes) -> Result<Vec<Figure>> {
    let sql = "SELECT 1";
    let own = FlightSqlClient::connect(nodes.uri()).await?;
    let constant = PyArrow::start(world, "constant").await?;
    let call = Call { times: TIMES, ..Call::node(world, nodes.uri(), sql) };
    let nothing = Call { uri: &constant.uri, sql, times: TIMES, ..Default::default() };
    let (mut stock, mut least, mut rust) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        stock.extend(adbc.call::<Many>("many", &call).await?.times);
        least.extend(adbc.call::<Many>("many", &nothing).await?.times);
        for _ in 0..TIMES {
            rust.push(raw::read(&own, sql).await?.seconds);
        }
    }
    let figure = |what: &str, target, times: Vec<f64>| Figure {
        what: what.into(),
        target,
        measured: median(times) * 1e3,
        unit: "ms",
        from: format!("{} runs of GetFlightInfo and DoGet", world.rounds * TIMES),
    };
    Ok(vec![
        figure("`SELECT 1`, median, ADBC", Target::AtMost(1.5), stock),
        figure("… from a pyarrow server that answers the same row to all", Target::Told, least),
        figure("`SELECT 1`, median, `squadron sql`'s client", Target::AtMost(1.5), rust),
    ])
}

async fn small(adbc: &Adbc, nodes: &Nodes) -> Result<Figure> {
    let mode = |mode: &str| [("squadron-execution-mode".to_owned(), mode.to_owned())];
    let (local, distributed) = (mode("local"), mode("distributed"));
    let call = |headers| Call { uri: nodes.uri(), sql: SMALL, headers, times: 1, begin: &[] };
    let (mut here, mut spread) = (Vec::new(), Vec::new());
    for _ in 0..TIMES / 4 {
        here.extend(adbc.call::<Many>("many", &call(&local)).await?.times);
        spread.extend(adbc.call::<Many>("many", &call(&distributed)).await?.times);
    }
    let added = median(spread.iter().zip(&here).map(|(spread, here)| spread - here).collect());
    Ok(Figure {
        what: "a small query distributed over three nodes − the same local".into(),
        target: Target::AtMost(10.0),
        measured: added * 1e3,
        unit: "ms",
        from: format!("{:.1} ms − {:.1} ms", median(spread) * 1e3, median(here) * 1e3),
    })
}
