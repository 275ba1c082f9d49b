//! The 22 TPC-H queries: what a server, and a cluster, add to the time of the engine alone.

use squadron_server::demo::tpch::QUERIES;

use super::FORGET_SOON;
use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::inside::Inside;
use crate::measure::{Turns, median};
use crate::nodes::Nodes;
use crate::world::World;

const INSIDE: usize = 0;
const ONE: usize = 1;
const THREE: usize = 2;

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let one = Nodes::start(world, 1, &FORGET_SOON).await?;
    let three = Nodes::start(world, 3, &FORGET_SOON).await?;
    let inside = Inside::start(world).await?;
    let mut queries = Vec::with_capacity(QUERIES.len());
    for sql in QUERIES {
        let call = |nodes| Call::node(world, Nodes::uri(nodes), sql);
        let turns = Turns::run(
            world.rounds,
            &[
                ("in-process", Contender::Inside(&inside, sql)),
                ("one", Contender::Adbc(&adbc, "read", call(&one))),
                ("three", Contender::Adbc(&adbc, "read", call(&three))),
            ],
        )
        .await?;
        eprintln!("Q{}: {}", queries.len() + 1, turns.times());
        queries.push(turns);
    }
    Ok([("one node", ONE, 1.10), ("three nodes", THREE, 1.35)]
        .into_iter()
        .flat_map(|(name, contender, most)| figures(&queries, name, contender, most))
        .collect())
}

fn figures(queries: &[Turns], name: &str, contender: usize, most: f64) -> [Figure; 2] {
    let sum = |who: usize| queries.iter().map(|turns| median(turns.seconds(who))).sum::<f64>();
    let ratios: Vec<f64> = queries.iter().map(|turns| turns.ratio(contender, INSIDE)).collect();
    let each = ratios.iter().enumerate().map(|(index, ratio)| format!("Q{} {ratio:.2}", index + 1));
    let what = format!("TPC-H, sum of the 22 medians, {name} ÷ in-process DataFusion");
    let (total, inside) = (sum(contender), sum(INSIDE));
    let from = format!("{total:.2} s ÷ {inside:.2} s");
    [
        Figure { what, target: Target::AtMost(most), measured: total / inside, unit: "×", from },
        Figure {
            what: format!("… the slowest of the 22, {name}"),
            target: Target::AtMost(most),
            measured: ratios.iter().copied().fold(f64::NAN, f64::max),
            unit: "×",
            from: each.collect::<Vec<_>>().join(", "),
        },
    ]
}
