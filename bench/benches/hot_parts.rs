//! The parts that every event of a load passes: made, checked, accounted for, measured.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eventproof_contract::{Contract, Generator, Record};
use eventproof_evidence::ledger::TOPIC;
use eventproof_evidence::{Latencies, Ledger, Percentile};

const MESSAGE: &str = "content.post.created";

fn contract() -> Contract {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../features/nova-bus/asyncapi.yaml");
    Contract::read(&path).unwrap().0
}

/// A record of 1000 bytes, as the load generator makes it; and the same checked, as the recorder does.
fn encode(criterion: &mut Criterion) {
    let contract = contract();
    let message = contract.message(MESSAGE).unwrap();
    let mut generator = Generator::new(1, "bench");
    let mut group = criterion.benchmark_group("record of 1000 B");
    group.throughput(Throughput::Elements(1));
    group.bench_function("made", |bench| {
        bench.iter(|| generator.record(&contract, message, &[], Some(1000)).unwrap());
    });
    let record = generator.record(&contract, message, &[], Some(1000)).unwrap().record;
    group.bench_function("read and checked", |bench| bench.iter(|| check(&contract, black_box(&record))));
    group.finish();
}

fn check(contract: &Contract, record: &Record) -> usize {
    let headers: Vec<(&str, Option<&[u8]>)> =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let facts = contract.read_facts(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref());
    contract.check_facts(&record.topic, &facts, &headers, record.payload.as_deref()).len()
}

/// One event through the account: planned, acknowledged, seen on the topic and at a group.
fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger, 10,000 events over 500 keys");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("accounted for", |bench| {
        bench.iter_batched(
            || Ledger::new(["group".to_owned()]),
            |mut ledger| {
                (0..10_000).for_each(|number| account(&mut ledger, number % 500, number));
                ledger
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn account(ledger: &mut Ledger, key: u64, number: u64) {
    ledger.planned(key, number);
    ledger.acknowledged(key, number);
    ledger.seen(TOPIC, key, number);
    ledger.seen(1, key, number);
}

fn histogram(criterion: &mut Criterion) {
    let mut latencies = Latencies::new();
    (1..=100_000).for_each(|micros| latencies.record(Duration::from_micros(micros)));
    let mut group = criterion.benchmark_group("histogram of latencies");
    let mut micros = 0;
    group.bench_function("one recorded", |bench| {
        bench.iter(|| {
            micros = (micros + 7919) % 1_000_000;
            latencies.record(Duration::from_micros(micros));
        });
    });
    group.bench_function("p99.9", |bench| bench.iter(|| latencies.percentile(Percentile(99.9))));
    let other = latencies.clone();
    group.bench_function("merged with another", |bench| {
        bench.iter_batched(
            || latencies.clone(),
            |mut sum| {
                sum.merge(&other);
                sum
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, encode, ledger, histogram);
criterion_main!(benches);
