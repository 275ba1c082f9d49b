//! Everything that must pass, on a machine with a Rust toolchain and Python 3 and nothing else.

mod clients;

use std::path::{Path, PathBuf};

use squadron_dev::process::PROGRAM_VARIABLE;
use squadron_dev::report::{Count, count};
use squadron_dev::{Result, process, python};

use super::check;
use super::command::{cargo, program, watch};

/// Lints, unit tests, system tests, and the real clients, all of them whatever fails. Ends with what could not be
/// had, and one line that says how many tests passed.
///
/// # Errors
/// When anything fails.
pub fn run() -> Result<()> {
    let checked = check::run();
    let squadron = process::squadron()?;
    let mut all = rust(&squadron)?;
    if let Err(error) = &checked {
        println!("\n{error}");
        all.failed += 1;
    }
    real_clients(&squadron, all)
}

/// The real clients of Python, Java and Go alone.
///
/// # Errors
/// When anything fails.
pub fn run_clients() -> Result<()> {
    real_clients(&process::squadron()?, Count::default())
}

/// What came before them counts too.
fn real_clients(squadron: &Path, mut all: Count) -> Result<()> {
    all += python_clients(squadron)?;
    let (others, missing) = clients::run(squadron)?;
    all += others;
    println!();
    missing.iter().for_each(|name| println!("SKIPPED {name}"));
    println!("{} passed, {} failed, {} skipped", all.passed, all.failed, missing.len());
    match all.failed {
        0 => Ok(()),
        _ => Err("not everything passed".into()),
    }
}

fn rust(squadron: &Path) -> Result<Count> {
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests.env(PROGRAM_VARIABLE, squadron);
    let (lines, succeeded) = watch(&mut tests)?;
    Ok(judged(count(&lines), succeeded))
}

fn python_clients(squadron: &Path) -> Result<Count> {
    let python = python::environment()?;
    let data: PathBuf = squadron_dev::fixtures::tpch().to_owned();
    let mut tests = program(python);
    tests.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "dev/python"]);
    tests.env(PROGRAM_VARIABLE, squadron).env("SQUADRON_TEST_DATA", data);
    tests.env("PYTHONDONTWRITEBYTECODE", "1");
    let (lines, succeeded) = watch(&mut tests)?;
    Ok(judged(count(&lines), succeeded))
}

/// A runner that failed without naming a failed test has failed all the same.
fn judged(count: Count, succeeded: bool) -> Count {
    match succeeded {
        true => count,
        false => Count { failed: count.failed.max(1), ..count },
    }
}
