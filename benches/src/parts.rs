//! The parts of a run: each starts what it compares, measures in turns, and gives its figures.

use crate::Result;
use crate::figure::Figure;
use crate::world::{Part, World};

mod clients;
mod kept;
mod latency;
mod memory;
mod promises;
mod read;
mod spill;
mod three;
mod tpch;

/// The whole of the largest table: what a result costs when nothing else costs anything.
const ALL_LINEITEM: &str = "SELECT * FROM lineitem";

/// Results of one turn must not be in the way of the next.
const FORGET_SOON: [&str; 2] = ["--result-keep", "1s"];

/// Runs one part.
pub async fn run(part: Part, world: &World) -> Result<Vec<Figure>> {
    match part {
        Part::Read => read::run(world).await,
        Part::Kept => kept::run(world).await,
        Part::Three => three::run(world).await,
        Part::Tpch => tpch::run(world).await,
        Part::Latency => latency::run(world).await,
        Part::Memory => memory::run(world).await,
        Part::Spill => spill::run(world).await,
        Part::Promises => promises::run(world).await,
        Part::Clients => clients::run(world).await,
        Part::All => Ok(Vec::new()),
    }
}
