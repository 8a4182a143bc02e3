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
        if self.committed_past.is_some() || self.event.places.len() < self.copies {
            return;
        }
        let all_past = |place| self.surroundings.is_past(&self.handler.group, place);
        if self.event.places.iter().all(all_past) {
            self.committed_past = Some(at);
        }
    }

    /// The sentinel stands behind every copy, on their partition, and had its effect.
    fn sentinel_passed(&self) -> bool {
        let Some(sentinel) = &self.sentinel else { return false };
        let behind = match (sentinel.places.first(), self.event.last_copy()) {
            (Some(sentinel), Some(copy)) => sentinel.partition == copy.partition && sentinel.offset > copy.offset,
            _ => false,
        };
        behind && !sentinel.effects.is_empty() && self.event.places.len() >= self.copies
    }

    fn judge_once(&self, now: At) -> Verdict {
        if self.sentinel_passed() {
            return Verdict::Held(Proof::of(format!(
                "one effect of {} copies; a later event of the same key has had its own",
                self.copies
            )));
        }
        if let Some(past) = self.committed_past
            && now >= past + self.settling
        {
            return match self.surroundings.blindness(&self.view, self.since, now) {
                Some(reason) => Verdict::CannotTell(reason),
                None => Verdict::Held(Proof::of(format!(
                    "one effect of {} copies; group \"{}\" has committed past the last, and nothing followed for {}",
                    self.copies,
                    self.handler.group,
                    crate::cause::duration(self.settling)
                ))),
            };
        }
        self.unproved(now)
    }

    fn unproved(&self, now: At) -> Verdict {
        if let Some(death) = self.surroundings.death(&self.handler.service) {
            return Verdict::Broken(Cause::ServiceDied(death.clone()));
        }
        let waited = now.since(self.since);
        if waited <= self.limit + self.settling + grace(self.limit) {
            return Verdict::NotYet;
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
        if let Some(reason) = self.surroundings.blindness(&self.view, self.since, now) {
            return Verdict::CannotTell(reason);
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
