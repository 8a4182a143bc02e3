//! How long a pack of so many scenarios of three immediate steps takes on the embedded broker, from the start of the program to its end.
//!
//!     cargo run -p eventproof-bench --example thousand -- PATH_OF_eventproof [SCENARIOS] [ROUNDS]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use eventproof_bench::write_pack;

fn round(eventproof: &str, pack: &Path, many: usize) -> Duration {
    let began = Instant::now();
    let report = pack.join("report");
    let ran = Command::new(eventproof).arg("run").arg(pack).arg("--report").arg(&report).output().unwrap();
    let took = began.elapsed();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(told.contains(&format!("{many} scenarios: {many} held")), "{told}");
    took
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let eventproof = arguments.first().expect("the path of eventproof");
    let number = |at: usize, otherwise: usize| arguments.get(at).map_or(otherwise, |text| text.parse().unwrap());
    let (many, rounds) = (number(1, 1000), number(2, 5));
    let pack = tempfile::tempdir().unwrap();
    write_pack(pack.path(), many).unwrap();
    let mut took: Vec<Duration> = (0..rounds).map(|_| round(eventproof, pack.path(), many)).collect();
    took.sort_unstable();
    let seconds: Vec<String> = took.iter().map(|took| format!("{:.2}", took.as_secs_f64())).collect();
    println!("{many} scenarios of three immediate steps, {rounds} rounds: {} s", seconds.join(", "));
    println!("median {} s", seconds[seconds.len() / 2]);
}
