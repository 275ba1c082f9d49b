//! One node against a pyarrow server over the same Parquet, and against no server at all.

use squadron_server::client::FlightSqlClient;

use super::{ALL_LINEITEM, FORGET_SOON};
use crate::Result;
use crate::adbc::{Adbc, Call, PyArrow};
use crate::contender::Contender;
use crate::figure::{Figure, Target};
use crate::inside::Inside;
use crate::measure::Turns;
use crate::nodes::Nodes;
use crate::world::World;

pub(super) async fn run(world: &World) -> Result<Vec<Figure>> {
    let adbc = Adbc::start(world)?;
    let nodes = Nodes::start(world, 1, &FORGET_SOON).await?;
    let pyarrow = PyArrow::start(world, "parquet").await?;
    let inside = Inside::start(world).await?;
    let own = FlightSqlClient::connect(nodes.uri()).await?;
    let sql = ALL_LINEITEM;
    let node = Call::node(world, nodes.uri(), sql);
    let other = Call { uri: &pyarrow.uri, sql, ..Default::default() };
    let turns = Turns::run(
        world.rounds,
        &[
            ("one node", Contender::Adbc(&adbc, "read", node)),
            ("pyarrow from Parquet", Contender::Adbc(&adbc, "read", other)),
            ("in-process DataFusion", Contender::Inside(&inside, sql)),
            ("one node through `squadron sql`'s client", Contender::Own(&own, sql)),
        ],
    )
    .await?;
    let from = turns.rates();
    Ok(vec![
        Figure {
            what: "`SELECT * FROM lineitem`, one node ÷ pyarrow from Parquet".into(),
            target: Target::AtLeast(1.2),
            measured: turns.ratio(1, 0),
            unit: "×",
            from: from.clone(),
        },
        Figure {
            what: "… one node ÷ in-process DataFusion (which delivers to nobody)".into(),
            target: Target::Told,
            measured: turns.ratio(2, 0),
            unit: "×",
            from: "as above".into(),
        },
    ])
}
