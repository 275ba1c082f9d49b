//! Every file says why it exists, and is small.

use squadron_dev::sources::{Source, all, of_clients};

const MOST_LINES: usize = 500;

fn check(what: &str, wrong: impl Fn(&Source) -> bool) {
    let sources = all();
    assert!(sources.len() > 100, "the sources were found: {}", sources.len());
    let wrong: Vec<_> = sources.iter().filter(|source| wrong(source)).map(|s| &s.path).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

#[test]
fn every_file_opens_with_why() {
    check("a file opens with //!", |source| !source.text.starts_with("//!"));
}

#[test]
fn no_file_is_long() {
    check("too long", |source| source.text.lines().count() > MOST_LINES);
}

#[test]
fn a_module_stands_beside_its_folder() {
    check("foo.rs, not foo/mod.rs", |source| source.path.ends_with("/mod.rs"));
}

#[test]
fn no_test_is_ignored() {
    let ignore = concat!("#[", "ignore");
    check("an ignored test", |source| source.text.contains(ignore));
}

#[test]
fn tests_in_other_languages_are_small_and_say_why_too() {
    let sources = of_clients();
    assert!(sources.len() > 30, "the sources were found: {}", sources.len());
    let says =
        |source: &Source| ["//", "/**", "\"\"\""].iter().any(|it| source.text.starts_with(it));
    let good = |source: &Source| says(source) && source.text.lines().count() <= MOST_LINES;
    let wrong: Vec<_> = sources.iter().filter(|source| !good(source)).map(|s| &s.path).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
