//! The eventproof program.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventproof::main()
}
