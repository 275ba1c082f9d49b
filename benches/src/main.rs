//! The macro benchmark: every figure of the product in one run, each beside what it is held against.
//!
//! ```text
//!   squadron-bench ─┬─► squadron serve (1 process, 3 processes)  ─┐
//!                   ├─► pyarrow Flight server (Parquet, memory)  ─┼─► the stock ADBC client (Python)
//!                   └─► DataFusion in this process ◄──────────────┘   one line a measurement
//! ```
//!
//! What is compared runs in turns, A B A B, and a figure is the median of the ratios of each turn: a
//! machine that is slow for a while is slow for both. benches/README.md says how to run it.

use std::process::ExitCode;

mod adbc;
mod contender;
mod figure;
mod inside;
mod measure;
mod nodes;
mod parts;
mod world;

use clap::Parser;

use figure::Report;
use world::{Args, World};

use squadron_benches::Result;
use squadron_server::allocator;

/// The allocator of `squadron`, so that in-process DataFusion has no other.
#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    allocator::tune();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("squadron-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let world = World::prepare(args).await?;
    let mut report = Report::begin();
    for part in world.parts() {
        eprintln!("== {part:?}");
        let figures = parts::run(part, &world).await?;
        for figure in figures {
            eprintln!("{}", figure.row());
            report.add(figure);
        }
    }
    println!("{}", report.markdown());
    let stored = report.store(&world.results)?;
    eprintln!("stored in {}", stored.display());
    Ok(())
}
