#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The highest rate that a broker with a known limit carries. Alone: what other tests do to the machine at that rate is no limit of the
//! broker, and would be told as one.

mod support;

use support::loads::load;

/// A broker that carries no more than so many bytes of ours a second. Batches are small: of the usual ones each would take two
/// thirds of a second on this line, and acknowledgements would come in steps too coarse for a search that looks at two seconds.
const NARROW: &str = "payload_size: 2000 B\nkeys: 1\nproducer: {linger: 100ms, batch_size: 16 KiB, queue_records: 400}\ntimeline:\n  - {at: 0s, broker: throttle, rate: 200 KB, api: Produce, client: eventproof-load}\n";

#[test]
fn the_highest_rate_is_what_a_narrow_broker_carries_and_the_broker_is_named() {
    let found = load(
        &format!("{NARROW}rate: 60/s\nevents: 480\nobjectives:\n  - lost(topic) = 0\n  - p50(acknowledgement) < 2s\n"),
        &["--find-max", "--ceiling", "1000/s", "--step", "2s"],
    );
    assert_eq!(found.ran.code, 0, "{}", found.shown());
    let search = &found.result["search"];
    let rate = search["rate"].as_f64().unwrap();
    // 200 KB are 100 payloads of 2000 B; key, headers and batches take some 8 % of it, and a busy machine may take more.
    assert!((82.0..100.0).contains(&rate), "{search}");
    assert!(search["limit"].as_str().unwrap().contains("the broker's acknowledgements do not keep up"), "{search}");
    assert!(found.ran.result.contains("highest rate found"), "{}", found.shown());
}
