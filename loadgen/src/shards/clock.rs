//! How far the broker's clock is from our own, with bounds: from records that we wrote and the times that the broker gave them.
//!
//! The broker stamped a record at some instant between the one before we sent it and the one at which its acknowledgement
//! came, to the millisecond. Each such record bounds the offset from both sides; the bounds of all of them hold at once. What the two
//! clocks drift apart in the seconds until the start is not in them.

use std::time::Duration;

use eventproof_broker::Posted;
use eventproof_evidence::At;

/// Nanoseconds of a millisecond.
const MS: i128 = 1_000_000;

/// Bounds of the broker's clock less our own. Nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offset {
    bounds: Option<(i128, i128)>,
}

/// A span of our own clock in which an instant of the broker's lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub at: At,
    /// It lies within so much before and after.
    pub error: Duration,
}

impl Offset {
    /// A record of ours was given this time.
    pub fn learn(&mut self, posted: &Posted, appended_ms: i64) {
        let stamped = i128::from(appended_ms) * MS;
        let nanos = |at: At| at.since_start().as_nanos().cast_signed();
        let (low, high) = (stamped - nanos(posted.after), stamped + MS - nanos(posted.before));
        let known = self.bounds.unwrap_or((low, high));
        self.bounds = Some((known.0.max(low), known.1.min(high)));
    }

    /// Where an instant of the broker's clock is on ours; none if nothing is known, or records contradict each other:
    /// then one of the clocks was set meanwhile, or another node leads the partition.
    pub fn locate(&self, broker_ms: i64) -> Option<Located> {
        let (low, high) = self.bounds.filter(|(low, high)| low <= high)?;
        let instant = i128::from(broker_ms) * MS;
        let middle = instant - (low + high) / 2;
        let at = At::from_start(Duration::from_nanos(u64::try_from(middle).ok()?));
        let error = Duration::from_nanos(u64::try_from((high - low + 1) / 2).ok()?);
        Some(Located { at, error })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: u64) -> At {
        At::from_start(Duration::from_micros(micros))
    }

    proptest! {
        #[test]
        fn the_true_instant_lies_within_the_bounds(
            ahead_ms in 1_000_000u64..2_000_000,
            probes in prop::collection::vec((0u64..1_000_000, 1u64..20_000, 0u64..=100), 1..8),
            start_ms in 2_500_000i64..3_000_000,
        ) {
            let mut offset = Offset::default();
            for (before, lasted, share) in probes {
                // Stamped somewhere on the way, and cut to the millisecond.
                let stamped_us = ahead_ms * 1000 + before + lasted * share / 100;
                let posted = Posted { offset: 0, before: at(before), after: at(before + lasted) };
                offset.learn(&posted, (stamped_us / 1000) as i64);
            }
            let found = offset.locate(start_ms).unwrap();
            let truth = at((start_ms as u64 - ahead_ms) * 1000);
            prop_assert!(truth + found.error >= found.at && truth <= found.at + found.error, "{truth} {found:?}");
            prop_assert!(found.error <= Duration::from_micros(10_501));
        }
    }

    #[test]
    fn clocks_that_contradict_each_other_say_nothing() {
        let mut offset = Offset::default();
        assert_eq!(offset.locate(5), None);
        offset.learn(&Posted { offset: 0, before: at(0), after: at(1000) }, 100);
        assert!(offset.locate(500).is_some());
        offset.learn(&Posted { offset: 1, before: at(2000), after: at(3000) }, 5000);
        assert_eq!(offset.locate(6000), None);
    }
}
