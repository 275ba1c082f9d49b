//! An environment with the stock Python clients, below the target folder; nothing is installed
//! anywhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::debian::{install, succeeds};
use crate::fixtures::target;

/// What is installed, pinned: a test must mean the same tomorrow.
const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

/// Fetches pip where Python came without it.
const GET_PIP: &str = "import sys, urllib.request as r; sys.argv = ['get-pip', '--quiet']; \
                       exec(r.urlopen('https://bootstrap.pypa.io/get-pip.py').read())";

/// The Python of the environment, which is made on first use and again when its list changes.
///
/// # Errors
/// When there is no Python 3, or a package cannot be had.
pub fn environment() -> Result<PathBuf> {
    let folder = target().join("python");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    create(&folder)?;
    let wanted = folder.join("wanted.txt");
    fs::write(&wanted, REQUIREMENTS)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted);
    run(&mut pip, "the Python clients cannot be installed")?;
    fs::rename(wanted, stamp)?;
    Ok(python)
}

/// The module `venv`; where Debian has left out its package, that package; where it may not be
/// installed, an environment whose pip comes from the network.
fn create(folder: &Path) -> Result<()> {
    let system = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let venv = |extra: &[&str]| {
        let mut command = Command::new(&system);
        command.args(["-m", "venv", "--clear"]).args(extra).arg(folder);
        command
    };
    if succeeds(&mut venv(&[])) || (install(&["python3-venv"]) && succeeds(&mut venv(&[]))) {
        return Ok(());
    }
    run(
        &mut venv(&["--without-pip"]),
        "Python 3 with its module venv is needed (Debian: apt-get install python3 python3-venv)",
    )?;
    let mut pip = Command::new(folder.join("bin/python"));
    run(pip.args(["-c", GET_PIP]), "pip cannot be had (Debian: apt-get install python3-venv)")
}

fn run(command: &mut Command, failure: &str) -> Result<()> {
    let output = command.output().map_err(|error| format!("{failure}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{failure}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
