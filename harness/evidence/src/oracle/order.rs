//! Events of one key keep their order: on the topic, and in their effects. First occurrences count: 1, 2, 3, 2, 3
//! is a legal redelivery. What waits in a retry topic may be overtaken: order is promised only of what was handled in place.

use std::time::Duration;

use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, Oracle, Target};
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict, Waited};

/// The events stand on one partition of their topic, in the order given.
pub struct TopicOrder {
    key: String,
    events: Vec<Tracked>,
    since: At,
    limit: Duration,
    surroundings: Surroundings,
}

impl TopicOrder {
    /// All events must be on the topic within `limit` after `since`, in this order, on one partition.
    pub fn new(key: &str, events: Vec<Target>, since: At, limit: Duration) -> TopicOrder {
        let events = events.into_iter().map(Tracked::new).collect();
        TopicOrder { key: key.to_owned(), events, since, limit, surroundings: Surroundings::default() }
    }
}

impl Oracle for TopicOrder {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.events.iter_mut().for_each(|event| event.observe(observation, ""));
    }

    fn verdict(&self, now: At) -> Verdict {
        if let Some(absent) = self.events.iter().find(|event| event.first_seen.is_none()) {
            return absent_from_topic(absent, &self.surroundings, self.since, self.limit, now);
        }
        let firsts: Vec<_> = self.events.iter().filter_map(|event| event.places.first()).collect();
        let mut partitions: Vec<_> = firsts.iter().map(|place| place.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        if partitions.len() > 1 {
            let topic = self.events[0].target.topic.to_string();
            return Verdict::Broken(Cause::KeySplit { key: self.key.clone(), topic, partitions });
        }
        let offsets: Vec<_> = firsts.iter().map(|place| place.offset.unsigned_abs()).collect();
        in_order(&self.key, "on the topic", &self.events.iter().collect::<Vec<_>>(), &offsets)
    }
}

/// The effects of the events come in the order given.
pub struct EffectOrder {
    key: String,
    events: Vec<Tracked>,
    handler: Handler,
    view: Name,
    since: At,
    limit: Duration,
    surroundings: Surroundings,
}

impl EffectOrder {
    /// All events must have their effects in `view` within `limit` after `since`, in this order.
    pub fn new(
        key: &str,
        events: Vec<Target>,
        handler: Handler,
        view: &str,
        since: At,
        limit: Duration,
    ) -> EffectOrder {
        EffectOrder {
            key: key.to_owned(),
            events: events.into_iter().map(Tracked::new).collect(),
            handler,
            view: view.into(),
            since,
            limit,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where the service puts what failed into retry topics, and so lets later events of the key pass.
    pub fn retried_over(self, path: &RetryPath) -> EffectOrder {
        let events = self.events.into_iter().map(|event| event.retried_over(path.clone())).collect();
        EffectOrder { events, ..self }
    }

    /// Every event has had its effect: those that were never retried must have kept their order.
    fn judge_all(&self, now: At) -> Verdict {
        let in_place = |event: &&Tracked| event.waiting.waits().is_empty();
        let kept: Vec<&Tracked> = self.events.iter().filter(in_place).collect();
        let retried = self.events.len() - kept.len();
        let firsts: Vec<_> = kept.iter().filter_map(|event| event.effects.first().copied()).collect();
        if retried > 0 && kept.len() < 2 {
            let detail = format!(
                "{retried} of {} events of key \"{}\" were retried over topics, where later ones may pass them: order takes two that were not",
                self.events.len(),
                self.key
            );
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        }
        match in_order(&self.key, &format!("in view \"{}\"", self.view), &kept, &firsts) {
            Verdict::Broken(cause) => self.accuse(cause, &kept, now),
            Verdict::Held(proof) if retried > 0 => {
                Verdict::Held(Proof::of(format!("{}; {retried} retried over topics are not judged", proof.text)))
            }
            other => other,
        }
    }

    /// The recorder may learn of a record in a retry topic after the effects; and it must have been able to.
    fn accuse(&self, cause: Cause, kept: &[&Tracked], now: At) -> Verdict {
        let last = kept.iter().filter_map(|event| event.last_effect).max().unwrap_or(self.since);
        let has_retry_topics = kept.iter().any(|event| event.waiting.topics().next().is_some());
        if has_retry_topics && now <= last + grace(Duration::ZERO) {
            return Verdict::NotYet;
        }
        let blindness = kept.iter().find_map(|event| event.blind_to_retries(&self.surroundings, self.since, now));
        blindness.map_or(Verdict::Broken(cause), Verdict::CannotTell)
    }
}

impl Oracle for EffectOrder {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.events.iter_mut().for_each(|event| event.observe(observation, &self.view));
    }

    fn verdict(&self, now: At) -> Verdict {
        let Some(absent) = self.events.iter().find(|event| event.effects.is_empty()) else {
            return self.judge_all(now);
        };
        let Some(place) = absent.places.first() else {
            return absent_from_topic(absent, &self.surroundings, self.since, self.limit, now);
        };
        let seen = absent.first_seen.unwrap_or(self.since);
        let (service, group) = (&self.handler.service, &self.handler.group);
        let base = self.surroundings.deadline_base(service, group, seen, now);
        if now <= base + self.limit + absent.waiting.allowance() + grace(self.limit) {
            return Verdict::NotYet;
        }
        let blindness = || self.surroundings.blindness(&self.view, self.since, now);
        if let Some(reason) = self.surroundings.own_doing(service, group).or_else(blindness) {
            return Verdict::CannotTell(reason);
        }
        Verdict::Broken(Cause::NoEffect {
            what: format!("the effect of {}", absent.label()),
            waited: Waited { limit: self.limit, watched: now.since(base) },
            missing: absent.explain(&self.surroundings, &self.handler, place),
        })
    }
}

pub(super) fn absent_from_topic(
    absent: &Tracked,
    around: &Surroundings,
    since: At,
    limit: Duration,
    now: At,
) -> Verdict {
    if let Some(error) = &absent.refused {
        return Verdict::CannotTell(Reason::NotPublished { event: absent.label(), error: error.clone() });
    }
    if now <= since + limit + grace(limit) {
        return Verdict::NotYet;
    }
    if let Some(error) = &absent.uncertain {
        return Verdict::CannotTell(Reason::OutcomeUnknown { event: absent.label(), error: error.clone() });
    }
    if let Some(reason) = around.blindness(&absent.target.topic, since, now) {
        return Verdict::CannotTell(reason);
    }
    Verdict::Broken(Cause::NotOnTopic {
        what: absent.label(),
        topic: absent.target.topic.to_string(),
        waited: Waited { limit, watched: now.since(since) },
        instead: None,
        near: None,
        death: None,
        refusal: None,
    })
}

fn in_order(key: &str, leg: &str, events: &[&Tracked], positions: &[u64]) -> Verdict {
    let inverted = positions.windows(2).position(|pair| pair[0] > pair[1]);
    match inverted {
        Some(index) => Verdict::Broken(Cause::Reordered {
            key: key.to_owned(),
            leg: leg.to_owned(),
            first: events[index].label(),
            second: events[index + 1].label(),
        }),
        None => Verdict::Held(Proof::of(format!("{} events of key \"{key}\" in order {leg}", events.len()))),
    }
}
