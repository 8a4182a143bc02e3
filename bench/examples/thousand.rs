//! How long a pack of so many scenarios of three immediate steps takes on the embedded broker, from the start of the program to its end.
//!
//!     cargo run -p eventproof-bench --example thousand -- PATH_OF_eventproof [SCENARIOS] [ROUNDS]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
x-eventproof: {envelope: {id: $message.payload#/event_id}}
channels:
  orders:
    address: shop.orders
    bindings: {kafka: {partitions: 4}}
    messages:
      placed:
        name: order.placed
        payload:
          type: object
          required: [event_id, order_id]
          properties: {event_id: {type: string, format: uuid}, order_id: {type: string}}
        x-eventproof: {key: $message.payload#/order_id}
operations:
  tell: {action: send, channel: {$ref: '#/channels/orders'}, x-eventproof: {service: shop, present: false}}
";

fn write_pack(folder: &Path, many: usize) {
    let mut feature = "Feature: many\n".to_owned();
    for number in 0..many {
        write!(feature, "\n  Scenario: order {number}\n    When \"order.placed\" is published\n    Then \"order.placed\" follows within 10s\n    And \"order.placed\" is on its topic only once, watched for 1ms\n").unwrap();
    }
    for (name, text) in [("asyncapi.yaml", CONTRACT), ("system.yaml", "system: shop\n"), ("a.feature", &feature)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

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
    write_pack(pack.path(), many);
    let mut took: Vec<Duration> = (0..rounds).map(|_| round(eventproof, pack.path(), many)).collect();
    took.sort_unstable();
    let seconds: Vec<String> = took.iter().map(|took| format!("{:.2}", took.as_secs_f64())).collect();
    println!("{many} scenarios of three immediate steps, {rounds} rounds: {} s", seconds.join(", "));
    println!("median {} s", seconds[seconds.len() / 2]);
}
