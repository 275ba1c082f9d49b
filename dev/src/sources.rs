//! The sources of this repository, for tests that keep the house in order.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
#[derive(Debug)]
pub struct Source {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// Its lines that are not comments.
    pub fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
    }
}

/// The top of the repository: of the one that cargo runs this from, since clones that share a target
/// folder share this program too; without cargo, of the one this was built from.
pub fn top() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).join("..")
}

/// Every Rust file of the workspace.
///
/// # Panics
/// When the repository cannot be read.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["planner", "cluster", "server", "dev", "benches"] {
        collect(&top().join(folder), folder, &mut found);
    }
    found
}

fn collect(folder: &Path, name: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("the repository can be read");
    for entry in entries {
        let path = entry.expect("the repository can be read").path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{name}/{file}");
        if path.is_dir() && file != "target" && !file.starts_with('.') {
            collect(&path, &name, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            found.push(Source { path: name, text });
        }
    }
}
