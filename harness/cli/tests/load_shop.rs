#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Loads of a shop without services: a load that ends early, and records that were before and are sent again.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;
use support::{Ran, Running, eventproof, shop};

fn load(pack: &Path, profile: &str, more: &[&str]) -> (Ran, Value) {
    let report = pack.join("report");
    let profile = pack.join(profile);
    let mut arguments = vec!["load", profile.to_str().unwrap(), "--report", report.to_str().unwrap()];
    arguments.extend(more);
    let ran = eventproof(&arguments);
    let result = std::fs::read_to_string(report.join("result.json")).unwrap_or_else(|_| "{}".to_owned());
    (ran, serde_json::from_str(&result).unwrap())
}

fn shown(ran: &Ran) -> String {
    format!("{}{}", ran.progress, ran.result)
}

/// A minute's load, of which every acknowledgement is late after three seconds.
const LATE: &str = "\
name: late
pack: .
message: order.placed
rate: 100/s
events: 6000
slip_limit: 10s
settle: 5s
timeline:
  - {at: 3s, broker: delay, by: 300ms, api: Produce, client: eventproof-load}
objectives:
  - lost(topic) = 0
  - {objective: max(acknowledgement) < 250ms, abort_on_fail: true, grace: 1s}
  - p50(acknowledgement) < 30s
";

#[test]
fn an_objective_that_is_missed_for_certain_ends_the_load_and_nothing_that_was_sent_is_lost() {
    let pack = shop(&[("late.yaml", LATE)]);
    let (ran, result) = load(pack.path(), "late.yaml", &[]);
    assert_eq!(ran.code, 1, "{}", shown(&ran));
    let aborted = &result["aborted"];
    assert_eq!(aborted["objective"], "max(acknowledgement) < 250ms", "{}", shown(&ran));
    assert!((3000.0..30_000.0).contains(&aborted["at_ms"].as_f64().unwrap()), "{aborted}");
    let counts = &result["counts"];
    assert!(counts["planned"].as_u64().unwrap() < 5000, "{counts}");
    assert_eq!((&counts["acknowledged"], &result["legs"][0]["counts"]["lost"]), (&counts["planned"], &Value::from(0)));
    assert!(ran.result.contains("BROKEN     max(acknowledgement) < 250ms"), "{}", shown(&ran));
    assert!(ran.result.contains("missed for certain: max(acknowledgement) < 250ms was"), "{}", shown(&ran));
    // What held until then might not have held to the end, and the generator is not to be blamed for the end.
    let outcome = |index: usize| result["objectives"][index]["finding"]["code"].as_str().unwrap().to_owned();
    assert_eq!((outcome(0), outcome(2)), ("own-doing".to_owned(), "own-doing".to_owned()), "{}", shown(&ran));
    assert_eq!(result["generator"]["saturated"], Value::Null);
}

#[test]
fn what_is_not_known_before_the_end_cannot_end_a_load() {
    let lines = "objectives:\n  - {objective: lost(topic) = 0, abort_on_fail: true}\n  - {objective: throughput >= 5/s, abort_on_fail: true}\n";
    let head = LATE.split("objectives:").next().unwrap();
    let pack = shop(&[("wrong.yaml", &format!("{head}{lines}"))]);
    let (ran, _) = load(pack.path(), "wrong.yaml", &[]);
    assert_eq!(ran.code, 2, "{}", shown(&ran));
    assert_eq!(ran.progress.matches("load/cannot-abort").count(), 2, "{}", shown(&ran));
    assert!(ran.progress.contains("what has not come yet may still come"), "{}", shown(&ran));
}

/// Forty orders of four customers 20 ms apart, and a pause before the last one.
fn trace() -> String {
    let line = |number: u32| {
        let at = if number == 39 { 3000 } else { number * 20 };
        let (id, order) = (format!("018f7f7e-0000-7000-8000-{number:012}"), format!("o{}", number % 4));
        let value = serde_json::json!({"event_id": id, "order_id": order, "note": number});
        format!("{}\n", serde_json::json!({"at_ms": at, "message": "order.placed", "key": order, "value": value}))
    };
    (0..40).map(line).collect()
}

const REPLAY: &str = "\
name: replay
pack: .
replay: {file: trace.jsonl, speed: 2}
slip_limit: 10s
settle: 5s
objectives:
  - lost(topic) = 0
  - duplicated(topic) = 0
  - reordered(topic) = 0
  - phantom(topic) = 0
  - failed(acknowledgement) = 0
";

#[test]
fn a_trace_is_sent_again_as_new_events_at_its_own_pace_and_a_topic_is_one_too() {
    let stretch = REPLAY.replace("{file: trace.jsonl, speed: 2}", "{topic: shop.orders}");
    let pack = shop(&[("trace.jsonl", &trace()), ("file.yaml", REPLAY), ("topic.yaml", &stretch)]);
    let mut broker = Running::start(&["broker", "--listen", "127.0.0.1:0"]);
    let told = BufReader::new(broker.0.stdout.take().unwrap());
    let address =
        told.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    let address = address.expect("the broker's address");
    let (ran, result) = load(pack.path(), "file.yaml", &["--brokers", &address]);
    assert_eq!(ran.code, 0, "{}", shown(&ran));
    assert_eq!(result["legs"][0]["counts"]["seen"], 40);
    let plan = result["plan"].as_str().unwrap();
    assert!(plan.contains("40 events of the trace") && plan.contains("at 2 times their own pace"), "{plan}");
    // Three seconds are one and a half at twice the pace: the pause is there, and no event in it.
    let planned: Vec<u64> =
        result["intervals"].as_array().unwrap().iter().map(|one| one["planned"].as_u64().unwrap()).collect();
    assert_eq!(planned[..2], [39, 1], "{planned:?}");
    // The same broker has forty records now: what was is sent again, with ids that were never there.
    let (ran, result) = load(pack.path(), "topic.yaml", &["--brokers", &address]);
    assert_eq!(ran.code, 0, "{}", shown(&ran));
    assert_eq!(
        (&result["counts"]["planned"], &result["legs"][0]["counts"]["seen"]),
        (&Value::from(40), &Value::from(40))
    );
    assert!(result["plan"].as_str().unwrap().contains("40 events of topic shop.orders"), "{}", result["plan"]);
    broker.kill();
}

#[test]
fn a_trace_that_cannot_be_sent_is_refused_before_anything_starts() {
    let wrong = format!("{}{{\"at_ms\": 9000, \"message\": \"order.paid\"}}\n", trace());
    let pack = shop(&[("trace.jsonl", &wrong), ("file.yaml", REPLAY)]);
    let (ran, _) = load(pack.path(), "file.yaml", &[]);
    assert_eq!(ran.code, 2, "{}", shown(&ran));
    assert!(
        ran.progress.contains("trace.jsonl:41:1") && ran.progress.contains("there is no message `order.paid`"),
        "{}",
        shown(&ran)
    );
    let invalid =
        format!("{}{{\"at_ms\": 9000, \"message\": \"order.placed\", \"value\": {{\"order_id\": 7}}}}\n", trace());
    let pack = shop(&[("trace.jsonl", &invalid), ("file.yaml", REPLAY)]);
    let (ran, _) = load(pack.path(), "file.yaml", &[]);
    assert_ne!(ran.code, 0, "{}", shown(&ran));
    assert!(
        ran.progress.contains("1 of 41 records cannot be sent again") && ran.progress.contains("line 41:"),
        "{}",
        shown(&ran)
    );
}
