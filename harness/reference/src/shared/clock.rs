//! The wall clock, injected wherever a time is stored or judged.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Tells the time; tests give one that they move by hand.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub(crate) fn system() -> Clock {
        Clock(Arc::new(Utc::now))
    }

    /// A clock that reads whatever `now` says.
    #[cfg(test)]
    pub(crate) fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        // Stored times have millisecond precision; so has the clock, or a stored time could lie after "now".
        let now = (self.0)();
        let excess = TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos() % 1_000_000));
        now - excess
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now().timestamp_millis()
    }
}

/// RFC 3339 in UTC with milliseconds: `2025-01-15T10:30:00.123Z`.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same of milliseconds since 1970.
pub(crate) fn rfc3339_ms(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map_or_else(|| at_ms.to_string(), rfc3339)
}

/// A clock that tests move by hand.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct HandClock(Arc<std::sync::atomic::AtomicI64>);

#[cfg(test)]
impl HandClock {
    /// Stands at 2025-01-15T10:30:00Z.
    pub(crate) fn new() -> HandClock {
        HandClock(Arc::new(std::sync::atomic::AtomicI64::new(1_736_937_000_000)))
    }

    pub(crate) fn advance(&self, time: std::time::Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let ms = self.0.clone();
        Clock::from_fn(move || DateTime::from_timestamp_millis(ms.load(std::sync::atomic::Ordering::SeqCst)).unwrap())
    }
}
