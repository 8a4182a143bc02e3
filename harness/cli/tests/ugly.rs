#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Consumers that read in ugly ways, and one that retries over topics: what is said of each is right, also where it is that nothing
//! can be said.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use support::{Ran, Said, compare, eventproof, project, said};

const PACKS: &str = "harness/cli/tests/packs";

fn run(pack: &str, more: &[&str]) -> (Ran, BTreeMap<String, (String, String, String)>) {
    let report = tempfile::tempdir().unwrap();
    let folder = report.path().to_str().unwrap();
    let ran = eventproof(&[&["run", pack, "--report", folder], more].concat());
    let all = said(report.path());
    (ran, all)
}

/// Scenario, outcome, code, and what its text must say.
const UGLY: [Said; 15] = [
    ("commits first, and is killed with jobs in hand", "broken", "lost", "past it: it was read, without effect"),
    ("commits first, and a duplicate has no second effect", "held", "", "nothing followed for 2 s"),
    ("commits first, so it has read what it has not done", "held", "", "group \"commits-first\" committed past"),
    ("parallel, and a later job overtakes", "broken", "reordered", "changed their order in view \"done by parallel\""),
    ("parallel, and a duplicate has no second effect", "held", "", "nothing followed for 2 s"),
    ("by hand, and its commits say what it has read", "held", "", "group \"by-hand\" committed past"),
    ("by hand, and a duplicate has no second effect", "held", "", "group \"by-hand\" has committed past the last"),
    ("by hand, in order", "held", "", "2 events of key"),
    ("by hand, killed and started again", "held", "", "all 40 events had their effect"),
    (
        "elsewhere, so nothing shows what it has read",
        "no_verdict",
        "offsets-elsewhere",
        "only an effect does (system.yaml: `offsets: elsewhere`)",
    ),
    (
        "elsewhere, and a sentinel shows that the duplicate was handled",
        "held",
        "",
        "one effect of 3 copies; a later event of the same key has had its own",
    ),
    ("elsewhere, killed and started again", "held", "", "all 40 events had their effect"),
    (
        "latest, and nothing shows that the duplicate was handled",
        "no_verdict",
        "offsets-elsewhere",
        "the contract names no `sentinel`",
    ),
    ("latest, in order while it runs", "held", "", "2 events of key"),
    ("latest, and what came while it was gone is skipped", "broken", "lost", "lost(latest): 10 of 10 events"),
];

