//! A duplicate has no second effect. That counts only once the duplicate is known to have been handled.

use std::time::Duration;

use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, Oracle, Target};
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict, Waited};

/// An event that may be on its topic several times has its effect once.
///
/// Proof is either a sentinel (a later record of the same key whose effect was seen, where handling is serial per
/// key), or a committed offset past the last copy followed by a settling time without another effect. Neither counts while a
/// copy waits in a retry topic; where there are such, a sentinel too is followed by the settling time, since the recorder may
/// learn of a record there after the sentinel's effect.
pub struct ExactlyOnce {
    event: Tracked,
    copies: usize,
    sentinel: Option<Tracked>,
    handler: Handler,
    view: Name,
    settling: Duration,
    limit: Duration,
    since: At,
    /// Since when the group is past every copy, and nothing waits.
    committed_past: Option<At>,
    /// Since when the sentinel has had its effect, and nothing waits.
    sentinel_past: Option<At>,
    offsets_elsewhere: bool,
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
            sentinel_past: None,
            offsets_elsewhere: false,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where the service puts what failed into retry topics.
    pub fn retried_over(self, path: RetryPath) -> ExactlyOnce {
        ExactlyOnce { event: self.event.retried_over(path), ..self }
    }

    /// The same, where the group's committed offsets say nothing.
    pub fn offsets_elsewhere(self) -> ExactlyOnce {
        ExactlyOnce { offsets_elsewhere: true, ..self }
    }

    fn note_progress(&mut self, at: At, waits_before: usize) {
        if self.event.waiting.waits().len() != waits_before {
            (self.committed_past, self.sentinel_past) = (None, None);
        }
        let is_open = self.event.waiting.open(&self.surroundings).is_some();
        self.sentinel_past = if self.sentinel_passed() && !is_open { self.sentinel_past.or(Some(at)) } else { None };
        self.note_commit(at, is_open);
    }

    fn note_commit(&mut self, at: At, is_open: bool) {
        let all_known = self.event.places.len() >= self.copies;
        let is_past = || self.event.is_past(&self.surroundings, &self.handler.group);
        // Another copy, or a group set back, begins it anew.
        self.committed_past = match all_known && !is_open && !self.offsets_elsewhere && is_past() {
            true => self.committed_past.or(Some(at)),
            false => None,
        };
    }

    /// The sentinel stands behind every copy, on their partition, and had its effect.
    fn sentinel_passed(&self) -> bool {
        let Some(sentinel) = &self.sentinel else { return false };
        let Some(place) = sentinel.places.first() else { return false };
        let is_before = |copy: &crate::cause::Place| {
            (&copy.topic, copy.partition) == (&place.topic, place.partition) && copy.offset < place.offset
        };
        self.event.places.len() >= self.copies
            && self.event.places.iter().all(is_before)
            && !sentinel.effects.is_empty()
    }

    fn judge_once(&self, now: At) -> Verdict {
        // Whoever holds an event in hand while it is paused has its effect when it goes on.
        if let Some(reason) = self.surroundings.paused_by_us(&self.handler.service) {
            return self.blind_so_far(reason, now);
        }
        let Some(proof) = self.proof(now) else { return self.unproved(now) };
        let around = &self.surroundings;
        let blindness = around.blindness(&self.view, self.since, now);
        match blindness.or_else(|| self.event.blind_to_retries(around, self.since, now)) {
            Some(reason) => self.blind_so_far(reason, now),
            None => Verdict::Held(Proof::of(proof)),
        }
    }

    /// What shows that every copy was handled and no second effect comes, if anything does yet.
    fn proof(&self, now: At) -> Option<String> {
        let again = match self.event.waiting.waits().len() {
            0 => String::new(),
            1 => "; a record in a retry topic was read as well".to_owned(),
            n => format!("; {n} records in retry topics were read as well"),
        };
        let has_retry_topics = self.event.waiting.topics().next().is_some();
        let went_on = self.surroundings.went_on_at(&self.handler.service);
        let went_on = went_on.filter(|at| self.event.first_seen.is_some_and(|seen| *at >= seen));
        let settling = if has_retry_topics || went_on.is_some() { self.settling } else { Duration::ZERO };
        let behind = |past: At| went_on.map_or(past, |at| past.max(at));
        if self.sentinel_past.is_some_and(|past| now >= behind(past) + settling) {
            let copies = self.copies;
            return Some(format!(
                "one effect of {copies} copies; a later event of the same key has had its own{again}"
            ));
        }
        // The second effect may come as late after the first as the first after the record; and what a step before this one caused anew,
        // on whatever way, has its time from now on.
        let past = behind(self.committed_past?).max(self.event.last_effect.unwrap_or(self.since)).max(self.since);
        (now >= past + self.settling).then(|| {
            format!(
                "one effect of {} copies; group \"{}\" has committed past the last, and nothing followed for {}{again}",
                self.copies,
                self.handler.group,
                crate::cause::duration(self.settling)
            )
        })
    }

