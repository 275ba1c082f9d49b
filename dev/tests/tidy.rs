//! The house, kept: what no compiler checks.

mod tidy {
    mod crates;
    mod files;
    mod words;
}
