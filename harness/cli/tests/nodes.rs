#![allow(clippy::unwrap_used, clippy::expect_used)]
//! One of three brokers is killed under load.

mod support;

use support::eventproof;

#[test]
fn one_of_three_brokers_is_killed_under_load_and_nothing_is_lost() {
    let report = tempfile::tempdir().unwrap();
    let profile = "features/todo/load/one-of-three.yaml";
    let report = report.path().to_str().unwrap();
    let ran = eventproof(&["load", profile, "--nodes", "3", "--report", report]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let held = ["lost(topic) = 0", "lost(event-service) = 0", "reordered(event-service) = 0"];
    for objective in held {
        let line = ran.result.lines().find(|line| line.contains(objective)).unwrap();
        assert!(line.starts_with("held") && line.contains("0 of 4500"), "{line}");
    }
    assert!(ran.result.contains("broker: crash node=2: undone"), "{}", ran.result);
}

#[test]
fn a_node_that_the_broker_will_not_have_is_told_before_anything_is_sent() {
    let ran = eventproof(&["load", "features/todo/load/one-of-three.yaml", "--nodes", "1"]);
    assert_eq!(ran.code, 2, "{}{}", ran.progress, ran.result);
    let told = "the timeline of \"one of three brokers is killed\" is about node 2 of the broker, and the embedded broker has 1: run it with `--nodes 2` or more";
    assert!(ran.progress.contains(told), "{}", ran.progress);
    assert_eq!(ran.result, "");
}