#[test]
fn of_every_ugly_consumer_is_said_what_can_be_known() {
    let (ran, said) = run(&format!("{PACKS}/ugly"), &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    compare(&ran, &said, &UGLY);
}

#[test]
fn where_nothing_can_be_known_the_exit_code_says_so_and_what_held_is_green() {
    let told =
        run(&format!("{PACKS}/ugly"), &["--tag", "cannot-tell", "--service", "elsewhere", "--service", "latest"]);
    assert_eq!(told.0.code, 3, "{}{}", told.0.progress, told.0.result);
    let held = run(&format!("{PACKS}/ugly"), &["--tag", "held", "--service", "by-hand"]);
    assert_eq!(held.0.code, 0, "{}{}", held.0.progress, held.0.result);
}

#[test]
fn faults_of_retries_over_topics_are_caught_and_a_healthy_one_is_not_accused() {
    let report = tempfile::tempdir().unwrap();
    let pack = format!("{PACKS}/retries");
    let ran = eventproof(&["prove", &pack, "--report", report.path().to_str().unwrap()]);
    let told = format!("{}{}", ran.progress, ran.result);
    assert_eq!(ran.code, 0, "{told}");
    assert!(ran.result.contains("5 of 5 faults caught") && ran.result.contains(" 0 accused"), "{told}");
}

/// The pack of retries with scenarios of the test's own.
fn with(feature: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = project().join(PACKS).join("retries");
    for name in ["asyncapi.yaml", "system.yaml"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("own.feature"), feature).unwrap();
    folder
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

#[test]
fn what_waits_for_another_try_is_neither_away_nor_there() {
    let folder = with(concat!(
        "Feature: what waits\n\n",
        "  Scenario: never, while it waits\n",
        "    When \"job.given\" is published\n      | subject | {one} |\n      | fails | 2 |\n",
        "    And 300ms pass\n",
        "    Then view \"list\" keeps not showing \"{one}\" for 100ms\n\n",
        "  Scenario: never, once it is given up\n",
        "    When \"job.given\" is published\n      | subject | {one} |\n      | fails | 3 |\n",
        "    And 300ms pass\n",
        "    Then view \"list\" keeps not showing \"{one}\" for 100ms\n\n",
        "  Scenario: too soon\n",
        "    When \"job.given\" is published\n      | subject | {one} |\n      | fails | 3 |\n",
        "    And 300ms pass\n",
        "    Then view \"list\" shows \"{one}\" within 100ms\n\n",
        "  Scenario: two of a key, one of them tried again\n",
        "    When \"job.given\" is published as \"failing\"\n      | subject | {one} |\n      | fails | 1 |\n",
        "    And \"job.given\" is published as \"second\"\n      | subject | {one} |\n",
        "    Then service \"retries\" handles the events of key \"{one}\" in order\n",
    ));
    let (ran, said) = run(path(folder.path()), &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let (outcome, code, text) = &said["never, while it waits"];
    assert_eq!((outcome.as_str(), code.as_str()), ("broken", "unwanted"), "it appeared after 1.8 s: {text}");
    let (outcome, _, text) = &said["never, once it is given up"];
    assert_eq!(outcome, "held", "{text}");
    let (outcome, code, text) = &said["too soon"];
    assert_eq!(outcome, "broken", "{text}");
    // By the time that this is certain it may have been given up.
    assert!(["in-retry-topic", "dead-lettered", "handled-without-effect"].contains(&code.as_str()), "{code}: {text}");
    let (outcome, code, text) = &said["two of a key, one of them tried again"];
    assert_eq!((outcome.as_str(), code.as_str()), ("no_verdict", "no-positive-control"), "{text}");
    assert!(text.contains("1 of 2 events of key"), "{text}");
}

/// The pack of retries whose dead letters follow from jobs: a job that nobody can read is buried at once, one that fails is so after all
/// its tries.
fn buried(handling: &str) -> tempfile::TempDir {
    let scenario = |name: &str, fails: u32, watched: &str| {
        format!(
            "  Scenario: {name}\n    When \"job.given\" is published as \"first\"\n      | subject | {{one}} |\n      | fails | {fails} |\n    And \"job.given\" is published as \"unreadable\"\n      | subject | {{one}} |\n      | fails | -1 |\n    Then \"job.dead\" follows from \"unreadable\" within 10s\n    And no \"job.dead\" follows from \"first\", watched for {watched}\n\n"
        )
    };
    let all = [
        scenario("it waits, and is buried after all", 3, "100ms"),
        scenario("it waits, and is done with the second try", 1, "100ms"),
        scenario("it is done at once", 0, "100ms"),
        scenario("it is done at once, and is watched for its deadline", 0, "3s"),
    ];
    let folder = with(&format!("Feature: never\n\n{}", all.concat()));
    let contract = folder.path().join("asyncapi.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    let told = text
        .replace(
            "{id: $message.payload#/event_id}",
            "{id: $message.payload#/event_id, correlation: $message.payload#/trace}",
        )
        .replace("original_event_id}}", "original_event_id, correlation: $message.payload#/trace}}")
        .replace("[event_id, subject,", "[event_id, trace, subject,")
        .replace("        subject: {", "        trace: {type: string, format: uuid}\n        subject: {")
        .replace("fails: {type: integer, minimum: 0", "fails: {type: integer, minimum: -1")
        .replace("      deadline: 2s\n", &format!("      deadline: 2s\n{handling}"));
    std::fs::write(&contract, told).unwrap();
    folder
}

#[test]
fn of_what_waits_for_another_try_it_is_not_said_that_nothing_follows() {
    let folder = buried("");
    let (ran, said) = run(path(folder.path()), &[]);
    let of = |name: &str| said.get(name).unwrap_or_else(|| panic!("{}{}", ran.progress, ran.result));
    let (outcome, code, text) = of("it waits, and is buried after all");
    assert_eq!((outcome.as_str(), code.as_str()), ("broken", "unwanted"), "{text}");
    assert!(text.contains("topic ugly.jobs.dead"), "{text}");
    for name in ["it waits, and is done with the second try", "it is done at once"] {
        let (outcome, _, text) = of(name);
        assert_eq!(outcome, "held", "{name}: {text}");
        assert!(text.contains("\"job.dead\" with correlation id"), "{text}");
    }
}

#[test]
fn where_jobs_of_a_key_are_done_side_by_side_a_later_one_proves_nothing_of_an_earlier() {
    let folder = buried("      handling: parallel\n");
    let (ran, said) = run(path(folder.path()), &[]);
    let of = |name: &str| said.get(name).unwrap_or_else(|| panic!("{}{}", ran.progress, ran.result));
    let (outcome, code, text) = of("it is done at once");
    assert_eq!((outcome.as_str(), code.as_str()), ("no_verdict", "no-positive-control"), "{text}");
    assert!(text.contains("handled side by side") && text.contains("watch for its deadline of 2 s"), "{text}");
    assert_eq!(of("it is done at once, and is watched for its deadline").0, "held", "{said:?}");
    assert_eq!(of("it waits, and is buried after all").0, "broken", "{said:?}");
}

#[test]
fn of_many_jobs_a_share_is_done_in_time_or_it_is_told_how_many_were_not() {
    let scenario = |name: &str, takes: u32, then: &str| {
        format!(
            "  Scenario: {name}\n    When 12 \"job.given\" events are published at 200/s in the background\n      | takes_ms | {takes} |\n    Then {then}\n\n"
        )
    };
    let all = [
        scenario("quick", 0, "group \"retries\" handles at least 99.5 % of them within 20s each"),
        scenario("slow", 500, "group \"retries\" handles at least 90 % of them within 1s each"),
        scenario("slow, in Chinese", 500, "消费组“retries”至少有90％的事件各在1秒内得到处理"),
    ];
    let folder = with(&format!("Feature: shares\n\n{}", all.concat()));
    let (ran, said) = run(path(folder.path()), &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert_eq!(said["quick"].0, "held", "{said:?}");
    assert!(said["quick"].2.starts_with("12 of 12 events (100 %) had their effect in view \"done\""), "{said:?}");
    for name in ["slow", "slow, in Chinese"] {
        let (outcome, code, text) = &said[name];
        assert_eq!((outcome.as_str(), code.as_str()), ("broken", "objective-missed"), "{text}");
        assert!(
            text.starts_with("effects in view \"done\" of at least 90 % of 12 events within 1 s was missed: "),
            "{text}"
        );
        assert!(text.contains(" too late, the slowest after "), "{text}");
    }
}

#[test]
fn what_waits_can_be_told_by_its_bytes() {
    let folder = with(concat!(
        "Feature: bytes\n\n",
        "  Scenario: tried twice\n",
        "    When \"job.given\" is published\n      | fails | 1 |\n",
        "    Then service \"retries\" tries it 2 times over its retry topics, with the backoff that the contract declares\n",
    ));
    let contract = folder.path().join("asyncapi.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    let by_bytes = text.replace("channels: [retryOne, retryTwo]", "channels: [retryOne, retryTwo], link: bytes");
    assert_ne!(text, by_bytes);
    std::fs::write(&contract, by_bytes).unwrap();
    let (ran, said) = run(path(folder.path()), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(said["tried twice"].2.starts_with("tried 2 times, "), "{said:?}");
}

/// What two subjects begin with that the contract calls sensitive below.
const SECRET: &str = "5ec5e75e-c5e7-45ec-85e7-5ec5e75ec5";

#[test]
fn looks_at_views_are_kept_and_what_is_sensitive_is_in_no_output() {
    let folder = with(&format!(
        "Feature: hush\n\n  Scenario: too soon\n    When \"job.given\" is published\n      | subject | {SECRET}e7 |\n      | fails | 2 |\n    Then view \"list\" shows \"{SECRET}e7\" within 100ms\n\n  Scenario: another is there\n    When \"job.given\" is published\n      | subject | {SECRET}e8 |\n    Then view \"list\" shows \"{SECRET}e8\" within 9s\n    And view \"list\" shows \"nobody\" within 100ms\n",
    ));
    let contract = folder.path().join("asyncapi.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    std::fs::write(
        &contract,
        text.replace("{key: $message.payload#/subject}", "{key: $message.payload#/subject, sensitive: [/subject]}"),
    )
    .unwrap();
    let report = tempfile::tempdir().unwrap();
    let ran = eventproof(&["run", path(folder.path()), "--report", path(report.path())]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let result = std::fs::read_to_string(report.path().join("result.json")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    let looks = |scenario: usize| result["scenarios"][scenario]["attachments"]["looks"].as_array().unwrap().clone();
    for scenario in [0, 1] {
        let first = looks(scenario).first().cloned().unwrap_or_default();
        assert_eq!(first["view"], "list", "{result}");
        assert!(first["question"].as_str().unwrap().contains("/handled?limit="), "{first}");
        assert!(!result["scenarios"][scenario]["timeline"].as_array().unwrap().is_empty(), "{result}");
    }
    let seen = looks(1).iter().map(|look| look["answer"].as_str().unwrap().to_owned()).collect::<String>();
    assert!(seen.contains("\"subject\":\"(hidden)\""), "{seen}");
    assert!(!ran.progress.contains(SECRET) && !ran.result.contains(SECRET), "{}{}", ran.progress, ran.result);
    let mut files = 0;
    for file in std::fs::read_dir(report.path()).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let at = text.find(SECRET);
        assert_eq!(at, None, "{}: {:?}", file.display(), at.map(|at| &text[at.saturating_sub(200)..at]));
        files += 1;
    }
    assert!(files >= 3, "result, JUnit and page at least");
}
