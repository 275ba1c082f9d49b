//! `squadron sql`: a client for people and scripts, over [`crate::client`].
//!
//! Results go to standard output or a file, everything else (errors, counts, progress) to standard
//! error, so that pipes carry data only. The exit code is 0 when all statements succeeded, 1 when
//! one failed, 2 for wrong usage or a server that cannot be reached, 130 after Ctrl-C.

mod args;
mod console;
mod failure;
mod format;
mod output;
mod progress;
mod prompt;
mod report;
mod runner;
mod source;
mod split;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

pub use args::SqlArgs;
use console::Console;
use failure::SqlError;
pub use format::Format;
use output::Destination;
use runner::{Runner, Settings};

use crate::client::{FlightSqlClient, ReadOptions};

/// Runs the command and gives its exit code; every failure has been told on standard error.
///
/// Takes over Ctrl-C while it runs.
pub async fn run(args: SqlArgs) -> ExitCode {
    ExitCode::from(run_on(args, Console::real()).await)
}

async fn run_on(args: SqlArgs, console: Console) -> u8 {
    match run_all(&args, &console).await {
        Ok(()) => 0,
        Err(error) => {
            tell(&console, &error);
            error.exit_code()
        }
    }
}

fn tell(console: &Console, error: &SqlError) {
    if !matches!(error, SqlError::BrokenPipe) {
        console.say(&format!("error: {error}"));
    }
    if let Some(advice) = error.advice() {
        console.say(advice);
    }
}

async fn run_all(args: &SqlArgs, console: &Console) -> Result<(), SqlError> {
    let statements = source::statements(args)?;
    check(args, console, statements.is_none())?;
    let mut runner = connect(args, console.clone()).await?;
    match statements {
        None => prompt::run(&mut runner).await,
        Some(statements) => batch(args, &runner, &statements).await,
    }
}

/// Refuses what cannot work before anything is run.
fn check(args: &SqlArgs, console: &Console, prompt: bool) -> Result<(), SqlError> {
    let refuse = |text: &str| Err(SqlError::Usage(text.to_owned()));
    if prompt && (args.output.is_some() || args.explain) {
        return refuse("--output and --explain need a statement: as argument, by --file or by `-`");
    }
    if args.format()?.is_binary() && args.output.is_none() && console.out_is_terminal {
        return refuse("that format is not for a terminal: use --output FILE or a pipe");
    }
    Ok(())
}

async fn connect(args: &SqlArgs, console: Console) -> Result<Runner, SqlError> {
    let client = FlightSqlClient::connect_with(&args.uri, args.client_options()?).await?;
    for statement in args.settings.iter().filter_map(args::Setting::statement) {
        client.run(&statement).await?;
    }
    let settings = Settings {
        format: args.format()?,
        max_rows: args.max_rows(),
        read: ReadOptions { order: args.order(), ..Default::default() },
        timing: args.timing,
        endpoints: args.endpoints,
        quiet: args.quiet,
    };
    Ok(Runner { client, console, settings })
}

/// Runs the statements in turn; the first failure ends it, and no output file appears.
async fn batch(args: &SqlArgs, runner: &Runner, statements: &[String]) -> Result<(), SqlError> {
    let destination = match &args.output {
        Some(path) => Destination::file(path)?,
        None => Destination::stream(runner.console.out.clone()),
    };
    let single = args.output.is_some() || runner.settings.format.holds_one_result();
    let mut results = 0;
    for statement in statements {
        let text = if args.explain { explained(statement) } else { statement.clone() };
        let place = || {
            results += 1;
            if single && results > 1 { Err(second_result(runner)) } else { Ok(&destination) }
        };
        runner.run(&text, place).await?;
    }
    destination.commit()
}

fn explained(statement: &str) -> String {
    let first = statement.split_whitespace().next();
    match first.is_some_and(|word| word.eq_ignore_ascii_case("explain")) {
        true => statement.to_owned(),
        false => format!("EXPLAIN ANALYZE {statement}"),
    }
}

fn second_result(runner: &Runner) -> SqlError {
    let format = runner.settings.format.name();
    SqlError::Usage(format!(
        "several statements have results, and one {format} output holds one: run them one by one"
    ))
}
