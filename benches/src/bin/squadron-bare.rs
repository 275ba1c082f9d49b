//! `squadron` without its promises, for measuring what they cost: no product.

use std::process::ExitCode;

use squadron_server::results::bare::without_promises;
use squadron_server::{allocator, memory};

#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

fn main() -> ExitCode {
    allocator::tune();
    memory::process_of_nodes();
    without_promises();
    squadron_server::cli::main()
}
