//! The program `squadron`.

use std::process::ExitCode;

/// A modern allocator: faster than the system's under many threads, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    squadron_server::cli::main()
}
