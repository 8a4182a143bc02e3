//! A circuit breaker: after some failures in a row nobody asks any more for a while; then one asks, and if all is well, everybody.

use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 3;
/// Successes in a row that close it again.
const SUCCESSES: u32 = 2;

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything; so many failures in a row.
    Closed(u32),
    /// Nothing before then.
    Open(Instant),
    /// One at a time; so many successes in a row.
    HalfOpen(u32),
}

/// Guards one downstream service.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: State,
    rest: Duration,
    opened: u64,
    /// Fault: whatever fails, everybody goes on asking.
    never_opens: bool,
}

impl Breaker {
    /// Once open, it rests for so long.
    pub(super) fn new(rest: Duration) -> Breaker {
        Breaker { state: State::Closed(0), rest, opened: 0, never_opens: false }
    }

    /// Fault: it is as if there were none.
    pub(super) fn that_never_opens() -> Breaker {
        Breaker { never_opens: true, ..Breaker::new(Duration::ZERO) }
    }

    /// May somebody ask now? If not, how long it still rests.
    pub(super) fn pass(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Open(until) if now < until => Err(until - now),
            State::Open(_) => {
                self.state = State::HalfOpen(0);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// It was answered.
    pub(super) fn succeeded(&mut self) {
        self.state = match self.state {
            State::HalfOpen(before) if before + 1 < SUCCESSES => State::HalfOpen(before + 1),
            _ => State::Closed(0),
        };
    }

    /// It was not answered, or by a failure. Whether the breaker is open now.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.state = match self.state {
            State::Closed(before) if before + 1 < FAILURES || self.never_opens => {
                State::Closed(before.saturating_add(1))
            }
            _ => {
                self.opened += 1;
                State::Open(now + self.rest)
            }
        };
        matches!(self.state, State::Open(_))
    }

    /// 0 closed, 1 half-open, 2 open: for the gauge.
    pub(super) fn level(&self) -> f64 {
        match self.state {
            State::Closed(_) => 0.0,
            State::HalfOpen(_) => 1.0,
            State::Open(_) => 2.0,
        }
    }

    /// How often it has opened.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(1);

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let (mut breaker, now) = (Breaker::new(REST), Instant::now());
        assert!(!breaker.failed(now) && !breaker.failed(now));
        breaker.succeeded();
        assert!(!breaker.failed(now) && !breaker.failed(now) && breaker.failed(now));
        assert_eq!(breaker.pass(now), Err(REST));
        assert_eq!(breaker.opened(), 1);
    }

    #[test]
    fn it_recovers_step_by_step_and_opens_again_at_once() {
        let (mut breaker, now) = (Breaker::new(REST), Instant::now());
        assert!((0..3).any(|_| breaker.failed(now)));
        assert_eq!(breaker.pass(now + REST), Ok(()));
        assert!(breaker.failed(now + REST), "one failure is enough while it is half-open");
        assert_eq!(breaker.pass(now + REST * 2), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.level(), 1.0);
        breaker.succeeded();
        assert_eq!(breaker.level(), 0.0);
    }
}
