#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The doctor on a broker of ours, and on one that is not there.

mod support;

use support::eventproof;

#[test]
fn a_broker_of_ours_takes_a_record_and_gives_it_back() {
    let ran = eventproof(&["doctor"]);
    assert_eq!(ran.code, 0, "{}{}", ran.progress, ran.result);
    for part in [
        "this machine\n",
        "processor",
        "the embedded broker\n",
        "a record goes there and back in",
        "yes it can be made to misbehave",
    ] {
        assert!(ran.result.contains(part), "no `{part}` in {}", ran.result);
    }
}

#[test]
fn a_broker_that_is_not_there_leaves_nothing_to_run_and_says_what_to_do() {
    let ran = eventproof(&["doctor", "--brokers", "127.0.0.1:1"]);
    assert_eq!(ran.code, 3, "{}{}", ran.progress, ran.result);
    for part in ["no  it does not answer", "check address and port from this machine", "nothing can be run like this"] {
        assert!(ran.result.contains(part), "no `{part}` in {}", ran.result);
    }
}
