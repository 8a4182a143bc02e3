//! Memory of one long load at a fixed rate, as its intervals tell it: it must not follow the events sent.

use super::broker::Container;
use super::loads::{load, read};
use super::{Failed, number};

const RECORDS: usize = 5_000_000;
const RATE: usize = 20_000;
/// What the rest is compared with: the least that fills every table that has a limit.
const SETTLED: f64 = 500_000.0;

pub fn run(program: &str, words: &[String]) -> Result<(), Failed> {
    let (records, rate) = (number(words, "--records", RECORDS)?, number(words, "--rate", RATE)?);
    let (container, folder) = (Container::start()?, tempfile::tempdir()?);
    container.topic("side.by.side")?;
    let lines = format!(
        "keys: 1000\nrate: {rate}/s\nevents: {records}\npayload_size: 200 B\nslip_limit: 60s\nsettle: 60s\nobjectives:\n  - lost(topic) = 0\n  - duplicated(topic) = 0\n"
    );
    let result = read(&load(program, container.servers(), &lines, folder.path(), "long")?)?;
    let intervals = result["intervals"].as_array().ok_or("no intervals in the result")?;
    let point = |of: &serde_json::Value| Some((of["counts"]["planned"].as_f64()?, of["resident_mb"].as_f64()?));
    let points: Vec<(f64, f64)> = intervals.iter().filter_map(point).collect();
    println!(
        "{:>12} {:>8} {:>8} {:>8}  MB resident in the half million events before that",
        "events", "least", "mean", "most"
    );
    for upto in 1..=(records as f64 / SETTLED) as u32 {
        let upto = f64::from(upto) * SETTLED;
        let here: Vec<f64> =
            points.iter().filter(|(sent, _)| *sent > upto - SETTLED && *sent <= upto).map(|(_, mb)| *mb).collect();
        let mean = here.iter().sum::<f64>() / here.len().max(1) as f64;
        let (least, most) = (here.iter().copied().fold(f64::MAX, f64::min), here.iter().copied().fold(0.0, f64::max));
        println!("{upto:>12.0} {least:>8.0} {mean:>8.0} {most:>8.0}");
    }
    let at = |wanted: f64| points.iter().find(|(sent, _)| *sent >= wanted).or(points.last()).map_or(0.0, |(_, mb)| *mb);
    let (early, late) = (at(SETTLED), points.last().map_or(0.0, |(_, mb)| *mb));
    println!(
        "\nafter {SETTLED:.0} events {early:.1} MB, at the end {late:.1} MB: {:+.1} % (bar: within 10 %)",
        100.0 * (late / early - 1.0)
    );
    Ok(())
}
