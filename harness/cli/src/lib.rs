//! The eventproof program: arguments in, one plan out, exit code.
//!
//! A library too, so that a binary of one's own can link crates with sentences of one's own and be this program
//! (docs/library.md).
//!
//! It joins the parts: reads the command line, lets a part do the work, writes the files that the pure renderers make,
//! and turns what was found into an exit code ([`exit`]). No verdict is reached here.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod args;
mod commands;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let code = match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(commands::dispatch(arguments));
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            code
        }
        Err(error) => {
            output::error(&format!("no runtime could be made: {error}"));
            exit::DEFECT
        }
    };
    ExitCode::from(code)
}
