#![allow(clippy::unwrap_used, clippy::expect_used)]
//! `contract`: a document by itself, and two versions of it.

mod support;

use std::path::PathBuf;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use support::{eventproof, project};

/// The contract of nova-bus with some edits, in a folder of its own.
fn edited(edits: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let text = std::fs::read_to_string(project().join("features/nova-bus/asyncapi.yaml")).unwrap();
    let text = edits.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asyncapi.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_document_is_checked_and_shown_without_a_system() {
    let ran = eventproof(&["contract", "check", "features/nova-bus"]);
    assert_eq!(
        (ran.code, ran.result.trim()),
        (0, "Nova event bus: 17 messages on 12 channels, 27 operations: nothing is wrong")
    );
    let ran = eventproof(&["contract", "show", "features/nova-bus/asyncapi.yaml"]);
    assert_eq!(ran.code, 0);
    assert!(ran.result.contains("received by feed-service in group feed-service-group"), "{}", ran.result);
    let (_folder, path) = edited(&[("partitions: 6", "partions: 6")]);
    let ran = eventproof(&["contract", "check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.progress.contains("did you mean `partitions`?"), "{}", ran.progress);
}

#[test]
fn a_breaking_change_ends_with_1_in_the_modes_that_protect_whom_it_breaks() {
    let (_folder, new) = edited(&[("partitions: 6", "partitions: 12")]);
    let old = "features/nova-bus/asyncapi.yaml";
    let diff = |more: &[&str]| {
        let mut arguments = vec!["contract", "diff", old, new.to_str().unwrap()];
        arguments.extend(more);
        eventproof(&arguments)
    };
    let ran = diff(&[]);
    assert_eq!(ran.code, 1, "{}", ran.result);
    assert!(
        ran.result.contains("BREAKS consumers: topic nova.content.events: 12 partitions, 6 before"),
        "{}",
        ran.result
    );
    // Its dead letters have as many.
    assert!(ran.result.contains("2 of them may not be made"), "{}", ran.result);
    assert_eq!((diff(&["--mode", "backward"]).code, diff(&["--mode", "forward"]).code), (0, 1));
    assert_eq!(eventproof(&["contract", "diff", old, old]).code, 0);
    assert_eq!(eventproof(&["contract", "diff", old, "nowhere.yaml"]).code, 2);
}

#[test]
fn transitive_compares_with_every_version() {
    let (_one, first) = edited(&[("partitions: 6", "partitions: 12")]);
    let (_two, second) = edited(&[]);
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let diff = |more: &[&str]| {
        let mut arguments = vec!["contract", "diff", first, second, "features/nova-bus"];
        arguments.extend(more);
        eventproof(&arguments).code
    };
    assert_eq!((diff(&[]), diff(&["--transitive"])), (0, 1));
}

#[test]
fn a_broker_that_differs_is_told_and_one_that_does_not_answer_is_no_verdict() {
    let broker = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
    let ran = eventproof(&["contract", "drift", "features/nova-bus", "--brokers", &broker.bootstrap_servers()]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("topic \"nova.content.events\": existence is no topic"), "{}", ran.result);
    assert!(ran.result.contains("group \"feed-service-group\" is not on the broker"), "{}", ran.result);
    let nothing = edited(&[]);
    let bare = nothing.1.with_file_name("bare.yaml");
    std::fs::write(&bare, "asyncapi: 3.0.0\ninfo: {title: Bare, version: '1'}\nchannels: {}\n").unwrap();
    let drift = |brokers: &str| eventproof(&["contract", "drift", bare.to_str().unwrap(), "--brokers", brokers]);
    let ran = drift(&broker.bootstrap_servers());
    assert_eq!((ran.code, ran.result.trim()), (0, "Bare: the broker is as the contract declares"), "{}", ran.progress);
    let address = broker.bootstrap_servers();
    broker.stop();
    assert_eq!(drift(&address).code, 3);
}

#[test]
fn rules_of_a_contract_are_stricter_than_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let document = |rules: &str, kind: &str| {
        format!(
            "asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\nx-eventproof: {{{rules}}}\nchannels:\n  c:\n    address: c\n    messages:\n      m:\n        payload:\n          schemaFormat: application/vnd.apache.avro+json;version=1.9.0\n          schema: {{type: record, name: r, fields: [{{name: a, type: {kind}}}]}}\n"
        )
    };
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let old = write("old.yaml", document("", "int"));
    let new = write("new.yaml", document("", "long"));
    let strict = write("strict.yaml", document("rules: [types-never-change]", "long"));
    let diff = |new: &str, more: &[&str]| {
        let mut arguments = vec!["contract", "diff", &old, new, "--mode", "backward"];
        arguments.extend(more);
        eventproof(&arguments)
    };
    assert_eq!(diff(&new, &[]).code, 0, "a registry takes a promotion");
    let ran = diff(&strict, &[]);
    assert_eq!(ran.code, 1, "{}", ran.result);
    assert!(ran.result.contains("its type is \"long\", \"int\" before [type-changed]"), "{}", ran.result);
    assert!(ran.result.contains("; types-never-change"), "{}", ran.result);
    let ran = diff(&new, &["--rule", "types-never-change", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.result).unwrap();
    assert_eq!((ran.code, &told["forbidden"]), (1, &1.into()));
}

#[test]
fn what_no_scenario_touches_is_told_and_can_break_a_run() {
    let ran = eventproof(&["contract", "coverage", "features/nova-bus"]);
    assert_eq!(ran.code, 0, "{}", ran.progress);
    assert!(ran.result.contains("idempotency  a duplicate event_id is ignored"), "{}", ran.result);
    assert!(ran.result.contains("order        untouched"), "{}", ran.result);
    assert_eq!(eventproof(&["contract", "coverage", "features/nova-bus", "--min-coverage", "90"]).code, 1);
    let report = tempfile::tempdir().unwrap();
    let run = ["run", "features/nova-bus", "--name", "ignored", "--report", report.path().to_str().unwrap()];
    let ran = eventproof(&[&run[..], &["--min-coverage", "3"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let ran = eventproof(&[&run[..], &["--min-coverage", "90"]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert!(
        ran.result.contains("coverage >= 90 % was missed: ") && ran.result.contains("[objective-missed]"),
        "{}",
        ran.result
    );
}
