#![allow(clippy::unwrap_used, clippy::expect_used)]
//! A thousand scenarios of three immediate steps: each is run, each has its own verdict, none sees another's event.

mod support;

use std::fmt::Write as _;

use support::{SHOP, eventproof};

const MANY: usize = 1000;
/// One in so many watches for a copy, and there is one.
const DOUBLED: usize = 100;

fn features() -> String {
    let mut text = "Feature: many\n".to_owned();
    for number in 0..MANY {
        let copies = usize::from(number.is_multiple_of(DOUBLED));
        write!(
            text,
            "\n  Scenario: order {number}\n    When \"order.placed\" is published\n    And the same event is published again {copies} times\n    Then \"order.placed\" is on its topic only once, watched for 10ms\n"
        )
        .unwrap();
    }
    text
}

#[test]
fn a_thousand_scenarios_each_have_their_own_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("asyncapi.yaml", SHOP), ("system.yaml", "system: shop\n"), ("many.feature", &features())] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let report = folder.path().join("report");
    let ran = eventproof(&["run", folder.path().to_str().unwrap(), "--report", report.to_str().unwrap()]);
    let doubled = MANY / DOUBLED;
    let told = format!("{MANY} scenarios: {} held, {doubled} BROKEN", MANY - doubled);
    assert_eq!(ran.code, 1, "{}", ran.progress);
    assert!(ran.result.contains(&told), "{}", ran.result.lines().rev().take(8).collect::<Vec<_>>().join("\n"));
    let result: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["conformance"]["records"], MANY + doubled);
    for scenario in result["scenarios"].as_array().unwrap() {
        let number: usize = scenario["name"].as_str().unwrap().trim_start_matches("order ").parse().unwrap();
        let expected = if number.is_multiple_of(DOUBLED) { "broken" } else { "held" };
        assert_eq!(scenario["outcome"], expected, "{scenario}");
    }
}
