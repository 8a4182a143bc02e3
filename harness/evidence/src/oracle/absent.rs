//! Something must not come to a topic, while it is known that it would have been seen.

use std::time::Duration;

use super::retried::Retried;
use super::waiting::RetryPath;
use super::{Oracle, Target};
use crate::cause::duration;
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
    /// What it would follow from, wherever that may wait for another try.
    retried: Vec<Retried>,
    /// How long is watched after the last of these tries.
    lasting: Duration,
    /// How long it may take to follow where the control may overtake it.
    overtaken: Option<Duration>,
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
        StaysAbsent {
            unwanted,
            control,
            since,
            watch,
            patience,
            found: None,
            seen: None,
            retried: Vec::new(),
            lasting: watch,
            overtaken: None,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where what it would follow from may wait in retry topics: the control passes it there, so while it waits nothing is
    /// proved, and `lasting` is watched from its last try on.
    pub fn retried_over(mut self, event: Target, path: RetryPath, lasting: Duration) -> StaysAbsent {
        self.retried.push(Retried::new(event, path));
        StaysAbsent { lasting, ..self }
    }

    /// The same, where events of one key are handled side by side, and have until `deadline` to be: that a later one was handled does
    /// not tell that this one was.
    pub fn overtaken_within(self, deadline: Duration) -> StaysAbsent {
        StaysAbsent { overtaken: self.overtaken.max(Some(deadline)), ..self }
    }

    fn end(&self) -> At {
        let settled = self.retried.iter().filter_map(Retried::settled).max();
        settled.map_or(self.since + self.watch, |settled| (settled + self.lasting).max(self.since + self.watch))
    }

    fn judge_silence(&self, now: At) -> Verdict {
        let Some(control) = &self.control else {
            return no_control(format!(
                "no later event of this scenario has the key of the one that {} would follow from, so nothing tells that it would have come",
                self.unwanted.what
            ));
        };
        if now < self.end() {
            return Verdict::NotYet;
        }
        if let Some(reason) = self.surroundings.blindness(&self.unwanted.topic, self.since, now) {
            return Verdict::CannotTell(reason);
        }
        let limit = self.patience.max(self.watch);
        if let Some(reason) = self.retried.iter().find_map(|one| one.pending(&self.surroundings, self.since, now)) {
            let allowed = self.retried.iter().map(Retried::allowance).max().unwrap_or_default();
            let over = now > self.since + limit + allowed + grace(self.patience);
            return if over { Verdict::CannotTell(reason) } else { Verdict::NotYet };
        }
        match &self.seen {
            Some(seen) => self.judge_watched(control, seen),
            None if now <= self.since + limit + grace(self.patience) => Verdict::NotYet,
            None => no_control(format!(
                "{} did not come either, so nothing tells that {} would have",
                control.what, self.unwanted.what
            )),
        }
    }

    /// The control came, and nothing else.
    fn judge_watched(&self, control: &Target, seen: &Seen) -> Verdict {
        let watched = self.end().since(self.since);
        match self.overtaken.filter(|deadline| watched < *deadline) {
            Some(deadline) => no_control(format!(
                "{} came at {}, but events of one key are handled side by side, so that tells nothing of an earlier one: watch for its deadline of {} at least",
                control.what,
                seen.place(),
                duration(deadline)
            )),
            None => Verdict::Held(Proof::of(format!(
                "{} came at {}, and {} did not, watched for {}",
                control.what,
                seen.place(),
                self.unwanted.what,
                duration(watched)
            ))),
        }
    }
}

fn no_control(detail: String) -> Verdict {
    Verdict::CannotTell(Reason::NoPositiveControl { detail })
}

impl Oracle for StaysAbsent {
    fn observe(&mut self, observation: &Observation) {
        if Surroundings::concerns(observation) {
            self.surroundings.observe(observation);
        }
        self.retried.iter_mut().for_each(|one| one.observe(observation, &self.surroundings));
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
