//! The plan of instants. Event n is due at start + n / rate, computed afresh for each n, so that nothing drifts.

use std::time::Duration;

use eventproof_evidence::At;

/// Instants at an even rate.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    start: At,
    rate: f64,
}

impl Pacer {
    /// `rate` events per second from `start` on.
    pub fn new(start: At, rate: f64) -> Pacer {
        Pacer { start, rate }
    }

    /// When event `number`, from 0, is due.
    pub fn due(&self, number: u64) -> At {
        self.start + Duration::from_nanos((number as f64 * 1e9 / self.rate).round() as u64)
    }

    /// How many events are due in `time`.
    pub fn count_in(&self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.rate).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_plan_does_not_drift(rate in 1.0f64..100_000.0, seconds in 1u64..10_000) {
            let pacer = Pacer::new(At::START, rate);
            let count = pacer.count_in(Duration::from_secs(seconds));
            let off = pacer.due(count).since(At::START).as_secs_f64() - count as f64 / rate;
            proptest::prop_assert!(off.abs() < 1e-6, "{off}");
        }

        #[test]
        fn instants_ascend(rate in 1.0f64..1_000_000.0, number in 0u64..1_000_000) {
            let pacer = Pacer::new(At::START, rate);
            proptest::prop_assert!(pacer.due(number) <= pacer.due(number + 1));
        }
    }
}
