//! `squadron demo`: the whole thing in one command.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{fail, interrupted, start_logging, stop};
use crate::demo::{Demo, show};

/// Generates TPC-H data, starts three nodes on this machine, runs a few queries through a real
/// Flight SQL client, and keeps serving.
#[derive(clap::Args, Debug, Clone)]
pub struct DemoArgs {
    /// Scale of the data: 1 is a gigabyte before compression
    #[arg(long, env = "SQUADRON_DEMO_SCALE", default_value_t = 0.1)]
    pub scale: f64,
    /// Number of nodes
    #[arg(long, default_value_t = 3)]
    pub nodes: usize,
    /// Where the data is kept, to be used again [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Flight SQL port of the first node; the others follow. Ports that are taken are replaced
    #[arg(long, default_value_t = 8815)]
    pub port: u16,
    /// Stop after the queries instead of serving on
    #[arg(long)]
    pub once: bool,
}

/// Runs the demo until it is interrupted.
pub async fn run(args: DemoArgs) -> ExitCode {
    if let Err(why) = start_logging("warn").and_then(|()| check(&args)) {
        return fail(&why);
    }
    match tokio::select! {
        shown = demonstrate(&args) => shown,
        () = interrupted() => return ExitCode::SUCCESS,
    } {
        Ok(demo) if args.once => stop(demo.stop()).await,
        Ok(demo) => {
            show::how_to_connect(&demo);
            interrupted().await;
            stop(demo.stop()).await;
        }
        Err(why) => return fail(&why),
    }
    ExitCode::SUCCESS
}

async fn demonstrate(args: &DemoArgs) -> Result<Demo, String> {
    let demo = Demo::start(args).await?;
    show::queries(&demo).await?;
    Ok(demo)
}

fn check(args: &DemoArgs) -> Result<(), String> {
    if !(args.scale > 0.0 && args.scale <= 1000.0) {
        return Err(format!("--scale {}: choose something above 0 and up to 1000", args.scale));
    }
    match args.nodes {
        1..=16 => Ok(()),
        other => Err(format!("--nodes {other}: choose 1 to 16")),
    }
}
