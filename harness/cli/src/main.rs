//! The eventproof program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Records are made by one thread, sent by another and read by a third: what one allocates another frees, a few times a record.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    eventproof::main()
}