    /// From when on it may take so long: not before the group is whole again after what we did to it.
    fn base(&self, now: At) -> At {
        self.surroundings.deadline_base(&self.handler.service, &self.handler.group, self.since, now)
    }

    /// How long it may take in all until there is a proof.
    fn patience(&self) -> Duration {
        // Nothing could prove it: only a second effect is still waited for.
        if self.offsets_elsewhere && self.sentinel.is_none() && !self.event.effects.is_empty() {
            return self.settling + self.event.waiting.allowance() + grace(self.settling);
        }
        self.limit + self.settling + self.event.waiting.allowance() + grace(self.limit)
    }

    /// The view could not be seen for a while: a second effect may have hidden there, unless it catches up.
    fn blind_so_far(&self, reason: Reason, now: At) -> Verdict {
        let over = now.since(self.base(now)) > self.patience();
        if over { Verdict::CannotTell(reason) } else { Verdict::NotYet }
    }

    fn unproved(&self, now: At) -> Verdict {
        if let Some(death) = self.surroundings.death(&self.handler.service) {
            return Verdict::Broken(Cause::ServiceDied(death.clone()));
        }
        let waited = Waited { limit: self.limit, watched: now.since(self.base(now)) };
        if waited.watched <= self.patience() {
            return Verdict::NotYet;
        }
        let own_doing = self.surroundings.own_doing(&self.handler.service, &self.handler.group);
        if let Some(reason) = own_doing.or_else(|| self.event.pending(&self.surroundings)) {
            return Verdict::CannotTell(reason);
        }
        if self.offsets_elsewhere && self.event.places.len() >= self.copies {
            let detail = match self.sentinel {
                None => {
                    "the contract names no `sentinel` whose effect would show that the copies were handled".to_owned()
                }
                Some(_) => format!("no effect of the sentinel was seen within {waited}"),
            };
            return Verdict::CannotTell(Reason::OffsetsElsewhere { group: self.handler.group.clone(), detail });
        }
        let detail = match self.event.last_copy() {
            Some(place) if self.event.places.len() >= self.copies => {
                self.event.explain(&self.surroundings, &self.handler, place).to_string()
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
        let waited = Waited { limit: self.limit, watched: now.since(self.base(now)) };
        if waited.watched <= self.limit + self.event.waiting.allowance() + grace(self.limit) {
            return Verdict::NotYet;
        }
        let unseen_on = if self.event.places.is_empty() { &self.event.target.topic } else { &self.view };
        let blindness = || self.surroundings.blindness(unseen_on, self.since, now);
        if let Some(reason) = self.surroundings.own_doing(&self.handler.service, &self.handler.group).or_else(blindness)
        {
            return Verdict::CannotTell(reason);
        }
        if let Some(error) = self.event.uncertain.clone().filter(|_| self.event.places.is_empty()) {
            return Verdict::CannotTell(Reason::OutcomeUnknown { event: self.event.label(), error });
        }
        let what = format!("an effect of {} in view \"{}\"", self.event.label(), self.view);
        match self.event.places.first() {
            Some(place) => {
                let missing = self.event.explain(&self.surroundings, &self.handler, place);
                Verdict::Broken(Cause::NoEffect { what, waited, missing })
            }
            None => Verdict::Broken(Cause::NotOnTopic {
                what: self.event.label(),
                topic: self.event.target.topic.to_string(),
                waited,
                instead: None,
                near: None,
                death: None,
                refusal: None,
            }),
        }
    }
}

impl Oracle for ExactlyOnce {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        let waits = self.event.waiting.waits().len();
        self.event.observe(observation, &self.view);
        if let Some(sentinel) = &mut self.sentinel {
            sentinel.observe(observation, &self.view);
        }
        self.note_progress(observation.at(), waits);
    }

    fn awaits(&self) -> Option<&Target> {
        Some(&self.event.target)
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
