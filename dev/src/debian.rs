//! Packages of Debian for tests, where they are missing and may be installed: by root, as in most containers of CI.

use std::process::Command;

/// Installs these; gives whether they are there now.
pub fn install(packages: &[&str]) -> bool {
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        succeeds(apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install = ["install", "-qq", "--yes", "--no-install-recommends"];
    apt(&["update", "-qq"]) && apt(&[&install, packages].concat())
}

/// Whether it can be run, and ends well. What it says is nobody's business.
pub fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
