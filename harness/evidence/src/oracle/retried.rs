//! What an event may still do while it waits in retry topics: for whoever says that something does not come of it.

use std::time::Duration;

use super::Target;
use super::tracked::Tracked;
use super::waiting::RetryPath;
use crate::{At, Observation, Reason, Surroundings};

/// One event on one path of retry topics.
pub(super) struct Retried {
    event: Tracked,
    /// Since when nothing waits there.
    settled: Option<At>,
}

impl Retried {
    pub fn new(event: Target, path: RetryPath) -> Retried {
        Retried { event: Tracked::new(event).retried_over(path), settled: None }
    }

    /// Takes in one observation, after `around` has.
    pub fn observe(&mut self, observation: &Observation, around: &Surroundings) {
        let before = self.event.waiting.waits().len();
        self.event.observe(observation, "");
        let is_open = self.event.waiting.open(around).is_some();
        let has_more = self.event.waiting.waits().len() != before;
        if is_open || has_more {
            self.settled = None;
        }
        if !is_open && !self.event.waiting.waits().is_empty() {
            self.settled.get_or_insert(observation.at());
        }
    }

    /// Since when nothing waits there; none where nothing ever did.
    pub fn settled(&self) -> Option<At> {
        self.settled
    }

    /// Why nothing can be said yet: it may still be tried again, or we could not see since `from` whether it may.
    pub fn pending(&self, around: &Surroundings, from: At, now: At) -> Option<Reason> {
        self.event.pending(around).or_else(|| self.event.blind_to_retries(around, from, now))
    }

    /// How much longer than usual everything may take, since the event is tried again.
    pub fn allowance(&self) -> Duration {
        self.event.waiting.allowance()
    }
}
