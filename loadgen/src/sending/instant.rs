//! Waiting for an instant, as exactly as the system wakes.

use std::time::Duration;

use eventproof_evidence::{At, Clock};
use tokio::sync::watch;

/// How long it sleeps at a time: a stop in a long pause is heeded within it.
const NAP: Duration = Duration::from_millis(200);

/// Returns false if it was stopped before.
pub(super) fn wait_until(due: At, clock: &dyn Clock, stop: &watch::Receiver<bool>) -> bool {
    loop {
        let left = due.since(clock.now());
        if left.is_zero() {
            return true;
        }
        if *stop.borrow() {
            return false;
        }
        // Once, not in ever shorter naps: the system wakes within some tens of microseconds, and each nap costs as much time of a
        // processor as a record does.
        std::thread::sleep(left.min(NAP));
    }
}
