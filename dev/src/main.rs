//! `cargo dev <task>`: everything that a developer and CI do, in one program.

mod tasks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a developer does, and CI.
#[derive(Parser)]
#[command(name = "cargo dev")]
struct Dev {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Formatting and lints, without tests
    Check,
    /// Everything that must pass: lints, unit tests, system tests, real clients
    Test,
    /// The real clients alone: Python's, Java's, Go's
    Clients,
    /// Random faults under random queries and clients, each answer and each leak looked at
    Soak(tasks::soak::SoakArgs),
    /// The 22 TPC-H queries against DataFusion and DuckDB, at any scale
    Tpch(tasks::tpch::TpchArgs),
}

fn main() -> ExitCode {
    let done = match Dev::parse().task {
        Task::Check => tasks::check::run(),
        Task::Test => tasks::test::run(),
        Task::Clients => tasks::test::run_clients(),
        Task::Soak(args) => tasks::soak::run(&args),
        Task::Tpch(args) => tasks::tpch::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo dev: {error}");
            ExitCode::FAILURE
        }
    }
}
