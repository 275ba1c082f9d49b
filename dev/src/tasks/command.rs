//! Other programs, run from the top of the repository.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use squadron_dev::Result;

/// Cargo, at the top of the repository.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = at_the_top(squadron_dev::cargo::cargo());
    cargo.args(arguments);
    cargo
}

/// A program, at the top of the repository.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    at_the_top(Command::new(name))
}

fn at_the_top(mut command: Command) -> Command {
    command.current_dir(squadron_dev::sources::top());
    command
}

/// Runs it and shows what it shows.
///
/// # Errors
/// When it cannot be run or fails.
pub fn run(command: &mut Command) -> Result<()> {
    tell(command);
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("failed: {}", shown(command)).into()),
    }
}

/// Runs it, shows its lines as they come, and gives them with whether it succeeded.
///
/// # Errors
/// When it cannot be run.
pub fn watch(command: &mut Command) -> Result<(Vec<String>, bool)> {
    tell(command);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("a process without standard output")?;
    let mut lines = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        lines.push(line);
    }
    Ok((lines, child.wait()?.success()))
}

fn tell(command: &Command) {
    eprintln!("\n--- {}", shown(command));
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
