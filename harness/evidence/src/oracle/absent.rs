//! Something must not come to a topic, while it is known that it would have been seen.

use std::time::Duration;

use super::{Oracle, Target};
use crate::surroundings::grace;
use crate::{At, Cause, Observation, Proof, Reason, Seen, Surroundings, Verdict};

/// A record does not come while it is watched, and another one of the same path does: the control, without which silence proves
/// nothing.
pub struct StaysAbsent {
    unwanted: Target,
    control: Option<Target>,
    since: At,
    watch: Duration,
    /// How long the control may take.
    patience: Duration,
    found: Option<Seen>,
    seen: Option<Seen>,
    surroundings: Surroundings,
}

impl StaysAbsent {
    /// `unwanted` must not be seen up to `watch` after `since`; `control` must be, within `patience` of it. Without a control
    /// nothing is proved.
    pub fn new(
        unwanted: Target,
        control: Option<Target>,
        since: At,
        watch: Duration,
        patience: Duration,
    ) -> StaysAbsent {
        let surroundings = Surroundings::default();
        StaysAbsent { unwanted, control, since, watch, patience, found: None, seen: None, surroundings }
    }

    fn judge_silence(&self, now: At) -> Verdict {
        let Some(control) = &self.control else {
            let detail = format!(
                "no later event of this scenario has the key of the one that {} would follow from, so nothing tells that it would have come",
                self.unwanted.what
            );
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        };
        if now < self.since + self.watch {
            return Verdict::NotYet;
        }
        if let Some(reason) = self.surroundings.blindness(&self.unwanted.topic, self.since, now) {
            return Verdict::CannotTell(reason);
        }
        match &self.seen {
            Some(seen) => Verdict::Held(Proof::of(format!(
                "{} came at {}, and {} did not, watched for {}",
                control.what,
                seen.place(),
                self.unwanted.what,
                crate::cause::duration(self.watch)
            ))),
            None if now <= self.since + self.patience.max(self.watch) + grace(self.patience) => Verdict::NotYet,
            None => {
                let detail = format!(
                    "{} did not come either, so nothing tells that {} would have",
                    control.what, self.unwanted.what
                );
                Verdict::CannotTell(Reason::NoPositiveControl { detail })
            }
        }
    }
}

impl Oracle for StaysAbsent {
    fn observe(&mut self, observation: &Observation) {
        if Surroundings::concerns(observation) {
            self.surroundings.observe(observation);
        }
        let Observation::Seen(seen) = observation else { return };
        if self.unwanted.matches(seen) {
            self.found.get_or_insert_with(|| seen.clone());
        } else if self.control.as_ref().is_some_and(|control| control.matches(seen)) {
            self.seen.get_or_insert_with(|| seen.clone());
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        match &self.found {
            Some(found) => Verdict::Broken(Cause::Unwanted {
                what: format!("{} at {}", self.unwanted.what, found.place()),
                view: format!("topic {}", self.unwanted.topic),
                after: found.at.since(self.since),
            }),
            None => self.judge_silence(now),
        }
    }
}
