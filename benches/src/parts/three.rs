//! Three nodes on the cores that one node had.

use super::{ALL_LINEITEM, FORGET_SOON};
use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::measure::Turns;
use crate::nodes::Nodes;
use crate::world::World;

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let one = Nodes::start(world, 1, &FORGET_SOON).await?;
    let three = Nodes::start(world, 3, &FORGET_SOON).await?;
    let call = |nodes| Call::node(world, Nodes::uri(nodes), ALL_LINEITEM);
    let turns = Turns::run(
        world.rounds,
        &[
            ("three nodes", Contender::Adbc(&adbc, "read", call(&three))),
            ("one node", Contender::Adbc(&adbc, "read", call(&one))),
        ],
    )
    .await?;
    Ok(vec![Figure {
        what: "`SELECT * FROM lineitem`, three nodes ÷ one node on the same cores".into(),
        target: Target::AtLeast(0.9),
        measured: turns.ratio(1, 0),
        unit: "×",
        from: turns.rates(),
    }])
}
