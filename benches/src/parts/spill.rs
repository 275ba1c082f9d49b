//! A result twenty times larger than the memory it may take, against the same where there is enough.

use super::FORGET_SOON;
use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::measure::Turns;
use crate::nodes::Nodes;
use crate::world::World;

const LIMIT: &str = "512MiB";
const LIMIT_MIB: f64 = 512.0;
const MARGIN_MIB: f64 = 200.0;

/// All of it fits into the results' share of this.
const ENOUGH: &str = "20GiB";

/// 60 M rows, 10 GB at scale 1.
const LARGE: &str = "SELECT lineitem.* FROM lineitem CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) AS t(copy)";

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let small = [&FORGET_SOON[..], &["--memory-limit", LIMIT]].concat();
    let small = Nodes::start(world, 1, &small).await?;
    let large = ["--memory-limit", ENOUGH, "--result-memory-percent", "80"];
    let large = Nodes::start(world, 1, &[&FORGET_SOON[..], &large].concat()).await?;
    let turns = Turns::run(
        world.rounds,
        &[
            (LIMIT, Contender::Adbc(&adbc, "read", Call::node(world, small.uri(), LARGE))),
            (ENOUGH, Contender::Adbc(&adbc, "read", Call::node(world, large.uri(), LARGE))),
        ],
    )
    .await?;
    let from = format!("{} rows each time: {}", turns.rows()?, turns.rates());
    Ok(vec![
        Figure {
            what: format!("10 GB through a node with {LIMIT} ÷ with {ENOUGH}"),
            target: Target::AtLeast(0.5),
            measured: turns.ratio(1, 0),
            unit: "×",
            from: from.clone(),
        },
        Figure {
            what: format!("… its peak memory at a limit of {LIMIT}"),
            target: Target::AtMost(LIMIT_MIB + MARGIN_MIB),
            measured: small.peak()? as f64 / f64::from(1 << 20),
            unit: "MiB",
            from,
        },
    ])
}
