//! A kept result, read again, against a pyarrow server that has the table in memory.

use super::ALL_LINEITEM;
use crate::Result;
use crate::adbc::{Adbc, Call, PyArrow};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::measure::Turns;
use crate::nodes::Nodes;
use crate::world::World;
use squadron_benches::Taken;
use squadron_benches::raw::RawReader;

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let nodes = Nodes::start(world, 1, &[]).await?;
    let pyarrow = PyArrow::start(world, "memory").await?;
    let node = Call::node(world, nodes.uri(), ALL_LINEITEM);
    let other = Call { uri: &pyarrow.uri, sql: ALL_LINEITEM, ..Default::default() };
    for call in [&node, &other] {
        adbc.call::<Taken>("keep", call).await?;
    }
    let raw = RawReader::keep(nodes.uri(), ALL_LINEITEM).await?;
    let raw_other = RawReader::keep(&pyarrow.uri, ALL_LINEITEM).await?;
    let turns = Turns::run(
        world.rounds * 2,
        &[
            ("one node", Contender::Adbc(&adbc, "again", node)),
            ("pyarrow from memory", Contender::Adbc(&adbc, "again", other)),
            ("one node, not decoded", Contender::Raw(&raw)),
            ("pyarrow, not decoded", Contender::Raw(&raw_other)),
        ],
    )
    .await?;
    Ok(vec![
        Figure {
            what: "kept result read again, one node ÷ pyarrow from memory".into(),
            target: Target::AtLeast(0.9),
            measured: turns.ratio(1, 0),
            unit: "×",
            from: turns.rates(),
        },
        Figure {
            what: "… by a client that does not decode".into(),
            target: Target::Told,
            measured: turns.ratio(3, 2),
            unit: "×",
            from: "as above".into(),
        },
    ])
}
