//! Where the program `squadron` is, built if it is not.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::Result;
use crate::cargo::cargo;
use crate::fixtures::target;
use crate::sources::top;

/// Names a program to test in place of the one built here.
pub const VARIABLE: &str = "SQUADRON_BIN";

/// The program: what `SQUADRON_BIN` names, else the one of this build, brought up to date.
///
/// # Errors
/// When it cannot be built.
pub fn squadron() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if let Some(program) = std::env::var_os(VARIABLE) {
        return Ok(program.into());
    }
    let built = BUILT.get_or_init(|| build().map_err(|error| error.to_string()));
    built.clone().map_err(Into::into)
}

fn build() -> Result<PathBuf> {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--package", "squadron-server", "--bin", "squadron"]);
    cargo.arg("--target-dir").arg(target()).current_dir(top());
    if profile == "release" {
        cargo.arg("--release");
    }
    match cargo.status()?.success() {
        true => Ok(target().join(profile).join("squadron")),
        false => Err("the program `squadron` does not build".into()),
    }
}
