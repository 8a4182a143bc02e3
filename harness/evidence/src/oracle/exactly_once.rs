//! A duplicate has no second effect. That counts only once the duplicate is known to have been handled.

use std::time::Duration;

use super::tracked::Tracked;
use super::{Handler, Oracle, Target};
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict};

/// An event that may be on its topic several times has its effect once.
///
/// Proof is either a sentinel (a later record of the same key whose effect was seen, where handling is serial per
/// key), or a committed offset past the last copy followed by a settling time without another effect.
pub struct ExactlyOnce {
    event: Tracked,
    copies: usize,
    sentinel: Option<Tracked>,
    handler: Handler,
    view: Name,
    settling: Duration,
    limit: Duration,
    since: At,
    committed_past: Option<At>,
    surroundings: Surroundings,
}

impl ExactlyOnce {
    /// `copies`: how many records carry the event. `view` counts its effects. `settling`: how long the view must
    /// stay as it is after the committed offset. `limit`: how long all of it may take after `since`.
    #[allow(clippy::too_many_arguments)] // each is a part of the sentence that it judges
    pub fn new(
        event: Target,
        copies: usize,
        sentinel: Option<Target>,
        handler: Handler,
        view: &str,
        settling: Duration,
        since: At,
        limit: Duration,
    ) -> ExactlyOnce {
        ExactlyOnce {
            event: Tracked::new(event),
            copies,
            sentinel: sentinel.map(Tracked::new),
            handler,
            view: view.into(),
            settling,
            limit,
            since,
            committed_past: None,
            surroundings: Surroundings::default(),
        }
    }

    fn note_commit(&mut self, at: At) {
        let all_known = self.event.places.len() >= self.copies;
        let is_past = |place| self.surroundings.is_past(&self.handler.group, place);
        // Another copy, or a group set back, begins it anew.
        self.committed_past = match all_known && self.event.places.iter().all(is_past) {
            true => self.committed_past.or(Some(at)),
            false => None,
        };
    }

    /// The sentinel stands behind every copy, on their partition, and had its effect.
    fn sentinel_passed(&self) -> bool {
        let Some(sentinel) = &self.sentinel else { return false };
        let Some(place) = sentinel.places.first() else { return false };
        let is_before = |copy: &crate::cause::Place| copy.partition == place.partition && copy.offset < place.offset;
        self.event.places.len() >= self.copies
            && self.event.places.iter().all(is_before)
            && !sentinel.effects.is_empty()
    }

    fn judge_once(&self, now: At) -> Verdict {
        let proved = self.sentinel_passed() || self.committed_past.is_some_and(|past| now >= past + self.settling);
        if let Some(reason) = self.surroundings.blindness(&self.view, self.since, now).filter(|_| proved) {
            return self.blind_so_far(reason, now);
        }
        if self.sentinel_passed() {
            return Verdict::Held(Proof::of(format!(
                "one effect of {} copies; a later event of the same key has had its own",
                self.copies
            )));
        }
        if let Some(past) = self.committed_past
            && now >= past + self.settling
        {
            return Verdict::Held(Proof::of(format!(
                "one effect of {} copies; group \"{}\" has committed past the last, and nothing followed for {}",
                self.copies,
                self.handler.group,
                crate::cause::duration(self.settling)
            )));
        }
        self.unproved(now)
    }

    /// The view could not be seen for a while: a second effect may have hidden there, unless it catches up.
    fn blind_so_far(&self, reason: Reason, now: At) -> Verdict {
        let over = now.since(self.since) > self.limit + self.settling + grace(self.limit);
        if over { Verdict::CannotTell(reason) } else { Verdict::NotYet }
    }

    fn unproved(&self, now: At) -> Verdict {
        if let Some(death) = self.surroundings.death(&self.handler.service) {
            return Verdict::Broken(Cause::ServiceDied(death.clone()));
        }
        let waited = now.since(self.since);
        if waited <= self.limit + self.settling + grace(self.limit) {
            return Verdict::NotYet;
        }
        if let Some(reason) = self.surroundings.own_doing(&self.handler.service) {
            return Verdict::CannotTell(reason);
        }
        let detail = match self.event.last_copy() {
            Some(place) if self.event.places.len() >= self.copies => {
                self.surroundings.explain(&self.handler.service, &self.handler.group, place).to_string()
            }
            _ => format!("{} of {} copies were seen on the topic", self.event.places.len(), self.copies),
        };
        Verdict::CannotTell(Reason::DuplicateNotHandled { event: self.event.label(), waited, detail })
    }

    fn judge_none(&self, now: At) -> Verdict {
        if let Some(error) = &self.event.refused {
            let event = self.event.label();
            return Verdict::CannotTell(Reason::NotPublished { event, error: error.clone() });
        }
        let waited = now.since(self.since);
        if waited <= self.limit + grace(self.limit) {
            return Verdict::NotYet;
        }
        let unseen_on = if self.event.places.is_empty() { &self.event.target.topic } else { &self.view };
        let blindness = || self.surroundings.blindness(unseen_on, self.since, now);
        if let Some(reason) = self.surroundings.own_doing(&self.handler.service).or_else(blindness) {
            return Verdict::CannotTell(reason);
        }
        if let Some(error) = self.event.uncertain.clone().filter(|_| self.event.places.is_empty()) {
            return Verdict::CannotTell(Reason::OutcomeUnknown { event: self.event.label(), error });
        }
        let what = format!("an effect of {} in view \"{}\"", self.event.label(), self.view);
        match self.event.places.first() {
            Some(place) => {
                let missing = self.surroundings.explain(&self.handler.service, &self.handler.group, place);
                Verdict::Broken(Cause::NoEffect { what, waited, missing })
            }
            None => Verdict::Broken(Cause::NotOnTopic {
                what: self.event.label(),
                topic: self.event.target.topic.to_string(),
                waited,
                instead: None,
                near: None,
                death: None,
            }),
        }
    }
}

impl Oracle for ExactlyOnce {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.event.observe(observation, &self.view);
        if let Some(sentinel) = &mut self.sentinel {
            sentinel.observe(observation, &self.view);
        }
        self.note_commit(observation.at());
    }

    fn verdict(&self, now: At) -> Verdict {
        match self.event.effects.len() {
            0 => self.judge_none(now),
            1 => self.judge_once(now),
            actual => Verdict::Broken(Cause::Repeated {
                what: self.event.label(),
                view: self.view.to_string(),
                expected: 1,
                actual: actual as u64,
            }),
        }
    }
}
