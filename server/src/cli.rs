//! The commands of the program `squadron`.

use std::process::ExitCode;

use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as DisplayHelpOnMissing;
use clap::{Parser, Subcommand};

use crate::allocator;
use crate::config::ServeArgs;

pub mod demo;
mod password;
mod serve;
pub mod sql;
mod token;
mod usage;

/// Wrong usage or configuration.
const EXIT_USAGE: u8 = 2;

/// Squadron: distributed Arrow Flight SQL without a funnel. Any node takes a query, many nodes run
/// it, every node hands its share of the result straight to the client.
#[derive(Parser)]
#[command(name = "squadron", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one node
    Serve(Box<ServeArgs>),
    /// See it all in one go: data, three nodes, queries, and how to connect
    Demo(demo::DemoArgs),
    /// Run SQL on a Flight SQL server, or open a prompt
    Sql(Box<sql::SqlArgs>),
    Password(password::PasswordArgs),
    Token(token::TokenArgs),
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(parsed) => parsed.command,
        // Help and version, which are asked for or shown where nothing is.
        Err(help) if !help.use_stderr() || help.kind() == DisplayHelpOnMissing => help.exit(),
        Err(error) => return fail(&usage::line(&error)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(allocator::give_back_own)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("starting threads: {error}")),
    };
    let code = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(&args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Sql(args) => sql::run(*args).await,
            Command::Password(args) => password::run(&args),
            Command::Token(args) => token::run(&args),
        }
    });
    // Not waited for: a connection whose client does not read would keep the process for ever.
    runtime.shutdown_background();
    code
}

/// One clear line, and the exit code for it.
fn fail(message: &str) -> ExitCode {
    eprintln!("squadron: {}", message.replace('\n', " "));
    ExitCode::from(EXIT_USAGE)
}

/// Log lines go to standard error; `SQUADRON_LOG` chooses what is told (`info`, `squadron=debug`).
///
/// # Errors
/// When it cannot be read as that.
fn start_logging(default: &str) -> Result<(), String> {
    let chosen = std::env::var("SQUADRON_LOG").ok().filter(|chosen| !chosen.is_empty());
    let chosen = chosen.as_deref().unwrap_or(default);
    let filter = tracing_subscriber::EnvFilter::try_new(chosen).map_err(|error| {
        format!("SQUADRON_LOG = {chosen:?}: {error}; write it like info or warn,squadron=debug")
    })?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    // Fails only where a subscriber is set already: then that one is meant.
    let _ = subscriber.try_init();
    Ok(())
}

/// Stops; told to a second time, without waiting for anybody.
async fn stop(stopping: impl Future<Output = ()>) {
    tokio::select! {
        () = stopping => {}
        () = interrupted() => tracing::info!("stopped at once"),
    }
}

/// Has a write past a limit of file size (`ulimit -f`, `LimitFSIZE`) fail as one to a full disk does: by default it ends
/// the process.
fn outlive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    /// SIGXFSZ on Linux (but for MIPS) and on macOS.
    const BEYOND_FILE_SIZE: i32 = 25;
    // The handler stays when what it would tell is dropped.
    if let Err(error) = signal(SignalKind::from_raw(BEYOND_FILE_SIZE)) {
        tracing::warn!(%error, "a limit of file size would end this process");
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
