//! Five local arrows and no others; the cluster knows no DataFusion, the planner no sockets.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use squadron_dev::sources::top;

const CRATES: [&str; 5] = ["planner", "cluster", "server", "dev", "benches"];

const ARROWS: [(&str, &str); 5] = [
    ("server", "planner"),
    ("server", "cluster"),
    ("dev", "server"),
    ("benches", "server"),
    ("benches", "dev"),
];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(top()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn short(name: &Value) -> &str {
    name.as_str().unwrap().strip_prefix("squadron-").unwrap_or("")
}

#[test]
fn there_are_five_crates() {
    let packages = packages();
    let found: BTreeSet<&str> = packages.iter().map(|package| short(&package["name"])).collect();
    assert_eq!(found, BTreeSet::from(CRATES));
}

/// Of every kind: not even a test may draw another arrow.
#[test]
fn no_arrow_is_drawn_but_the_five() {
    for package in packages() {
        let from = short(&package["name"]);
        let dependencies = package["dependencies"].as_array().unwrap();
        let local = dependencies.iter().map(|to| short(&to["name"])).filter(|to| !to.is_empty());
        for to in local {
            assert!(ARROWS.contains(&(from, to)), "{from} → {to}");
        }
    }
}

/// Names of the packages that a crate is built from.
fn tree(package: &str) -> BTreeSet<String> {
    let package = format!("squadron-{package}");
    let tree = cargo(&["tree", "-p", &package, "-e", "normal", "--prefix", "none", "--offline"]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_cluster_knows_no_datafusion() {
    let known = tree("cluster");
    let banned = |name: &&String| name.starts_with("datafusion") || name.starts_with("arrow");
    assert!(known.contains("tonic"));
    assert_eq!(known.iter().find(banned), None);
}

/// Of its own: what datafusion-distributed brings is its business.
#[test]
fn the_planner_asks_for_no_sockets() {
    let packages = packages();
    let planner = packages.iter().find(|package| short(&package["name"]) == "planner").unwrap();
    let dependencies = planner["dependencies"].as_array().unwrap();
    let names: BTreeSet<&str> = dependencies.iter().filter_map(|to| to["name"].as_str()).collect();
    assert!(names.contains("datafusion"));
    assert!(!names.contains("tonic") && !names.contains("arrow-flight"), "{names:?}");
}
