//! Every event that reached its topic has its effect, whatever happened to the service in between.

use std::time::Duration;

use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, Oracle, Target};
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict};

/// Many events, each of which must have its effect at least once.
pub struct NoneLost {
    events: Vec<Tracked>,
    handler: Handler,
    view: Name,
    since: At,
    limit: Duration,
    surroundings: Surroundings,
}

impl NoneLost {
    /// Every event must have an effect in `view` within `limit` after the last of them was on its topic, or after
    /// the service's group was stable again if we had disturbed the service.
    pub fn new(events: Vec<Target>, handler: Handler, view: &str, since: At, limit: Duration) -> NoneLost {
        NoneLost {
            events: events.into_iter().map(Tracked::new).collect(),
            handler,
            view: view.into(),
            since,
            limit,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where the service puts what failed into retry topics.
    pub fn retried_over(self, path: &RetryPath) -> NoneLost {
        let events = self.events.into_iter().map(|event| event.retried_over(path.clone())).collect();
        NoneLost { events, ..self }
    }

    /// These and those of another, all for the same handler and view.
    pub fn and(self, other: NoneLost) -> NoneLost {
        let events = self.events.into_iter().chain(other.events).collect();
        NoneLost { events, since: self.since.min(other.since), ..self }
    }

    fn base(&self, now: At) -> At {
        let last = self.events.iter().filter_map(|event| event.last_seen).max().unwrap_or(self.since);
        self.surroundings.deadline_base(&self.handler.service, &self.handler.group, last, now)
    }

    fn held(&self, judged: usize) -> Verdict {
        let uncertain = self.events.len() - judged;
        let rest = match uncertain {
            0 => String::new(),
            n => format!("; {n} whose publishing failed or is uncertain are not judged"),
        };
        Verdict::Held(Proof::of(format!("all {judged} events had their effect in view \"{}\"{rest}", self.view)))
    }

    fn lost(&self, leg: String, lost: &[&Tracked], of: usize) -> Verdict {
        let first = lost.iter().find_map(|event| Some((event, event.places.first()?)));
        Verdict::Broken(Cause::Lost {
            leg,
            lost: lost.len() as u64,
            of: of as u64,
            examples: lost.iter().take(3).map(|event| event.label()).collect(),
            missing: first.map(|(event, place)| event.explain(&self.surroundings, &self.handler, place)),
        })
    }

    fn judge_missing(&self, judged: &[&Tracked], now: At) -> Verdict {
        let base = self.base(now);
        let without = judged.iter().filter(|event| event.effects.is_empty());
        let allowance = without.map(|event| event.waiting.allowance()).max().unwrap_or_default();
        if now <= base + self.limit + allowance + grace(self.limit) {
            return Verdict::NotYet;
        }
        let unseen: Vec<_> = judged.iter().copied().filter(|event| event.last_seen.is_none()).collect();
        let unseen_on = unseen.first().map_or(&self.view, |event| &event.target.topic);
        let blindness = || self.surroundings.blindness(unseen_on, self.since, now);
        // Who never wrote it is another question than who never read it.
        let own_doing =
            self.surroundings.own_doing(&self.handler.service, &self.handler.group).filter(|_| unseen.is_empty());
        if let Some(reason) = own_doing.or_else(blindness) {
            return Verdict::CannotTell(reason);
        }
        if !unseen.is_empty() {
            return self.lost("topic".to_owned(), &unseen, judged.len());
        }
        let lost: Vec<_> = judged.iter().copied().filter(|event| event.effects.is_empty()).collect();
        self.lost(self.handler.group.clone(), &lost, judged.len())
    }
}

impl Oracle for NoneLost {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.events.iter_mut().for_each(|event| event.observe(observation, &self.view));
    }

    fn verdict(&self, now: At) -> Verdict {
        // An event whose publishing failed or is uncertain is judged only once it was seen after all.
        let judged: Vec<_> = self
            .events
            .iter()
            .filter(|event| event.last_seen.is_some() || (event.refused.is_none() && event.uncertain.is_none()))
            .collect();
        if judged.is_empty() {
            let detail = "none of the events was published".to_owned();
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        }
        if judged.iter().all(|event| !event.effects.is_empty()) {
            return self.held(judged.len());
        }
        self.judge_missing(&judged, now)
    }
}
