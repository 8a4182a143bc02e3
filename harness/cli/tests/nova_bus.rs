#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The gate itself: a healthy system is not accused, and each fault is caught with its diagnosis.

mod support;

use support::{Ran, docker_answers, eventproof, project};

fn run(more: &[&str]) -> (Ran, tempfile::TempDir) {
    let report = tempfile::tempdir().unwrap();
    let mut arguments = vec!["run", "features/nova-bus", "--report", report.path().to_str().unwrap()];
    arguments.extend(more);
    (eventproof(&arguments), report)
}

fn assert_caught(ran: &Ran, scenario: &str, diagnosis: &str) {
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains(scenario), "{}", ran.result);
    let pattern = regex::Regex::new(diagnosis).unwrap();
    assert!(pattern.is_match(&ran.result), "{diagnosis}\n{}", ran.result);
}

#[test]
fn a_healthy_system_is_not_accused_and_all_reports_are_written() {
    let (ran, report) = run(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("75 scenarios: 75 held"), "{}", ran.result);
    let html = std::fs::read_to_string(report.path().join("report.html")).unwrap();
    assert!(html.contains("Every promise was kept") && html.contains("embedded broker"));
    assert!(std::fs::read_to_string(report.path().join("junit.xml")).unwrap().contains("failures=\"0\""));
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report.path().join("result.json")).unwrap()).unwrap();
    assert_eq!(json["scenarios"].as_array().unwrap().len(), 75);
    assert_eq!(json["conformance"]["nonconforming"], 0);
}

#[test]
fn a_service_that_does_not_deduplicate_is_caught() {
    let (ran, _report) = run(&["--fault", "feed-service:skip-dedup", "--name", "duplicate", "--name", "重复"]);
    assert_caught(
        &ran,
        "a duplicate event_id is ignored",
        r"had its effect [2-5] times, expected 1 \(counted in view .handled.\)\n    \[repeated\]",
    );
    assert_caught(&ran, "重复的 event_id 被忽略", "times, expected 1");
}

#[test]
fn a_service_that_commits_before_it_works_is_caught_when_it_is_killed() {
    let (ran, _report) = run(&["--fault", "feed-service:commit-before-process", "--name", "强制终止"]);
    assert_caught(
        &ran,
        "重启后不丢失事件",
        r"lost\(feed-service-group\): \d+ of 300 events.*it was read, without effect\n    \[lost\]",
    );
}

#[test]
fn a_producer_with_the_wrong_key_is_caught() {
    let (ran, _report) = run(&["--fault", "content-service:wrong-key", "--name", "reaches feed"]);
    assert_caught(
        &ran,
        "post.created reaches feed within 5s",
        r"with another key: expected .*, found .*\n    \[wrong-key\]",
    );
}

