#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Verdict parity: every pack, healthy and under its faults, gets the same verdicts on the embedded broker and on Apache
//! Kafka. A pack without a table here fails the test.

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;

use support::{docker_answers, eventproof, project};

/// Of each pack: a fault ("" for healthy) and the part of the names of the scenarios that are meant for it.
const FAULTS: &[(&str, &[(&str, &str)])] = &[
    ("nova-bus", NOVA_BUS),
    (
        "todo",
        &[
            ("", ""),
            ("todo-api:no-key", "every route"),
            ("event-service:dedup-by-envelope", "republished"),
            ("event-service:keyless-dead-letter", "against the schema"),
        ],
    ),
    (
        "data-platform",
        &[
            ("", ""),
            ("connector-service:negative-partition", "absolute value"),
            ("bronze-processor:empty-dead-letter", "unknown schema id"),
        ],
    ),
    (
        "nova-domain",
        &[
            ("", ""),
            ("feed-service:skip-dedup", "comes again has no second effect in the feed"),
            ("notification-service:one-attempt-less", "fails twice"),
        ],
    ),
    ("photo-portfolio", &[("", ""), ("file-service:wrong-key", "told, processed and announced")]),
];

const NOVA_BUS: &[(&str, &str)] = &[
    ("", ""),
    ("feed-service:skip-dedup", "event_id"),
    // Not the scenario of two instances: whether the one that is killed had something in hand is chance there.
    ("feed-service:commit-before-process", "重启后不丢失事件"),
    ("feed-service:stalled", "reaches feed"),
    ("feed-service:late", "reaches feed"),
    ("feed-service:crash-on-event", "reaches feed"),
    ("feed-service:forget-delete", "消失"),
    ("content-service:wrong-key", "reaches feed"),
    // Not wrong-partitioner: whether a post of random id is misplaced is chance, and differs from run to run.
    ("content-service:outbox-lost", "reaches feed"),
    ("content-service:wrong-payload", "reaches feed"),
    ("content-service:reorder", "保持顺序"),
];

#[test]
fn every_pack_in_features_has_a_table() {
    let packs = std::fs::read_dir(project().join("features")).unwrap();
    for pack in packs.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()) {
        assert!(FAULTS.iter().any(|(name, _)| *name == pack), "features/{pack} has no table in tests/parity.rs");
    }
}

/// Verdicts, and everything that the run said.
struct Told {
    table: BTreeMap<String, String>,
    ran: String,
}

/// The verdict of every scenario that ran: its outcome and the code of what decided it.
fn verdicts(pack: &str, fault: &str, name: &str, broker: &str) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let (pack, report) = (format!("features/{pack}"), folder.path().to_str().unwrap().to_owned());
    let mut arguments = vec!["run", &pack, "--report", &report, "--broker", broker, "--seed", "7"];
    arguments.extend(["--allow-skipped", "broker-faults", "--allow-skipped", "sasl"]);
    if !fault.is_empty() {
        arguments.extend(["--fault", fault, "--name", name]);
    }
    let ran = eventproof(&arguments);
    let text = std::fs::read_to_string(folder.path().join("result.json"));
    let text = text.unwrap_or_else(|_| panic!("no result with {fault} on {broker}: {}{}", ran.progress, ran.result));
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    let needs = |scenario: &serde_json::Value| scenario["tags"].to_string().contains("needs:");
    let all = result["scenarios"].as_array().unwrap().iter().filter(|scenario| !needs(scenario));
    let mut table: BTreeMap<String, String> = all.map(told).collect();
    let whole =
        result["findings"].as_array().unwrap().iter().chain(result["conformance"]["findings"].as_array().unwrap());
    let mut codes: Vec<&str> = whole.filter_map(|finding| finding["code"].as_str()).collect();
    codes.dedup();
    table.insert("the run as a whole".to_owned(), format!("{}, exit code {}", codes.join(", "), ran.code));
    Told { table, ran: format!("{}{}", ran.progress, ran.result) }
}

fn told(scenario: &serde_json::Value) -> (String, String) {
    let outcome = &scenario["outcome"];
    let decisive = scenario["steps"].as_array().unwrap().iter().find(|step| step["outcome"] == *outcome);
    let code = decisive.map(|step| step["finding"]["code"].to_string()).unwrap_or_default();
    (scenario["name"].as_str().unwrap().to_owned(), format!("{outcome} {code}"))
}

/// The verdicts on the embedded broker, and on Apache Kafka. Side by side: both wait most of the time.
fn on_both(pack: &str, fault: &str, name: &str) -> (Told, Told) {
    std::thread::scope(|scope| {
        let embedded = scope.spawn(|| verdicts(pack, fault, name, "embedded"));
        let container = verdicts(pack, fault, name, "container");
        (embedded.join().unwrap(), container)
    })
}

/// One after the other: where the machine is too busy for both.
fn on_one_and_then_the_other(pack: &str, fault: &str, name: &str) -> (Told, Told) {
    (verdicts(pack, fault, name, "embedded"), verdicts(pack, fault, name, "container"))
}

fn differ_by_no_verdict_only(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    let differing = || one.iter().filter(|(name, told)| other.get(*name) != Some(told)).map(|(name, _)| name);
    let open =
        |table: &BTreeMap<String, String>, name: &str| table.get(name).is_some_and(|told| told.contains("no_verdict"));
    // The exit code of the run follows from its scenarios.
    let mut scenarios = differing().filter(|name| *name != "the run as a whole").peekable();
    scenarios.peek().is_some() && scenarios.all(|name| open(one, name) || open(other, name))
}

/// Fails unless the verdicts are the same on both.
fn are_the_same(pack: &str, fault: &str, name: &str) {
    let (mut embedded, mut container) = on_both(pack, fault, name);
    for _ in 0..2 {
        if differ_by_no_verdict_only(&embedded.table, &container.table) {
            // On a busy machine a look may come too late to tell. That is honest, and says nothing of the broker: once more.
            (embedded, container) = on_one_and_then_the_other(pack, fault, name);
        }
    }
    let said = format!("{}\n{}", embedded.ran, container.ran);
    let (embedded, container) = (embedded.table, container.table);
    assert_eq!(embedded, container, "{pack} with fault \"{fault}\": embedded, then Apache Kafka\n{said}");
    let broken = embedded.values().any(|told| told.contains("broken") || told.contains("nonconforming"));
    assert_eq!(broken, !fault.is_empty(), "{pack} with fault \"{fault}\": {embedded:?}");
}

#[test]
fn verdicts_are_the_same_on_the_embedded_broker_and_on_apache_kafka() {
    if !docker_answers() {
        return;
    }
    let all = FAULTS.iter().flat_map(|(pack, faults)| faults.iter().map(move |(fault, name)| (*pack, *fault, *name)));
    let (healthy, faulty): (Vec<_>, Vec<_>) = all.partition(|(_, fault, _)| fault.is_empty());
    healthy.into_iter().for_each(|(pack, fault, name)| are_the_same(pack, fault, name));
    // One with a fault is a scenario or a few, which mostly wait: two at a time.
    let faulty = Mutex::new(faulty.into_iter());
    let next = || faulty.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((pack, fault, name)) = next() {
                    are_the_same(pack, fault, name);
                }
            });
        }
    });
}
