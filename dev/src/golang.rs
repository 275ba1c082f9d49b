//! Go and its stock clients (`dev/go`); what is fetched or built stays below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::debian::succeeds;
use crate::sources::top;

/// Where Go's own installation is, which is on few paths.
const USUAL: &str = "/usr/local/go/bin/go";

/// The tests of `dev/go`.
pub struct Tests {
    go: PathBuf,
}

impl Tests {
    /// Looks for a Go and fetches what it needs.
    ///
    /// # Errors
    /// When there is no Go that is new enough, or a module cannot be had.
    pub fn find() -> Result<Self> {
        let go = go().ok_or("no Go (https://go.dev/dl)")?;
        let output = command(&go).args(["list", "-deps", "-test", "./..."]).output()?;
        match output.status.success() {
            true => Ok(Self { go }),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().into()),
        }
    }

    /// The program that runs them, without what they are told of a server.
    pub fn program(&self) -> Command {
        let mut tests = command(&self.go);
        tests.args(["test", "-count=1", "-v", "./..."]);
        tests
    }
}

fn go() -> Option<PathBuf> {
    let runs = |go: &PathBuf| succeeds(Command::new(go).arg("version"));
    ["go", USUAL].map(PathBuf::from).into_iter().find(runs)
}

fn command(go: &Path) -> Command {
    let mut command = Command::new(go);
    command.current_dir(top().join("dev/go")).env("GOFLAGS", "-mod=readonly");
    command
}