#[test]
fn a_producer_with_another_partitioner_is_caught() {
    // Of so many posts one at least is placed elsewhere: the chance of none is less than one in a million.
    let pack = tempfile::tempdir().unwrap();
    for name in ["asyncapi.yaml", "system.yaml", "phrases.yaml"] {
        std::fs::copy(project().join("features/nova-bus").join(name), pack.path().join(name)).unwrap();
    }
    let posts =
        "    When user \"alice\" creates a post as \"post\"\n    Then \"content.post.created\" follows within 5s\n"
            .repeat(8);
    let feature = format!("Feature: Places\n  Scenario: posts\n    Given the system is running\n{posts}");
    std::fs::write(pack.path().join("places.feature"), feature).unwrap();
    let report = pack.path().join("report");
    let (pack, report) = (pack.path().to_str().unwrap(), report.to_str().unwrap());
    let ran = eventproof(&["run", pack, "--fault", "content-service:wrong-partitioner", "--report", report]);
    assert_caught(
        &ran,
        "",
        r"on \d of topic .nova.content.events., by consistent_random of content-service it belongs on \d of 6",
    );
    let ran = eventproof(&["run", pack, "--report", report]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
}

#[test]
fn an_event_that_is_never_published_is_not_on_its_topic() {
    let (ran, _report) = run(&["--fault", "content-service:outbox-lost", "--name", "reaches feed"]);
    assert_caught(
        &ran,
        "post.created reaches feed within 5s",
        r"was not seen on topic .nova.content.events. within .* s\n    \[not-on-topic\]",
    );
}

#[test]
fn an_effect_that_comes_late_is_late_by_so_much() {
    let (ran, _report) = run(&["--fault", "feed-service:late", "--name", "reaches feed"]);
    assert_caught(&ran, "post.created reaches feed within 5s", r"came late by \d.*: the limit is 5 s\n    \[late\]");
}

#[test]
fn a_group_that_is_behind_is_said_to_be_behind() {
    let (ran, _report) = run(&["--fault", "feed-service:stalled", "--name", "reaches feed"]);
    assert_caught(
        &ran,
        "post.created reaches feed within 5s",
        r"did not come within .*, but group .feed-service-group. is behind by 1 record \(committed offset \d+\)\n    \[group-behind\]",
    );
}

#[test]
fn a_dead_service_is_named_with_its_last_lines() {
    let (ran, _report) = run(&["--fault", "feed-service:crash-on-event", "--name", "reaches feed"]);
    assert_caught(
        &ran,
        "post.created reaches feed within 5s",
        r"service .feed-service. is dead \(exit status: 101\); its last lines:\n(.*\n)*.*fatal: cannot handle content.post.created .*\n    \[service-dead\]",
    );
}

#[test]
fn records_that_depart_from_the_contract_are_found_whatever_else_holds() {
    let (ran, _report) = run(&["--fault", "content-service:wrong-payload", "--name", "reaches feed"]);
    assert_caught(
        &ran,
        "reaches feed",
        r"departs from the contract: .*caption. is a required property.*\n    \[nonconforming\]",
    );
}

#[test]
fn a_producer_that_changes_the_order_is_caught() {
    let (ran, _report) = run(&["--fault", "content-service:reorder", "--name", "保持顺序"]);
    assert_caught(&ran, "同一帖子的事件保持顺序", r"changed their order on the topic: .*\n    \[reordered\]");
}

#[test]
fn what_should_have_gone_and_is_still_there_is_caught() {
    let (ran, _report) = run(&["--fault", "feed-service:forget-delete", "--name", "消失"]);
    assert_caught(
        &ran,
        "删除的帖子从动态中消失",
        r"is still there after .*: it was read, without effect\n    \[handled-without-effect\]",
    );
}

#[test]
fn what_an_outbox_loses_while_kafka_is_gone_is_caught() {
    let (ran, _report) = run(&["--fault", "content-service:outbox-lost", "--name", "while the broker is gone"]);
    assert_caught(
        &ran,
        "a post that is created while the broker is gone",
        r"was not seen on topic .*\n    \[not-on-topic\]",
    );
}

#[test]
fn a_fault_of_the_broker_that_met_nothing_leaves_no_verdict() {
    let pack = tempfile::tempdir().unwrap();
    for name in ["asyncapi.yaml", "system.yaml", "phrases.yaml"] {
        std::fs::copy(project().join("features/nova-bus").join(name), pack.path().join(name)).unwrap();
    }
    let feature = "Feature: Faults\n  Scenario: nobody meets it\n    Given the broker delays \"Fetch\" requests by 1s\n      | client | nobody |\n    When \"content.post.created\" is published\n    Then group \"feed-service-group\" has processed it\n";
    std::fs::write(pack.path().join("faults.feature"), feature).unwrap();
    let report = pack.path().join("report");
    let ran = eventproof(&["run", pack.path().to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    assert!(
        ran.result
            .contains("the fault \"delay api=Fetch by=1000ms client=nobody\" met no request, so it proved nothing"),
        "{}",
        ran.result
    );
    let healed = "Feature: Faults\n  Scenario: nothing to heal\n    Given the broker is healthy again\n";
    std::fs::write(pack.path().join("faults.feature"), healed).unwrap();
    let ran = eventproof(&["run", pack.path().to_str().unwrap(), "--report", report.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}{}", ran.progress, ran.result);
    let told = "error[feature/nothing-before]: no fault of the broker is in force before this step";
    assert!(ran.progress.contains(told), "{}{}", ran.progress, ran.result);
    let wrong = feature.replace("| client |", "| clientt |").replace("Fetch", "Fech");
    std::fs::write(pack.path().join("faults.feature"), wrong).unwrap();
    let ran = eventproof(&["lint", pack.path().to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.result.contains("has no setting clientt: did you mean client?"), "{}", ran.result);
}

#[test]
fn a_cluster_whose_leaders_move_and_whose_node_dies_loses_nothing() {
    let pack = tempfile::tempdir().unwrap();
    for name in ["asyncapi.yaml", "system.yaml", "phrases.yaml"] {
        std::fs::copy(project().join("features/nova-bus").join(name), pack.path().join(name)).unwrap();
    }
    let feature = r#"@needs:nodes
Feature: A cluster
  Scenario: leaders move
    Given user "bob" follows user "alice"
    And the leaders of topic "nova.content.events" move
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 15s
    And the feed of "bob" shows post "post" within 15s
    And the broker is healthy again
  Scenario: a node dies
    Given user "bob" follows user "alice"
    And node 2 of the broker crashes
    When user "alice" creates a post as "post"
    Then "content.post.created" follows within 15s
    And the feed of "bob" shows post "post" within 15s
    And the broker is started again
"#;
    std::fs::write(pack.path().join("cluster.feature"), feature).unwrap();
    let report = pack.path().join("report");
    let (pack, report) = (pack.path().to_str().unwrap(), report.to_str().unwrap());
    let ran = eventproof(&["run", pack, "--nodes", "3", "--report", report]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("on the embedded broker (3 nodes)"), "{}", ran.result);
    let ran = eventproof(&["run", pack, "--report", report]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("it needs nodes, which the embedded broker does not have"), "{}", ran.result);
}

#[test]
fn lint_finds_a_broken_pack_without_starting_anything() {
    let pack = tempfile::tempdir().unwrap();
    for name in ["asyncapi.yaml", "system.yaml", "phrases.yaml"] {
        std::fs::copy(project().join("features/nova-bus").join(name), pack.path().join(name)).unwrap();
    }
    let feature = "Feature: Feed\n  Scenario: typos\n    Given the system is runing\n    When \"content.post.creatd\" is published\n    Then service \"media-service\" handles it exactly once\n  Scenario: nothing\n    Wenn something\n";
    std::fs::write(pack.path().join("feed.feature"), feature).unwrap();
    let ran = eventproof(&["lint", pack.path().to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}", ran.result);
    let shown = ran.result.replace(pack.path().to_str().unwrap(), "PACK");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_pack_that_is_not_there_is_a_usage_error() {
    let ran = eventproof(&["run", "features/no-such-pack"]);
    assert_eq!(ran.code, 2);
    assert!(ran.progress.contains("there is no pack at features/no-such-pack"), "{}", ran.progress);
}

#[test]
fn nothing_chosen_is_no_verdict() {
    let ran = eventproof(&["run", "features/nova-bus", "--name", "no such scenario"]);
    assert_eq!(ran.code, 3, "{}", ran.progress);
}

#[test]
fn a_broker_that_does_not_answer_is_no_verdict() {
    let ran = eventproof(&["run", "features/nova-bus", "--brokers", "127.0.0.1:1"]);
    assert_eq!(ran.code, 3, "{}", ran.progress);
    assert!(ran.progress.contains("no broker answers at 127.0.0.1:1"), "{}", ran.progress);
}

#[test]
fn the_same_pack_holds_on_apache_kafka() {
    if !docker_answers() {
        return;
    }
    let (ran, _report) = run(&["--broker", "container", "--allow-skipped", "broker-faults"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("75 scenarios: 69 held, 6 skipped"), "{}", ran.result);
    assert!(ran.result.contains("on the Apache Kafka 4.2.0 (container)"), "{}", ran.result);
}
