//! Cargo run by a program that cargo runs.
//!
//! A program started by `cargo run` or `cargo test` finds the variables of its own package in its
//! environment (`CARGO_PKG_NAME`, `CARGO_MANIFEST_DIR`, …), and would hand them on. The build script
//! of `ring` asks to be run again when they change: each switch between cargo in a shell and cargo in
//! a program would compile `ring` and all above it, DataFusion included, once more.

use std::process::Command;

/// Cargo, as it would be run in a shell.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| is_of_a_package(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// What cargo sets for the package whose program it runs.
fn is_of_a_package(name: &str) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO_PRIMARY_PACKAGE"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packages_own_variables_are_not_handed_on() {
        let removed: Vec<_> = cargo()
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
        assert!(removed.contains(&"CARGO_MANIFEST_DIR".to_owned()), "{removed:?}");
        assert!(removed.contains(&"CARGO_PKG_NAME".to_owned()), "{removed:?}");
    }

    #[test]
    fn what_a_user_sets_stays() {
        assert!(!is_of_a_package("CARGO_TARGET_DIR"));
        assert!(!is_of_a_package("CARGO_HOME"));
        assert!(!is_of_a_package("CARGO_BUILD_JOBS"));
    }
}
