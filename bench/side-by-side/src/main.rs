//! `eventproof load --rate max`, with every record checked, beside a bare rdkafka producer and consumer and beside Java's
//! ProducerPerformance, in alternating rounds against one broker.
//!
//! `cargo run --release -- PROGRAM` with the path of a release build of eventproof. It starts Apache Kafka in a container, needs
//! Docker and nothing else, and ends everything by itself. `--records N` and `--rounds N` make it longer, `--linger MS` is what all
//! three producers wait for a batch to fill.
//!
//! `cargo run --release -- memory PROGRAM` measures the memory of one long load, `cargo run --release -- pairs PROGRAM` whether comparisons
//! of real runs tell the truth.

mod broker;
mod loads;
mod memory;
mod pair;
mod pairs;
mod programs;
mod table;

use std::error::Error;
use std::process::ExitCode;

use broker::Container;
use programs::{Asked, Figure};

/// What goes wrong, in words.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Bytes of a record's value.
pub const SIZE: usize = 1000;
pub const PARTITIONS: i32 = 3;
const RECORDS: usize = 500_000;
const ROUNDS: usize = 7;
/// Milliseconds, as Java's producer has it by itself.
const LINGER: usize = 5;
/// Rounds that do not count: a JVM compiles what it does often, and the broker is one.
const WARM_UP: usize = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A round is a process of its own: no warm memory of the one before, and its processor time can be told.
        ["pair", servers, topic, records, linger] => pair::run(servers, topic, records, linger),
        ["memory", program, ..] => memory::run(program, &words),
        ["pairs", program, ..] => pairs::run(program, &words),
        _ => compare(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn compare(words: &[String]) -> Result<(), Failed> {
    let program = words.first().ok_or(
        "usage: side-by-side [memory | pairs] PROGRAM [--records N] [--rounds N] [--linger MS] [--rate N] [--pairs N]",
    )?;
    let (records, rounds) = (number(words, "--records", RECORDS)?, number(words, "--rounds", ROUNDS)?);
    let linger = number(words, "--linger", LINGER)?;
    let container = Container::start()?;
    // eventproof's rounds share the topic of their contract: it reads from the end of what is there.
    container.topic("side.by.side")?;
    let asked = Asked { program: program.clone(), servers: container.servers().to_owned(), records, linger };
    let mut figures: [Vec<Figure>; 3] = Default::default();
    println!("{:>5} {:>16} {:>16} {:>16}  records/s", "round", "bare pair", "eventproof", "Java");
    for round in 1..=WARM_UP + rounds {
        let counts = round > WARM_UP;
        let mut of_round = [Figure::default(); 3];
        for turn in 0..3 {
            let which = (round + turn) % 3;
            let topic = container.topic(&format!("round-{round}-{which}"))?;
            of_round[which] = match which {
                0 => asked.pair(&topic)?,
                1 => asked.eventproof()?,
                _ => container.java(&topic, records, linger)?,
            };
        }
        let [pair, ours, java] = of_round.map(|figure| figure.rate);
        println!("{:>5} {pair:>16.0} {ours:>16.0} {java:>16.0}{}", round, if counts { "" } else { "  (warms up)" });
        if counts {
            of_round.into_iter().zip(&mut figures).for_each(|(figure, all)| all.push(figure));
        }
    }
    table::print(&figures, records);
    Ok(())
}

fn number(words: &[String], option: &str, usual: usize) -> Result<usize, Failed> {
    let Some(at) = words.iter().position(|word| word == option) else { return Ok(usual) };
    let text = words.get(at + 1).ok_or_else(|| format!("{option} needs a number"))?;
    Ok(text.parse().map_err(|_| format!("{option} {text} is no number"))?)
}
