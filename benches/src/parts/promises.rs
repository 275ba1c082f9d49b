//! What checksums, manifests and keeping results cost: the same read with and without them.

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
    let bare = std::env::current_exe()?.with_file_name("squadron-bare");
    let with = Nodes::start(world, 1, &FORGET_SOON).await?;
    let without = Nodes::start_program(&bare, world, 1, &FORGET_SOON).await?;
    let with = Call::node(world, with.uri(), ALL_LINEITEM);
    let without = Call::node(world, without.uri(), ALL_LINEITEM);
    let turns = Turns::run(
        world.rounds * 2,
        &[
            ("with", Contender::Adbc(&adbc, "read", with)),
            ("without", Contender::Adbc(&adbc, "read", without)),
        ],
    )
    .await?;
    Ok(vec![Figure {
        what: "`SELECT * FROM lineitem`, without checksum, manifest and retention ÷ with".into(),
        target: Target::AtLeast(0.95),
        measured: turns.ratio(1, 0),
        unit: "×",
        from: format!("{} rows each time: {}", turns.rows()?, turns.rates()),
    }])
}
