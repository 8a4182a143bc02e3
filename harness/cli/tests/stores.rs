#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Stores that are told to fail: what a system promises of itself while its store is gone, slow or broken off, and afterwards.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::postgres::Container;
use support::{Ran, Said, compare, copy, docker_answers, ended, eventproof, project, said};

/// nova-bus with one of the features beside this test for all of its own, and a store in its system.yaml.
fn pack(feature: &str, turned: [&str; 2], more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&project().join("features/nova-bus"), folder.path());
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|ending| ending == "feature") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let own = project().join("harness/cli/tests/packs/stores").join(feature);
    std::fs::copy(own, folder.path().join(feature)).unwrap();
    let file = folder.path().join("system.yaml");
    let system = std::fs::read_to_string(&file).unwrap();
    let [from, to] = turned;
    assert!(system.contains(from), "system.yaml has no {from} any more");
    let system = system.replace(from, to).replace("copies: 4", "copies: 1").replace("\nactions:\n", more);
    std::fs::write(&file, system).unwrap();
    folder
}

/// The same with the service that keeps who follows whom as a store.
fn graph() -> tempfile::TempDir {
    let store = "\nstores:\n  graph: {address: \"127.0.0.1:{graph-service.port}\", services: [feed-service, feed-service-direct]}\n\nactions:\n";
    let turned = ["GRAPH_URL: \"{graph-service.url}\"", "GRAPH_URL: \"http://{graph.address}\""];
    pack("graph.feature", turned, store)
}

fn run(pack: &Path, report: &Path, variable: (&str, &str)) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventproof"));
    command.arg("run").arg(pack).arg("--report").arg(report).args(["--seed", "7"]).current_dir(project());
    command.env("NO_COLOR", "1").env_remove("EVENTPROOF_BROKER").env_remove("EVENTPROOF_BROKERS");
    command.env(variable.0, variable.1).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    ended(command.spawn().unwrap())
}

/// How long the step of a scenario took that has these words.
fn took(report: &Path, scenario: &str, words: &str) -> f64 {
    let result: Value = serde_json::from_str(&std::fs::read_to_string(report.join("result.json")).unwrap()).unwrap();
    let found = result["scenarios"].as_array().unwrap().iter().find(|one| one["name"] == scenario).unwrap();
    let steps = found["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["text"].as_str().unwrap().contains(words)).unwrap();
    step["duration_ms"].as_f64().unwrap()
}

/// What the followers are kept in is another service of the system.
const GRAPH: [Said; 5] = [
    ("while its store is down nothing is handled, and then all of it", "held", "", "was shown"),
    ("what a store says late comes late", "held", "", "came 700 ms late"),
    ("connections that are broken off are made again", "held", "", "2 of 2 connection(s) were broken off"),
    (
        "an effect may not wait for the store for longer than its limit",
        "broken",
        "late",
        "in view \"feed\" came late by",
    ),
    ("a fault that nobody meets proves nothing", "no_verdict", "no-positive-control", "so that proved nothing"),
];

#[test]
fn a_store_that_is_a_service_of_the_system_fails_as_it_is_told() {
    let (pack, report) = (graph(), tempfile::tempdir().unwrap());
    let ran = run(pack.path(), report.path(), ("NO_COLOR", "1"));
    compare(&ran, &said(report.path()), &GRAPH);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let late = took(report.path(), GRAPH[1].0, "shows post");
    assert!(late > 400.0, "what comes 700 ms late was shown {late} ms after it was published");
}

/// A load of posts, during which the store of the followers fails.
fn load(pack: &Path, entry: &str, objectives: &str) -> (Ran, Value) {
    let profile = format!(
        "name: graph\npack: .\nmessage: content.post.created\neffects: [handled]\nslip_limit: 5s\nrate: 5/s\nevents: 30\nsettle: 60s\ntimeline:\n  - {entry}\nobjectives: [{objectives}]\n"
    );
    let (file, report) = (pack.join("graph.yaml"), pack.join("report"));
    std::fs::write(&file, profile).unwrap();
    let ran = eventproof(&["load", file.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    let result = std::fs::read(report.join("result.json")).unwrap_or_else(|_| panic!("{}", ran.progress));
    (ran, serde_json::from_slice(&result).unwrap())
}

#[test]
fn a_store_fails_while_a_load_runs_and_that_is_seen_in_what_is_processed() {
    let pack = graph();
    let (ran, result) = load(
        pack.path(),
        "{at: 1s, for: 3s, store: graph, fault: late, by: 700ms}",
        "lost(feed-service-group) = 0, max(processed(feed-service-group)) < 600ms",
    );
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let (held, missed) = (&result["objectives"][0], &result["objectives"][1]);
    assert_eq!((&held["finding"]["outcome"], &missed["finding"]["outcome"]), (&"held".into(), &"broken".into()));
    let told = &result["disturbed"][0];
    assert!(told["outcome"].as_str().unwrap().contains("part(s) of answers came 700 ms late"), "{told}");

    // Over before anything is asked.
    let (ran, result) =
        load(pack.path(), "{at: 60s, for: 1s, store: graph, fault: down}", "lost(feed-service-group) = 0");
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    assert_eq!(result["disturbed"][0]["outcome"], "not done: the load was over before", "{result}");
}

const POSTGRES: [Said; 4] = [
    ("while the database is down posts are refused, and none that was taken is lost", "held", "", "seen at"),
    ("a slow database makes every post slow", "held", "", "seen at"),
    ("connections that are broken off are made again", "held", "", "seen at"),
    (
        "a post cannot be taken while the database is down",
        "broken",
        "action-failed",
        "action \"create post\": expected status 201, got status 503",
    ),
];

#[test]
fn a_database_that_is_away_for_a_while_costs_no_event() {
    if !docker_answers() {
        return;
    }
    let container = Container::start();
    let more = "\nstores:\n  posts-db: {address: {variable: POSTS_DB}, services: [content-service]}\n\nactions:\n  create post in vain:\n    service: content-service\n    request: POST {content-service.url}/posts\n    json: {user_id: vain, caption: late, media_type: none}\n    status: 503\n";
    let url = Container::url("{posts-db.address}");
    let (pack, report) =
        (pack("postgres.feature", ["sqlite:{data}/content.db", &url], more), tempfile::tempdir().unwrap());
    let ran = run(pack.path(), report.path(), ("POSTS_DB", &container.address));
    compare(&ran, &said(report.path()), &POSTGRES);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let slow = took(report.path(), POSTGRES[1].0, "creates a post");
    assert!(slow >= 600.0, "three answers that come 200 ms late each took {slow} ms");
    let refused = r#"SELECT count(*) FROM "content-service".posts WHERE user_id = 'vain'"#;
    assert_eq!(container.ask(refused), "0", "a post that was refused is there");
}
