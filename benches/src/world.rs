//! What a run needs before it can measure: the data, the programs, a Python with the stock client.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::{Parser, ValueEnum};
use squadron_server::demo::tpch;
use tokio::process::Command;

use crate::Result;

/// Measures Squadron against in-process DataFusion and a pyarrow Flight server, side by side.
#[derive(Parser, Debug)]
#[command(name = "squadron-bench")]
pub struct Args {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    part: Part,
    /// Turns of each comparison; the first one more is for warming up
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// A folder of TPC-H tables to use instead of generating them
    #[arg(long)]
    data: Option<PathBuf>,
    /// The program to measure [default: built from this workspace in this profile]
    #[arg(long)]
    squadron: Option<PathBuf>,
    /// A Python that has benches/python/requirements.txt [default: a virtual environment made here]
    #[arg(long)]
    python: Option<PathBuf>,
    /// Header sent with every query to Squadron, NAME=VALUE: squadron-frame-bytes=4194304. Repeatable
    #[arg(long)]
    header: Vec<String>,
    /// Setting of every session at Squadron, NAME=VALUE: datafusion.execution.batch_size=16384. Repeatable
    #[arg(long)]
    set: Vec<String>,
    /// Flags for every `squadron serve`, in one string
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    serve: String,
}

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// `SELECT * FROM lineitem`: one node, pyarrow from Parquet, in-process DataFusion
    Read,
    /// A kept result read again: one node, pyarrow from memory
    Kept,
    /// `SELECT * FROM lineitem`: three nodes, one node
    Three,
    /// The 22 queries: one node, three nodes, in-process DataFusion
    Tpch,
    /// SELECT 1, and a small query distributed and local
    Latency,
    /// Memory of a server whose client does not read
    Memory,
    /// 10 GB through a node with 512 MiB, and with enough
    Spill,
    /// `SELECT * FROM lineitem` with and without checksum, manifest and retention
    Promises,
    /// 200 clients at once, each a Q6
    Clients,
    /// Everything
    All,
}

/// Everything that the parts share.
pub struct World {
    /// The tables.
    pub data: PathBuf,
    /// The program.
    pub squadron: PathBuf,
    /// The interpreter with the stock client.
    pub python: PathBuf,
    /// Where runs are kept.
    pub results: PathBuf,
    /// Turns of each comparison.
    pub rounds: usize,
    /// Headers for every query to Squadron.
    pub headers: Vec<(String, String)>,
    /// Statements that every connection to Squadron begins with.
    pub begin: Vec<String>,
    /// Flags for every node.
    pub serve: Vec<String>,
    part: Part,
}

impl World {
    /// Makes what is missing.
    pub async fn prepare(args: Args) -> Result<Self> {
        let cache = cache_dir()?;
        let squadron = match &args.squadron {
            Some(path) => path.clone(),
            None => build().await?,
        };
        let python = match &args.python {
            Some(path) => path.clone(),
            None => virtual_environment(&cache.join("venv")).await?,
        };
        let data = match &args.data {
            Some(path) => path.clone(),
            None => generate(&cache, args.scale).await?,
        };
        Ok(Self {
            data,
            squadron,
            python,
            results: sources().join("results"),
            rounds: args.rounds,
            headers: pairs(&args.header)?,
            begin: pairs(&args.set)?
                .iter()
                .map(|(key, value)| format!("SET {key} = '{value}'"))
                .collect(),
            serve: args.serve.split_whitespace().map(str::to_owned).collect(),
            part: args.part,
        })
    }

    /// The parts to run, in order.
    pub fn parts(&self) -> Vec<Part> {
        use Part::{All, Clients, Kept, Latency, Memory, Promises, Read, Spill, Three, Tpch};
        match self.part {
            All => vec![Read, Kept, Three, Latency, Tpch, Memory, Spill, Promises, Clients],
            one => vec![one],
        }
    }
}

/// The folder of this crate's sources.
pub fn sources() -> PathBuf {
    squadron_dev::sources::top().join("benches")
}

/// Beside the profile's folder in the target folder, where `cargo clean` finds it.
fn cache_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let target = exe.ancestors().nth(2).ok_or("this program is in no target folder")?;
    Ok(target.join("squadron-bench"))
}

/// Builds `squadron` in the profile of this program; it is then beside it.
async fn build() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let folder = exe.parent().ok_or("this program is in no folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut command = Command::from(squadron_dev::cargo::cargo());
    command.args([
        "build",
        "--package",
        "squadron-server",
        "--bin",
        "squadron",
        "--profile",
        profile,
    ]);
    finish(command.current_dir(sources())).await?;
    Ok(folder.join("squadron"))
}

async fn virtual_environment(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.is_file() {
        eprintln!("installing the stock client in {}", folder.display());
        finish(Command::new("python3").args(["-m", "venv"]).arg(folder)).await?;
        let wanted = sources().join("python/requirements.txt");
        finish(Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(wanted))
            .await?;
        std::fs::write(complete, "")?;
    }
    Ok(python)
}

async fn finish(command: &mut Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status().await?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {status}").into()),
    }
}

/// One file a table: what a pyarrow scan and ours read is the same, row group by row group.
async fn generate(cache: &Path, scale: f64) -> Result<PathBuf> {
    let cache = cache.to_owned();
    let generated = tokio::task::spawn_blocking(move || tpch::generate(&cache, scale, 1)).await?;
    Ok(generated?)
}

fn pairs(texts: &[String]) -> Result<Vec<(String, String)>> {
    let split = |text: &String| {
        let (name, value) = text.split_once('=').ok_or(format!("{text}: write NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(split).collect()
}
