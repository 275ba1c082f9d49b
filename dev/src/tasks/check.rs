//! Formatting and lints.

use squadron_dev::Result;

use super::command::{self, cargo};

/// # Errors
/// When a file is not formatted or a lint has something to say.
pub fn run() -> Result<()> {
    // The names will do: `cargo fmt` shows nobody anything either.
    run_cargo(&["fmt", "--all", "--", "--check", "-l"])?;
    run_cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn run_cargo(arguments: &[&str]) -> Result<()> {
    command::run(&mut cargo(arguments))
}
