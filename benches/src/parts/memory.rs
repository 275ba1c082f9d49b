//! Memory of a node whose client reads slowly, or not at all, a result far larger than its limit.

use std::time::{Duration, Instant};

use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::figure::{Figure, Target};
use crate::nodes::Nodes;
use crate::world::World;
use squadron_benches::Taken;

const LIMIT: &str = "512MiB";
const LIMIT_MIB: f64 = 512.0;
const MARGIN_MIB: f64 = 200.0;
/// 18 M rows, 3 GB.
const LARGE: &str = "SELECT * FROM lineitem CROSS JOIN (VALUES (1), (2), (3)) AS t(copy)";
const WATCHED: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    Ok(vec![
        peak(world, "does not read", false).await?,
        peak(world, "reads five batches a second", true).await?,
    ])
}

async fn peak(world: &World, how: &str, reads: bool) -> Result<Figure> {
    let adbc = Adbc::start(world)?;
    let nodes = Nodes::start(world, 1, &["--memory-limit", LIMIT]).await?;
    let call = Call::node(world, nodes.uri(), LARGE);
    let start = nodes.resident()?;
    adbc.call::<Taken>("hold", &call).await?;
    let until = Instant::now() + WATCHED;
    while Instant::now() < until {
        tokio::time::sleep(PAUSE).await;
        if reads {
            adbc.call::<Taken>("next", &call).await?;
        }
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Figure {
        what: format!("peak memory at a limit of {LIMIT}, 3 GB result, the client {how}"),
        target: Target::AtMost(LIMIT_MIB + MARGIN_MIB),
        measured: mib(nodes.peak()?),
        unit: "MiB",
        from: format!("{:.0} MiB before, {:.0} MiB at the end", mib(start), mib(nodes.resident()?)),
    })
}
