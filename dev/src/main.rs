//! `cargo dev <task>`: everything that a developer and CI do.

fn main() {}
