//! The embedded broker beside krafka's FakeBroker and beside Apache Kafka in a container, in one run, in alternating rounds.
//!
//! `cargo run --release` measures produce rate (1 KB records, 3 partitions, acks=all) and end-to-end p95 at 1000/s, and
//! prints the bars of the issue. `cargo run --release -- start` measures the time from starting a broker to the first
//! record that a group consumed; it needs Docker. Both go to addresses of this machine only and end by themselves.

mod load;
mod start;

use std::error::Error;
use std::process::Command;

use eventproof_broker::{Broker, BrokerChoice};
use krafka::testing::FakeBroker;

/// Rounds for the produce rate: many short ones, for the machine's noise is larger than the difference.
const RATE_ROUNDS: usize = 25;
const LATENCY_ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["start"] => start::compare().await,
        ["round", broker, figure] => round(broker, figure).await,
        _ => compare(),
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    let (ours, theirs) = alternate("records/s", RATE_ROUNDS, "rate")?;
    let rate = ours / theirs;
    println!("produce rate: {rate:.2} of krafka's (bar: at least 1.00) {}\n", word(rate >= 1.0));
    let (ours, theirs) = alternate("p95 ms", LATENCY_ROUNDS, "latency")?;
    let latency = ours / theirs;
    println!("end-to-end p95: {latency:.2} of krafka's (bar: at most 1.20) {}", word(latency <= 1.2));
    Ok(())
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// The brokers, ours first.
const BROKERS: [&str; 2] = ["embedded", "krafka"];

/// Measures both brokers in turn; who goes first changes from round to round. Gives the medians, ours first. Every round
/// is a process of its own: one that reuses another's warm memory would be faster for no merit of its own.
fn alternate(unit: &str, rounds: usize, figure: &str) -> Result<(f64, f64), Box<dyn Error>> {
    println!("{:>5} {:>14} {:>14}  {unit}", "round", BROKERS[0], BROKERS[1]);
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let child = Command::new(std::env::current_exe()?).args(["round", BROKERS[which], figure]).output()?;
            if !child.status.success() {
                return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
            }
            figures[which].push(String::from_utf8(child.stdout)?.trim().parse()?);
        }
        println!("{round:>5} {:>14.3} {:>14.3}", figures[0][round], figures[1][round]);
    }
    let [ours, theirs] = figures.map(median);
    println!("median {ours:>13.3} {theirs:>14.3}");
    Ok((ours, theirs))
}

/// Measures one figure of one broker, and prints it.
async fn round(broker: &str, figure: &str) -> Result<(), Box<dyn Error>> {
    let measure = if figure == "rate" { load::produce_rate } else { load::end_to_end_p95 };
    let measured = if broker == BROKERS[0] {
        let broker = Broker::start(&BrokerChoice::Embedded { nodes: 1 }).await?;
        apart(broker.bootstrap().to_owned(), measure).await?
    } else {
        let broker = FakeBroker::start().await?;
        apart(broker.bootstrap_servers().to_string(), measure).await?
    };
    println!("{measured}");
    Ok(())
}

/// Measures one figure of the broker at an address.
type Measure = fn(&str) -> Result<f64, load::Failed>;

/// The clients block, so they have a thread of their own; the broker under test keeps the runtime.
async fn apart(servers: String, measure: Measure) -> Result<f64, Box<dyn Error>> {
    let figure = tokio::task::spawn_blocking(move || {
        load::create_topics(&servers)?;
        measure(&servers)
    });
    Ok(figure.await?.map_err(|error| error.to_string())?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
