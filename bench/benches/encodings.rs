//! A record of about 1 KB read by the contract, in every encoding: decoded, validated, its envelope read.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventproof_contract::{Contract, Generator};
use eventproof_source::Source;

/// The same fields in three schema languages; `text` fills the record up.
const FIELDS: [&str; 3] = [
    "payload: {type: object, required: [id, user, count, text], properties: {id: {type: string}, user: {type: string}, count: {type: integer}, tags: {type: array, items: {type: string}}, text: {type: string}}}",
    "payload: {schemaFormat: application/vnd.apache.avro, schema: {type: record, name: E, fields: [{name: id, type: string}, {name: user, type: string}, {name: count, type: long}, {name: tags, type: {type: array, items: string}}, {name: text, type: string}]}}",
    "payload: {schemaFormat: application/vnd.google.protobuf, schema: 'syntax = \"proto3\"; message E { string id = 1; string user = 2; int64 count = 3; repeated string tags = 4; string text = 5; }'}",
];

fn contract(payload: &str) -> Contract {
    let mut text = "asyncapi: 3.0.0\ninfo: {title: bench, version: '1'}\nchannels:\n  t:\n    address: t\n    messages:\n      E:\n".to_owned();
    let _ = writeln!(text, "        {payload}");
    text.push_str("        x-eventproof: {envelope: {id: $message.payload#/id}, key: $message.payload#/user}\n");
    Contract::parse(&Source::inline("asyncapi.yaml", &text))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
        .0
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record of 1 KB, decoded, validated and read");
    group.throughput(Throughput::Elements(1));
    for (name, payload) in ["JSON", "Avro", "Protobuf"].into_iter().zip(FIELDS) {
        let contract = contract(payload);
        let text = serde_json::json!("lorem ipsum ".repeat(72));
        let given = [("text".to_owned(), text)];
        let message = &contract.messages[0];
        let record = Generator::new(1, "bench").record(&contract, message, &given, None).unwrap().record;
        let bytes = record.payload.as_deref().unwrap();
        group.bench_function(format!("{name} ({} B)", bytes.len()), |bench| {
            bench.iter(|| {
                let facts = contract.read_facts("t", record.key.as_deref(), &[], Some(black_box(bytes)));
                assert!(contract.check_facts("t", &facts, &[], Some(bytes)).is_empty());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
