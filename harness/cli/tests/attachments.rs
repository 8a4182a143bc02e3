#![allow(clippy::unwrap_used, clippy::expect_used)]
//! What went over the wires is kept with a scenario that did not hold, and nothing sensitive of it; a step that hangs is ended
//! with its scenario, and named.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Ran, SHOP, eventproof};

/// The shop, whose orders say who they are from.
fn contract() -> String {
    let with_email = SHOP.replace("order_id: {type: string}}", "order_id: {type: string}, email: {type: string}}");
    with_email.replace("#/order_id}", "#/order_id, sensitive: [/email]}")
}

const SYSTEM: &str = "\
system: shop
stubs: {bank: {}}
actions:
  pay: {request: 'POST {bank.url}/pay?for={email}', json: {who: '{who}', email: '{email}'}, status: 200}
";

/// Runs a pack with these scenarios.
fn run(folder: &Path, feature: &str) -> (Ran, Value) {
    for (name, text) in [("asyncapi.yaml", contract().as_str()), ("system.yaml", SYSTEM), ("shop.feature", feature)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let report = folder.join("report");
    let ran = eventproof(&["run", folder.to_str().unwrap(), "--report", report.to_str().unwrap()]);
    let text = std::fs::read_to_string(report.join("result.json"));
    let text = text.unwrap_or_else(|_| panic!("{}{}", ran.progress, ran.result));
    (ran, serde_json::from_str(&text).unwrap())
}

fn attachments<'a>(result: &'a Value, name: &str) -> &'a Value {
    let mut scenarios = result["scenarios"].as_array().unwrap().iter();
    &scenarios.find(|one| one["name"] == name).unwrap()["attachments"]
}

