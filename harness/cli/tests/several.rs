#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Several packs in one run: side by side, one result, the gravest exit code.

mod support;

use std::path::Path;

use support::{Ran, SHOP, eventproof};

const HOLDS: &str = "\
Feature: Orders
  Scenario: an order is told
    When \"order.placed\" is published
";

const BREAKS: &str = "\
Feature: Orders
  Scenario: told twice
    When \"order.placed\" is published
    And the same event is published again 1 time
    Then \"order.placed\" is on its topic only once, watched for 200 ms
";

/// Packs without services, by their names, in one folder.
fn packs(features: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, feature) in features {
        let pack = folder.path().join(name);
        std::fs::create_dir(&pack).unwrap();
        for (file, text) in [("asyncapi.yaml", SHOP), ("system.yaml", "system: shop\n"), ("shop.feature", feature)] {
            std::fs::write(pack.join(file), text).unwrap();
        }
    }
    folder
}

fn run(folder: &Path, names: &[&str], options: &[&str]) -> Ran {
    let paths: Vec<String> = names.iter().map(|name| folder.join(name).display().to_string()).collect();
    let report = folder.join("report").display().to_string();
    let mut arguments = vec!["run"];
    arguments.extend(paths.iter().map(String::as_str));
    arguments.extend(["--report", &report]);
    eventproof(&[arguments.as_slice(), options].concat())
}

fn result(folder: &Path, of: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("report").join(of)).unwrap()).unwrap()
}

#[test]
fn packs_that_hold_are_one_result_that_holds() {
    let folder = packs(&[("one", HOLDS), ("two", HOLDS)]);
    let ran = run(folder.path(), &["one", "two"], &["--seed", "7"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.progress.contains("[one] ") && ran.progress.contains("[two] "), "{}", ran.progress);
    let whole = result(folder.path(), "result.json");
    assert_eq!(whole["pack"], "one, two");
    let features: Vec<&str> =
        whole["scenarios"].as_array().unwrap().iter().map(|one| one["feature"].as_str().unwrap()).collect();
    assert_eq!(features, ["one: Orders", "two: Orders"]);
    assert_eq!(whole["provenance"]["seed"], 7);
    assert_eq!(result(folder.path(), "two/result.json")["pack"], "two", "each has a report of its own too");
    let junit = std::fs::read_to_string(folder.path().join("report/junit.xml")).unwrap();
    assert!(junit.contains("two: Orders"), "{junit}");
}

#[test]
fn one_that_is_broken_breaks_the_whole_and_is_run_again_by_itself() {
    let folder = packs(&[("one", HOLDS), ("two", BREAKS)]);
    let ran = run(folder.path(), &["one", "two"], &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    assert!(ran.result.contains("2 scenarios: 1 held, 1 BROKEN"), "{}", ran.result);
    let again = run(folder.path(), &["one", "two"], &["--failed"]);
    assert_eq!(again.code, 1, "{}{}", again.progress, again.result);
    assert!(again.result.contains("1 scenarios: 0 held, 1 BROKEN"), "{}", again.result);
}

#[test]
fn what_is_wrong_with_any_of_them_is_told_before_anything_starts() {
    let folder = packs(&[
        ("one", HOLDS),
        ("two", "Feature: x\n  Scenario: y\n    When nobody knows this\n"),
        ("three", "Feature: x\n  Scenario: y\n    When nor this\n"),
    ]);
    let ran = run(folder.path(), &["one", "two", "three"], &[]);
    assert_eq!(ran.code, 2, "{}", ran.progress);
    assert!(ran.progress.contains("nobody knows this") && ran.progress.contains("nor this"), "{}", ran.progress);
    assert!(!ran.progress.contains("ready on"), "{}", ran.progress);
    let paths = ["one", "two", "three"].map(|name| folder.path().join(name).display().to_string());
    let linted = eventproof(&["lint", &paths[0], &paths[1], &paths[2]]);
    assert_eq!(linted.code, 2);
    assert!(linted.result.contains("nobody knows this") && linted.result.contains("nor this"), "{}", linted.result);
}

#[test]
fn what_is_wrong_is_told_to_programs_too() {
    let folder = packs(&[("one", "Feature: Orders\n  Scenario: a\n    When nobody knows this\n")]);
    let pack = folder.path().join("one").display().to_string();
    let json = eventproof(&["lint", &pack, "--format", "json"]);
    assert_eq!(json.code, 2, "{}", json.progress);
    let found: serde_json::Value = serde_json::from_str(&json.result).unwrap();
    let errors: Vec<_> = found["found"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").collect();
    let [error] = errors[..] else { panic!("{found}") };
    assert_eq!((&error["line"], &error["column"]), (&3.into(), &5.into()), "{error}");
    let file = format!("{pack}/shop.feature");
    assert_eq!((error["file"].as_str(), error["code"].as_str()), (Some(file.as_str()), Some("feature/unmatched-step")));
    let github = eventproof(&["lint", &pack, "--format", "github"]);
    let line = github.result.lines().find(|line| line.starts_with("::error ")).unwrap();
    assert!(line.starts_with(&format!("::error file={file},line=3,col=5,title=feature/unmatched-step::")), "{line}");
}

#[test]
fn a_choice_may_leave_out_packs_but_not_all_of_them() {
    let folder = packs(&[("one", HOLDS), ("two", BREAKS)]);
    let ran = run(folder.path(), &["one", "two"], &["--name", "order"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    assert!(ran.progress.contains("[two] no scenario is chosen"), "{}", ran.progress);
    let none = run(folder.path(), &["one", "two"], &["--name", "nothing like it"]);
    assert_eq!(none.code, 3, "{}{}", none.progress, none.result);
    let near = run(folder.path(), &["one", "two"], &["--exact", "told twic"]);
    let told = "no scenario has the name \"told twic\"; did you mean \"told twice\"?";
    assert!(near.code == 3 && near.progress.contains(told), "{}", near.progress);
    let each = run(folder.path(), &["one", "two"], &["--exact", "an order is told", "--exact", "told twic"]);
    assert_eq!(each.code, 0, "{}{}", each.progress, each.result);
    assert_eq!(each.progress.matches(told).count(), 1, "{}", each.progress);
    let other = run(folder.path(), &["one", "two"], &["--exact", "an order is told", "--exact", "told twice"]);
    assert_eq!(other.code, 1, "{}{}", other.progress, other.result);
    assert!(!other.progress.contains("no scenario has"), "one pack has it: {}", other.progress);
    let fault = run(folder.path(), &["one", "two"], &["--fault", "nobody:late"]);
    assert_eq!(fault.code, 2, "{}{}", fault.progress, fault.result);
    assert!(fault.progress.contains("none of the packs has this service"), "{}", fault.progress);
}
