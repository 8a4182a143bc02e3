//! One reference service as a process: `cargo run -p eventproof-reference --example reference_service -- nova-bus feed-service --fault late`.
//!
//! `eventproof serve` does the same; this one needs no other part of eventproof, and the tests kill it.

#![allow(clippy::print_stderr)]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(system), Some(service)) = (args.next(), args.next()) else {
        eprintln!("usage: serve SYSTEM SERVICE [--fault NAME]...");
        return ExitCode::from(2);
    };
    let faults: Vec<String> = args.filter(|arg| arg != "--fault").collect();
    match eventproof_reference::serve(&system, &service, &faults).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
