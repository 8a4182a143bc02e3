//! One monotonic time line for a run. Oracles never read a clock: they are told what time it is.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// An instant, as nanoseconds since the run began, on the run's one monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct At(u64);

impl At {
    /// The beginning of the run.
    pub const START: At = At(0);

    /// The instant `since_start` after the beginning of the run; saturates after 584 years.
    pub fn from_start(since_start: Duration) -> At {
        At(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time since the beginning of the run.
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time from `earlier` to this instant, zero if `earlier` is later.
    pub fn since(self, earlier: At) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for At {
    type Output = At;

    fn add(self, later: Duration) -> At {
        At(self.0.saturating_add(At::from_start(later).0))
    }
}

impl Sub<Duration> for At {
    type Output = At;

    fn sub(self, earlier: Duration) -> At {
        At(self.0.saturating_sub(At::from_start(earlier).0))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:.3} s", self.since_start().as_secs_f64())
    }
}

/// Where the current time comes from; injected, so that tests can hold it in their hands.
pub trait Clock: Send + Sync {
    /// The current instant on the run's time line.
    fn now(&self) -> At;
}

/// The operating system's monotonic clock, from the moment of its creation.
#[derive(Debug, Clone)]
pub struct RunClock {
    origin: Instant,
}

impl RunClock {
    /// A clock that begins now.
    pub fn start() -> RunClock {
        RunClock { origin: Instant::now() }
    }

    /// The operating system's instant for a point of the run, for timers.
    pub fn instant(&self, at: At) -> Instant {
        self.origin + at.since_start()
    }

    /// The point of the run of an operating system's instant.
    pub fn at(&self, instant: Instant) -> At {
        At::from_start(instant.saturating_duration_since(self.origin))
    }
}

impl Clock for RunClock {
    fn now(&self) -> At {
        At::from_start(self.origin.elapsed())
    }
}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(At::from_start(by).0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> At {
        At(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_told_to() {
        let clock = ManualClock::default();
        assert_eq!(clock.now(), At::START);
        clock.advance(Duration::from_millis(200));
        assert_eq!(clock.now().since(At::START), Duration::from_millis(200));
    }

    #[test]
    fn the_time_since_a_later_instant_is_zero() {
        let later = At::START + Duration::from_secs(1);
        assert_eq!(At::START.since(later), Duration::ZERO);
    }
}
