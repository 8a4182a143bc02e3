#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Which scenarios run, how often, and what becomes of those that do not hold: on a pack without services, whose only
//! system is a stub that eventproof plays itself.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use support::{Ran, eventproof, project, shop};

const SYSTEM: &str = "\
system: shop
stubs: {bank: {}}
actions:
  pay: {request: 'POST {bank.url}/pay', json: {who: '{who}'}, status: 200}
";

const FEATURE: &str = "\
Feature: Paying

  Scenario: the topics are right
    Then the topics are as the contract declares them

  @flaky(2)
  Scenario: paid at the third try
    When action \"pay\" is done
      | who | {run} |

  @known-issue:SHOP-7 @until:2999-01-01
  Scenario: paying is broken
    Given stub \"bank\" answers 500 1 time
      | /who | {me} |
    When action \"pay\" is done
      | who | {me} |

  Scenario: an order is told
    When \"order.placed\" is published
";

/// A pack in a folder of its own; `feature` may change the scenarios.
fn pack(feature: &str) -> tempfile::TempDir {
    shop(&[("system.yaml", SYSTEM), ("shop.feature", feature)])
}

fn run(pack: &Path, options: &[&str]) -> Ran {
    let report = pack.join("report");
    let mut arguments = vec!["run", pack.to_str().unwrap(), "--report", report.to_str().unwrap(), "--seed", "7"];
    arguments.extend(options);
    eventproof(&arguments)
}

fn result(pack: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(pack.join("report/result.json")).unwrap()).unwrap()
}

/// The address of a bank that refuses so many payments before it takes one, again and again: what a scenario tells a stub ends with it.
fn stubborn_bank(refusals: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let status = if nth % (refusals + 1) < refusals { "503 Service Unavailable" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}").unwrap();
        }
    });
    address
}

