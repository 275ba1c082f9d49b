//! `cargo dev tpch`: the 22 queries, at any scale, on clusters of real processes, held against
//! DataFusion in this process and DuckDB, both reading the same files.

mod run;
mod table;

use std::path::Path;

use squadron_dev::{Result, fixtures, process};

use super::command::{cargo, run as run_command};

/// What to compare.
#[derive(clap::Args)]
pub struct TpchArgs {
    /// Scale: 1 is a gigabyte of raw data
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Sizes of the clusters
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,5")]
    nodes: Vec<usize>,
    /// Where queries run
    #[arg(long, value_delimiter = ',', default_value = "local,distributed")]
    modes: Vec<String>,
}

/// Runs the comparison, in a release build, and prints a table.
///
/// # Errors
/// When anything differs, or something could not be run.
pub fn run(args: &TpchArgs) -> Result<()> {
    if cfg!(debug_assertions) {
        return in_release();
    }
    let data = fixtures::tpch_at(args.scale)?;
    compare(args, &data)
}

fn compare(args: &TpchArgs, data: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let different = runtime.block_on(async {
        let right = run::right(data).await?;
        let mut table = table::Table::new(&right);
        for nodes in &args.nodes {
            run::cluster(*nodes, &args.modes, data, &right, &mut table).await?;
        }
        println!("{table}");
        Ok::<_, squadron_dev::Error>(table.differences())
    })?;
    match different {
        0 => Ok(()),
        different => Err(format!("{different} answers differ").into()),
    }
}

/// The same task in a release build: scale 1 is nothing for a debug build.
fn in_release() -> Result<()> {
    run_command(&mut cargo(&["build", "--release", "--package", "squadron-server"]))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut again = cargo(&["run", "--release", "--package", "squadron-dev", "--"]);
    again.env(process::PROGRAM_VARIABLE, fixtures::target().join("release/squadron"));
    run_command(again.args(arguments))
}
