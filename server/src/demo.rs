//! What `squadron demo` shows, and the data that tests and benchmarks share with it.

pub mod tpch;