/// Names, in the order in which they would run.
fn dry(pack: &Path, options: &[&str]) -> Vec<String> {
    let ran = run(pack, &[options, &["--dry-run"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let lines: Vec<String> = ran.result.lines().map(str::to_owned).collect();
    lines[..lines.len() - 1].iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
fn a_run_can_be_of_a_name_a_line_a_service_or_a_shard() {
    let todo = project().join("features/todo");
    assert!(dry(&todo, &[]).len() > 20);
    assert_eq!(dry(&todo, &["--exact", "the publisher is measured"]), ["the publisher is measured"]);
    let all: Vec<String> = (1..=3).flat_map(|shard| dry(&todo, &["--shard", &format!("{shard}/3")])).collect();
    let (mut all, mut whole) = (all, dry(&todo, &[]));
    all.sort();
    whole.sort();
    assert_eq!(all, whole, "every scenario is in one shard");
    let api = dry(&todo, &["--service", "todo-api-quiet"]);
    assert_eq!(api, ["with the feature flag off the answer is the same and nothing is told"]);
    let folder = pack(FEATURE);
    let at = |line: usize| folder.path().join(format!("shop.feature:{line}"));
    assert_eq!(dry(&at(9), &[]), ["paid at the third try"]);
    assert_eq!(dry(&at(6), &[]), ["paid at the third try"], "by its tags");
    assert_eq!(run(&at(99), &["--dry-run"]).code, 3, "no scenario is there");
    assert_eq!(dry(&folder.path().join("shop.feature"), &["--name", "order"]), ["an order is told"]);
    assert_eq!(run(folder.path(), &["--tag", "nobody", "--dry-run"]).code, 3, "nothing chosen is no pass");
    assert_eq!(run(folder.path(), &["--shard", "3/2"]).code, 2);
}

/// What a dry run says on standard error, without the name of a folder.
fn told(pack: &Path, options: &[&str]) -> (i32, String) {
    let ran = run(pack, &[options, &["--dry-run"]].concat());
    (ran.code, ran.progress)
}

const NOTHING: &str = "error: no scenario was chosen: leave out what chooses (--name, --tag, --service, --failed, --shard, a line), or see what the pack has with --dry-run\n";

#[test]
fn a_choice_that_nobody_has_is_told_with_the_nearest_that_there_is() {
    let folder = pack(&FEATURE.replace("  Scenario: an order", "  @smoke\n  Scenario: an order"));
    let none = |options: &[&str], why: &str| {
        assert_eq!(told(folder.path(), options), (3, format!("{NOTHING}error: {why}\n")), "{options:?}");
    };
    none(&["--tag", "smok"], "no scenario has the tag \"smok\"; did you mean \"smoke\"?");
    none(&["--tag", "@smok"], "no scenario has the tag \"smok\"; did you mean \"smoke\"?");
    none(&["--tag", "nothing-like-it"], "no scenario has the tag \"nothing-like-it\"");
    none(
        &["--name", "an ordr is told"],
        "no scenario has in its name \"an ordr is told\"; did you mean \"an order is told\"?",
    );
    none(&["--exact", "an order"], "no scenario has the name \"an order\"; did you mean \"an order is told\"?");
    none(&["--service", "bank"], "no scenario has to do with a service \"bank\"");
    let two = ["--tag", "smok", "--exact", "nobody"];
    let both = "no scenario has the tag \"smok\"; did you mean \"smoke\"?\nerror: no scenario has the name \"nobody\"";
    none(&two, both);
    // Of several, the others run all the same.
    let warned = "warning: no scenario has the tag \"smok\"; did you mean \"smoke\"?\n".to_owned();
    assert_eq!(told(folder.path(), &["--tag", "@smoke", "--tag", "smok"]), (0, warned));
    assert_eq!(dry(folder.path(), &["--tag", "@smoke"]), ["an order is told"], "as it is written");
    assert_eq!(dry(folder.path(), &["--tag", "smoke"]), ["an order is told"]);
    let todo = project().join("features/todo");
    let why = "no scenario has to do with a service \"todo-api-quit\"; did you mean \"todo-api-quiet\"?";
    assert_eq!(told(&todo, &["--service", "todo-api-quit"]), (3, format!("{NOTHING}error: {why}\n")));
    // A service that the system has, and of which no scenario speaks, chooses nothing either.
    let with_clerk = format!("{SYSTEM}services: {{clerk: {{command: [clerk]}}}}\n");
    std::fs::write(folder.path().join("system.yaml"), with_clerk).unwrap();
    none(&["--service", "clerk"], "no scenario has to do with a service \"clerk\"");
}

#[test]
fn a_line_of_an_outline_is_its_row_or_all_of_it() {
    let outline = "\n  @rows\n  Scenario Outline: told <n> times\n    When <n>s pass\n\n    Examples: few\n      | n |\n      | 2 |\n      | 3 |\n\n    Examples: many\n      | n |\n      | 40 |\n\n  Scenario: the last\n    When \"order.placed\" is published\n";
    let folder = pack(&format!("{FEATURE}{outline}"));
    let first = FEATURE.lines().count() + 2;
    let at = |line: usize| dry(&folder.path().join(format!("shop.feature:{}", first + line)), &[]);
    let all = ["told 2 times", "told 3 times", "told 40 times"];
    for whole in [0, 1, 2, 4, 5, 9, 10] {
        assert_eq!(at(whole), all, "line {whole}");
    }
    assert_eq!((at(6), at(7), at(11)), (vec![all[0].into()], vec![all[1].into()], vec![all[2].into()]));
    assert_eq!(at(13), ["the last"]);
}

#[test]
fn a_fault_of_a_service_that_is_not_there_is_refused() {
    let folder = pack(FEATURE);
    let ran = run(folder.path(), &["--fault", "nope:late"]);
    assert_eq!(ran.code, 2, "{}{}", ran.progress, ran.result);
    assert!(ran.progress.contains("--fault nope:late: \"nope\" is none of the services that run"), "{}", ran.progress);
}

#[test]
fn what_holds_only_when_it_is_tried_again_is_flaky_and_a_known_issue_may_fail() {
    let feature =
        FEATURE.replacen("action \"pay\" is done\n      | who | {run} |", "action \"pay a stubborn bank\" is done", 1);
    let folder = pack(&feature);
    let stubborn = format!("  pay a stubborn bank: {{request: 'POST {}/pay', status: 200}}\n", stubborn_bank(2));
    std::fs::write(folder.path().join("system.yaml"), format!("{SYSTEM}{stubborn}")).unwrap();
    let ran = run(folder.path(), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let told = ran.result.replace(folder.path().to_str().unwrap(), "PACK");
    for part in [
        "it held only on attempt 3; before: [action-failed]",
        "issue SHOP-7, known until 2999-01-01: action \"pay\": expected status 200, got status 500",
        "4 scenarios: 3 held, 1 skipped",
    ] {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    let kept = result(folder.path());
    let flaky = kept["scenarios"].as_array().unwrap().iter().find(|one| one["name"] == "paid at the third try");
    assert_eq!(flaky.unwrap()["attempts"], 3);
    assert_eq!(run(folder.path(), &["--fail-on-flaky"]).code, 1);
}

#[test]
fn a_known_issue_that_holds_or_is_overdue_fails_the_run() {
    let mended = FEATURE.replace("answers 500 1 time", "answers 200 1 time");
    let ran = run(pack(&mended).path(), &["--name", "broken"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.result.contains("issue SHOP-7 is mended: it holds, so take @known-issue and @until away"),
        "{}",
        ran.result
    );
    let overdue = FEATURE.replace("@until:2999-01-01", "@until:2020-01-01");
    let ran = run(pack(&overdue).path(), &["--name", "broken"]);
    assert_eq!(ran.code, 1);
    assert!(ran.result.contains("issue SHOP-7 was to be mended by 2020-01-01"), "{}", ran.result);
    let folder = pack(&FEATURE.replace(" @until:2999-01-01", ""));
    let ran = eventproof(&["lint", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.result.contains("@known-issue:SHOP-7 says not until when it may fail"), "{}", ran.result);
}

#[test]
fn a_run_repeats_begins_nothing_more_after_a_failure_and_runs_again_what_failed() {
    let folder = pack(FEATURE);
    let ran = run(folder.path(), &["--repeat", "3", "--name", "order", "--order", "random"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("3 scenarios: 3 held; 3 records"), "{}", ran.result);
    // Whatever disturbs comes last: this one has the stub's callers for itself.
    let broken = FEATURE.replace("  @known-issue:SHOP-7 @until:2999-01-01\n", "");
    let folder = pack(&broken);
    let ran = run(folder.path(), &["--fail-fast"]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert_eq!(dry(folder.path(), &["--failed"]), ["paying is broken"]);
    let moved = broken.replace("Feature: Paying\n", "Feature: Paying\n\n  Some words.\n");
    std::fs::write(folder.path().join("shop.feature"), moved).unwrap();
    assert_eq!(dry(folder.path(), &["--failed"]), ["paying is broken"], "whatever stands above it now");
    let folder = pack(&FEATURE.replace("    When \"order.placed\"", "    When 60s pass\n    And \"order.placed\""));
    let ran = run(folder.path(), &["--timeout", "1s", "--name", "order"]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    assert!(ran.progress.contains("the time of the run (1 s) is over"), "{}", ran.progress);
    let kept = result(folder.path());
    let [cut] = &kept["scenarios"].as_array().unwrap()[..] else { panic!("{kept}") };
    assert_eq!((cut["outcome"].as_str(), cut["name"].as_str()), (Some("no_verdict"), Some("an order is told")));
    let why = cut["note"]["text"].as_str().unwrap();
    assert!(why.contains("the run was ended before this had its verdict: the time of the run (1 s) is over"), "{why}");
    assert_eq!(dry(folder.path(), &["--failed"]), ["an order is told"], "it is still to be run");
}

#[test]
fn after_a_failure_no_further_scenario_begins_where_that_is_asked_for() {
    let broken = "\
Feature: Orders
  Scenario: told twice
    When \"order.placed\" is published
    And the same event is published again 1 time
    Then \"order.placed\" is on its topic only once, watched for 200 ms
";
    // Far more than begin at once.
    let patient = (0..400).map(|number| format!("\n  Scenario: wait {number}\n    When 3s pass\n"));
    let folder = pack(&std::iter::once(broken.to_owned()).chain(patient).collect::<String>());
    let ran = run(folder.path(), &["--fail-fast"]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let kept = result(folder.path());
    let of =
        |outcome: &str| kept["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == outcome).count();
    assert!(of("broken") == 1 && of("held") < 300, "{} held", of("held"));
    let ran = run(folder.path(), &["--retries", "1", "--exact", "told twice"]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert_eq!(result(folder.path())["scenarios"][0]["attempts"], 2);
}

#[test]
fn of_a_service_only_what_its_scenarios_need_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let (todo, report) = (project().join("features/todo"), folder.path().join("report"));
    let ran = eventproof(&[
        "run",
        todo.to_str().unwrap(),
        "--service",
        "todo-api-quiet",
        "--report",
        report.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    let needed = "of 6 services only these are needed: event-service, event-service-v1, todo-api, todo-api-quiet";
    assert!(ran.progress.contains(needed), "{}", ran.progress);
    let kept = result(folder.path());
    let states: Vec<(&str, &str)> = kept["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    let names: Vec<&str> = states.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["todo-api", "todo-api-quiet", "event-service", "event-service-v1"]);
    assert!(states.iter().all(|(_, state)| *state == "running"), "{states:?}");
}
