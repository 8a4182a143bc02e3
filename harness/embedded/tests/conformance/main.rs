//! The same checks, through rdkafka only, against this broker and against Apache Kafka 4.2.0 in a
//! container. Each prints a line; the test fails where a line differs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod admin;
mod apache;
#[path = "../common/mod.rs"]
mod common;
mod compaction;
mod groups;
mod records;
mod transactions;

use std::fmt::{Debug, Write};
use std::time::Duration;

use common::Servers;
use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use rdkafka::error::KafkaError;

/// A broker under check, and the lines it gave.
pub struct Target {
    servers: String,
    lines: Vec<String>,
}

impl Servers for Target {
    fn servers(&self) -> String {
        self.servers.clone()
    }
}

impl Target {
    fn new(servers: String) -> Target {
        Target { servers, lines: Vec::new() }
    }

    /// Notes what was seen.
    fn note(&mut self, what: &str, seen: impl Debug) {
        self.lines.push(format!("{what}: {seen:?}"));
    }

    /// Notes an error by its code, or that there was none.
    fn note_error<T>(&mut self, what: &str, result: Result<T, KafkaError>) {
        let code = result.err().and_then(|e| e.rdkafka_error_code());
        self.note(what, code);
    }
}

fn run(servers: String) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut target = Target::new(servers);
    runtime.block_on(async {
        records::check(&mut target).await;
        admin::check(&mut target).await;
        compaction::check(&mut target).await;
        groups::check(&mut target).await;
        transactions::check(&mut target).await;
    });
    target.lines
}

/// Lines that differ on purpose: what they begin with, and why.
const ON_PURPOSE: &[(&str, &str)] = &[];

fn differences(ours: &[String], theirs: &[String]) -> String {
    let mut out = String::new();
    for (our, their) in ours.iter().zip(theirs) {
        let known = ON_PURPOSE.iter().any(|(start, _)| our.starts_with(start));
        if our != their && !known {
            let _ = writeln!(out, "embedded {our}\n  apache {their}");
        }
        if our == their && known {
            let _ = writeln!(out, "no difference any more: {our}");
        }
    }
    if ours.len() != theirs.len() {
        let _ = writeln!(out, "{} lines against {}", ours.len(), theirs.len());
    }
    out
}

#[test]
fn every_check_gives_the_line_that_apache_kafka_gives() {
    let Some(apache) = apache::start() else {
        return;
    };
    let servers = apache.servers();
    let theirs = std::thread::spawn(move || run(servers));
    let config = BrokerConfig { compaction_interval: Duration::from_millis(200), ..BrokerConfig::default() };
    let cluster = EmbeddedBroker::start(BrokerConfig { nodes: 3, ..config.clone() }).unwrap();
    let servers = cluster.bootstrap_servers();
    let spread = std::thread::spawn(move || run(servers));
    let embedded = EmbeddedBroker::start(config).unwrap();
    let ours = run(embedded.bootstrap_servers());
    let (spread, theirs) = (spread.join().unwrap(), theirs.join().unwrap());
    for line in &ours {
        println!("{line}");
    }
    assert!(ours.len() >= 60, "{} checks", ours.len());
    let found = differences(&ours, &theirs);
    assert!(found.is_empty(), "\n{found}");
    let found = differences(&spread, &theirs);
    assert!(found.is_empty(), "three nodes:\n{found}");
}
