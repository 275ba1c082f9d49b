//! `cargo dev soak`: random faults under random queries and clients, as many as one likes.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use squadron_dev::faults::{Means, Report, Soak};
use squadron_dev::{Result, fixtures, process};

use super::command::{cargo, run as run_command};

/// What to run.
#[derive(clap::Args)]
pub struct SoakArgs {
    /// How many runs
    #[arg(long, default_value_t = 1000)]
    runs: u64,
    /// Seed of the first run; the next ones have the next numbers [default: by the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// Clusters that run at the same time
    #[arg(long, default_value_t = 3)]
    lanes: usize,
    /// With a release build of the program
    #[arg(long)]
    release: bool,
}

/// Runs the soak and prints what came of it.
///
/// # Errors
/// When a result is wrong, a client hangs, anything leaks, or the soak itself cannot go on.
pub fn run(args: &SoakArgs) -> Result<()> {
    let program = program(args.release)?;
    let soak = Soak {
        program,
        data: fixtures::tpch().to_owned(),
        runs: args.runs,
        seed: args.seed.map_or_else(by_the_clock, Ok)?,
        lanes: args.lanes,
        means: Means::here(|what| println!("{what}")),
    };
    println!("{} runs from --seed {}", soak.runs, soak.seed);
    let started = Instant::now();
    let tally = tokio::runtime::Runtime::new()?.block_on(soak.run(tell))?;
    println!("\n{tally}");
    println!("{:?}, from --seed {}", started.elapsed(), soak.seed);
    match tally.bad().len() {
        0 if tally.misses_phases() => Err("too many faults came outside their phase".into()),
        0 => Ok(()),
        bad => Err(format!("{bad} runs were not as promised").into()),
    }
}

fn tell(report: &Report) {
    let mark = if report.is_good() { "ok  " } else { "FAIL" };
    println!("{mark} {report}");
}

fn program(release: bool) -> Result<PathBuf> {
    if !release {
        return process::squadron();
    }
    run_command(&mut cargo(&["build", "--release", "--package", "squadron-server"]))?;
    Ok(fixtures::target().join("release/squadron"))
}

fn by_the_clock() -> Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(since.as_secs())
}