#[test]
fn records_and_exchanges_are_kept_without_what_is_sensitive() {
    let feature = "\
Feature: Orders

  Scenario: told twice
    When \"order.placed\" is published
      | email | {ann}@secret.example |
    And the same event is published again 1 time
    Then \"order.placed\" is on its topic only once, watched for 100ms

  Scenario: the bank is down
    Given stub \"bank\" answers 503 1 time
      | /who | {bob} |
    When action \"pay\" is done
      | who   | {bob} |
      | email | {bob}@secret.example |

  Scenario: all is well
    When \"order.placed\" is published
";
    let folder = tempfile::tempdir().unwrap();
    let (ran, result) = run(folder.path(), feature);
    assert_eq!(ran.code, 1, "{}{}", ran.progress, ran.result);
    let doubled = attachments(&result, "told twice");
    let records = doubled["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "{doubled}");
    assert_eq!(records[0]["message"], "order.placed");
    assert_eq!(records[0]["id"], records[1]["id"]);
    assert!(records[0]["fields"].to_string().contains("/order_id"), "{doubled}");
    let unpaid = attachments(&result, "the bank is down");
    let exchange = &unpaid["exchanges"][0];
    assert_eq!((exchange["status"].as_u64(), exchange["action"].as_str()), (Some(503), Some("pay")), "{unpaid}");
    assert!(exchange["request"].as_str().unwrap().ends_with("/pay?for=(hidden)"), "{unpaid}");
    assert!(exchange["sent"].as_str().unwrap().contains("\"email\":\"(hidden)\""), "{unpaid}");
    for kept in [doubled, unpaid] {
        assert!(!kept.to_string().contains("@secret.example"), "{kept}");
    }
    assert_eq!(attachments(&result, "all is well")["records"].as_array().unwrap().len(), 0, "it held");
    let page = std::fs::read_to_string(folder.path().join("report/report.html")).unwrap();
    assert!(page.contains("Records: 2") && page.contains("HTTP: 1 exchanges"));
    let (_, kept) = page.split_once("Records: 2").unwrap();
    assert!(kept.contains("/pay?for=(hidden)"));
}

#[test]
fn what_services_printed_while_a_scenario_ran_is_kept_with_it_and_nothing_of_another_time() {
    let folder = tempfile::tempdir().unwrap();
    let from = support::project().join("harness/cli/tests/packs/retries");
    let system = std::fs::read_to_string(from.join("system.yaml")).unwrap();
    // One copy: both scenarios have the same service, and its log has the lines of both.
    std::fs::write(folder.path().join("system.yaml"), system.replace("copies: 2\n", "")).unwrap();
    std::fs::copy(from.join("asyncapi.yaml"), folder.path().join("asyncapi.yaml")).unwrap();
    let scenario = |name: &str, before: &str| {
        format!(
            "  Scenario: {name}\n    {before}When \"job.given\" is published\n      | subject | {{one}} |\n      | fails | 1 |\n    Then view \"list\" shows \"{{one}}\" within 10s\n    And view \"list\" shows \"nobody\" within 100ms\n\n"
        )
    };
    // Who stops a service has it alone: neither begins before the other is over.
    let alone = "Given service \"retries\" is stopped\n    And service \"retries\" is started again\n    ";
    let all = [scenario("one", alone), scenario("another", alone)];
    std::fs::write(folder.path().join("own.feature"), format!("Feature: logs\n\n{}", all.concat())).unwrap();
    let report = folder.path().join("report");
    let ran = eventproof(&["run", folder.path().to_str().unwrap(), "--report", report.to_str().unwrap()]);
    let text = std::fs::read_to_string(report.join("result.json"));
    let text = text.unwrap_or_else(|_| panic!("{}{}", ran.progress, ran.result));
    let result: Value = serde_json::from_str(&text).unwrap();
    let kept = |name: &str| {
        let scenario = result["scenarios"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
        let id = scenario["attachments"]["records"][0]["id"].as_str().unwrap_or_else(|| panic!("{scenario}"));
        assert_eq!(scenario["logs"][0]["service"], "retries", "{scenario}");
        (id.to_owned(), scenario["logs"][0]["lines"].as_array().unwrap().clone())
    };
    let tells = |lines: &[Value], id: &str| {
        lines.iter().filter_map(Value::as_str).any(|line| line.contains("attempt 1 failed") && line.contains(id))
    };
    let ((one, its), (another, others)) = (kept("one"), kept("another"));
    assert!(tells(&its, &one) && !tells(&its, &another), "{its:?}");
    assert!(tells(&others, &another) && !tells(&others, &one), "{others:?}");
    let page = std::fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("Log of retries: the last ") && page.contains(&one) && page.contains(&another));
}

/// Publishing that would take an hour.
const BACKGROUND: &str = "
  @limit:1s
  Scenario: publishes too long
    When 3600 \"order.placed\" events are published at 1/s in the background
    Then 900ms pass
";

#[test]
fn a_step_that_hangs_is_ended_with_its_scenario_and_named() {
    let feature = "\
Feature: Orders

  @limit:1s
  Scenario: waits too long
    When 700 ms pass
    And 900 ms pass
    Then 1ms passes
";
    let folder = tempfile::tempdir().unwrap();
    let (ran, result) = run(folder.path(), &format!("{feature}{BACKGROUND}"));
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    let endless = &result["scenarios"][1];
    assert!(endless["duration_ms"].as_f64().unwrap() < 600_000.0, "publishing ended with its scenario");
    let steps = &result["scenarios"][0]["steps"];
    let outcomes: Vec<&str> = (0..3).map(|index| steps[index]["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["held", "no_verdict", "skipped"]);
    let told = steps[1]["finding"]["text"].as_str().unwrap();
    assert!(told.contains("the time of its scenario (1 s) was over"), "{told}");
}

#[test]
fn what_services_printed_last_has_nothing_sensitive_of_any_scenario() {
    let report = tempfile::tempdir().unwrap();
    let pack = support::project().join("features/nova-domain");
    let name = "e-mail addresses, devices and messages are in no log and on no other topic";
    let words = ["run", pack.to_str().unwrap(), "--fault", "auth-service:logs-address", "--exact", name, "--report"];
    let ran = eventproof(&[&words[..], &[report.path().to_str().unwrap()]].concat());
    assert!(ran.code == 1 && ran.result.contains("[leaked]"), "{}{}", ran.progress, ran.result);
    let result: Value =
        serde_json::from_str(&std::fs::read_to_string(report.path().join("result.json")).unwrap()).unwrap();
    let mut services = result["services"].as_array().unwrap().iter();
    let lines = services.find(|one| one["name"] == "auth-service").unwrap()["last_lines"].to_string();
    assert!(lines.contains("register: (hidden)"), "the line that gives it away is there without it: {lines}");
}
