//! Waiting for an instant, exactly.

use std::time::Duration;

use eventproof_evidence::{At, Clock};

/// How long before an instant the sender stops sleeping and watches the clock.
const WATCH: Duration = Duration::from_millis(1);

pub(super) fn wait_until(due: At, clock: &dyn Clock) {
    loop {
        let left = due.since(clock.now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(WATCH) {
            Some(sleep) if !sleep.is_zero() => std::thread::sleep(sleep),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}
