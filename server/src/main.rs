//! The program `squadron`.

use std::process::ExitCode;

use squadron_server::{allocator, memory};

/// A modern allocator: faster than the system's under many threads, and it gives memory back.
#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

fn main() -> ExitCode {
    allocator::tune();
    memory::process_of_nodes();
    squadron_server::cli::main()
}
