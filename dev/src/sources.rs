//! The sources of this repository, for tests that keep the house in order.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of code.
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
    let folders = ["planner", "cluster", "server", "dev", "benches"];
    let mut found = Vec::new();
    folders.iter().for_each(|folder| collect(&top().join(folder), folder, "rs", &mut found));
    found
}

/// Every file of the tests of clients in other languages.
///
/// # Panics
/// When the repository cannot be read.
pub fn of_clients() -> Vec<Source> {
    let languages = [
        ("dev/python", "py"),
        ("dev/java", "java"),
        ("dev/go", "go"),
        ("dev/guides", "py"),
        ("dev/guides", "java"),
    ];
    let mut found = Vec::new();
    for (folder, extension) in languages {
        collect(&top().join(folder), folder, extension, &mut found);
    }
    found
}

fn collect(folder: &Path, name: &str, extension: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("the repository can be read");
    for entry in entries {
        let path = entry.expect("the repository can be read").path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{name}/{file}");
        if path.is_dir() && file != "target" && !file.starts_with('.') {
            collect(&path, &name, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            let text = fs::read_to_string(&path).expect("a source is text");
            found.push(Source { path: name, text });
        }
    }
}
