//! Words have their places: the wire is a room, and nobody else speaks its language.

use squadron_dev::sources::{Source, all};

/// Lines of code, comments left out, below `folder` that use `word`, but for the places allowed.
fn strays(folder: &str, word: &str, allowed: &[&str]) -> Vec<String> {
    let here = |source: &&Source| {
        source.path.starts_with(folder)
            && !allowed.iter().any(|place| source.path.starts_with(place))
    };
    let sources = all();
    let lines = sources.iter().filter(here).flat_map(|source| {
        source
            .code()
            .filter(|line| has_word(line, word))
            .map(|line| format!("{}: {line}", source.path))
    });
    lines.collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

fn check(folder: &str, word: &str, allowed: &[&str]) {
    let strays = strays(folder, word, allowed);
    assert!(strays.is_empty(), "{word} is out of place:\n{}", strays.join("\n"));
}

/// The node mounts the service that the wire's room gives it: one generated type, by name. And a test of what
/// clients that poll are told asks as they do.
#[test]
fn flight_is_spoken_on_the_wire_only() {
    let polls = "server/src/query/tests/planned.rs";
    let allowed = ["server/src/flight", "server/src/client", "server/src/node/servers.rs", polls];
    check("server/src", "arrow_flight", &allowed);
}

#[test]
fn the_planner_names_no_socket() {
    check("planner/src", "tonic", &[]);
    check("planner/src", "arrow_flight", &[]);
    check("planner/src", "TcpListener", &["planner/src/catalog/tests"]);
}

#[test]
fn the_cluster_names_no_query_engine() {
    check("cluster", "datafusion", &[]);
    check("cluster", "arrow", &[]);
}

#[test]
fn telemetry_has_not_moved_in_yet() {
    check("", "opentelemetry", &["dev/tests/tidy"]);
}

/// A task without an owner outlives its query. Clippy forbids it too, but not in macros.
#[test]
fn no_task_is_without_an_owner() {
    let spawns = strays("", concat!("tokio::", "spawn"), &[]);
    assert!(spawns.is_empty(), "{spawns:#?}");
}

#[test]
fn words_are_found_as_words() {
    assert!(has_word("use arrow_flight::x;", "arrow_flight"));
    assert!(!has_word("use my_arrow_flights;", "arrow_flight"));
    assert!(!has_word("narrow", "arrow"));
}
