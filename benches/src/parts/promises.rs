//! What checksums, manifests and keeping results cost: the same read with and without them.

use super::{ALL_LINEITEM, FORGET_SOON};
use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::measure::Turns;
use crate::nodes::{EVERYTHING, Nodes};
use crate::world::World;

/// On one node; and between two, of which one works and the other serves: then each frame is checked
/// where it arrives too, and the manifest is compared over the network.
const CLUSTERS: [(&str, &[&str]); 2] =
    [("one node", &[EVERYTHING]), ("from a worker to a peer", &["coordinator,serve", "worker"])];

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let mut figures = Vec::new();
    for (where_, roles) in CLUSTERS {
        figures.push(compare(world, &adbc, where_, roles).await?);
    }
    Ok(figures)
}

async fn compare(world: &World, adbc: &Adbc, where_: &str, roles: &[&str]) -> Result<Figure> {
    let bare = std::env::current_exe()?.with_file_name("squadron-bare");
    let with = Nodes::start_program(&world.squadron, world, roles, &FORGET_SOON).await?;
    let without = Nodes::start_program(&bare, world, roles, &FORGET_SOON).await?;
    let call = |nodes| Call::node(world, Nodes::uri(nodes), ALL_LINEITEM);
    let turns = Turns::run(
        world.rounds * 2,
        &[
            ("with", Contender::Adbc(adbc, "read", call(&with))),
            ("without", Contender::Adbc(adbc, "read", call(&without))),
        ],
    )
    .await?;
    Ok(Figure {
        what: format!(
            "`SELECT * FROM lineitem`, {where_}: without checksum, manifest and retention ÷ with"
        ),
        target: Target::AtLeast(0.95),
        measured: turns.ratio(1, 0),
        unit: "×",
        from: format!("{} rows each time: {}", turns.rows()?, turns.rates()),
    })
}
