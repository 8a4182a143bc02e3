//! A group has committed past an event.

use std::time::Duration;

use super::tracked::Tracked;
use super::{Handler, OnTopic, Oracle, Target};
use crate::cause::Place;
use crate::surroundings::grace;
use crate::{At, Cause, GroupState, Observation, Proof, Reason, Verdict, Waited};

/// Committed offsets are asked for in rounds: a commit may be this much older than the answer that showed it. Rounds that take longer
/// are told as spans in which the group was not seen.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// Waits until a group has committed past a record. It proves "read"; whether it is also "done" depends on
/// when the service commits.
pub struct Processed {
    on_topic: OnTopic,
    /// Every place where it stands: published again, it is processed once the group is past the last.
    event: Tracked,
    handler: Handler,
    limit: Duration,
    past: Option<At>,
}

impl Processed {
    /// The group must be past the event within `limit` after the event was seen on the topic (which itself must
    /// happen within `appears` after `since`).
    pub fn new(target: Target, since: At, appears: Duration, handler: Handler, limit: Duration) -> Processed {
        let event = Tracked::new(target.clone());
        Processed { on_topic: OnTopic::new(target, since, appears, None), event, handler, limit, past: None }
    }

    /// The first place that the group is not past, or the last of all.
    fn place(&self) -> Option<Place> {
        let found = self.on_topic.found()?;
        let open = self.event.open_place(self.on_topic.surroundings(), &self.handler.group);
        Some(open.or(self.event.places.last()).cloned().unwrap_or_else(|| found.place()))
    }

    fn judge_past(&self, base: At, past: At, place: &Place) -> Verdict {
        let took = past.since(base);
        let what = format!("the commit of group \"{}\" past {place}", self.handler.group);
        if took > self.limit && took <= self.limit + ASKED_EVERY {
            let earliest = took.saturating_sub(ASKED_EVERY);
            return Verdict::CannotTell(Reason::BetweenSamples { earliest, latest: took, limit: self.limit });
        }
        if took > self.limit {
            // What was committed while nobody saw the group bears a later time than it had.
            let unseen = self.on_topic.surroundings().unseen_before(&self.handler.group, past, ASKED_EVERY);
            let earliest = unseen.as_ref().map_or(past, |(since, _)| *since).since(base);
            return match unseen {
                Some((_, reason)) if earliest <= self.limit => Verdict::CannotTell(reason),
                _ => Verdict::Broken(Cause::Late { what, limit: self.limit, by: earliest - self.limit }),
            };
        }
        if let Err(reason) = self.on_topic.in_time(&self.handler, past, self.limit) {
            return Verdict::CannotTell(reason);
        }
        Verdict::Held(Proof::timed(format!("group \"{}\" committed past {place}", self.handler.group), took))
    }
}

impl Oracle for Processed {
    fn observe(&mut self, observation: &Observation) {
        self.on_topic.observe(observation);
        self.event.observe(observation, "");
        let is_past = self.event.is_past(self.on_topic.surroundings(), &self.handler.group);
        self.past = is_past.then(|| self.past.unwrap_or(observation.at()));
    }

    fn awaits(&self) -> Option<&Target> {
        Some(self.on_topic.target())
    }

    fn verdict(&self, now: At) -> Verdict {
        let (Some(came), Some(place)) = (self.on_topic.came_at(), self.place()) else {
            return self.on_topic.verdict(now);
        };
        let (service, group) = (&self.handler.service, &self.handler.group);
        let surroundings = self.on_topic.surroundings();
        let base = surroundings.deadline_base(service, group, came, self.past.unwrap_or(now));
        if let Some(past) = self.past {
            return self.judge_past(base, past, &place);
        }
        if now <= base + self.limit + grace(self.limit) {
            return Verdict::NotYet;
        }
        let blindness = || surroundings.blindness(group, base, now);
        if let Some(reason) = surroundings.own_doing(service, group).or_else(blindness) {
            return Verdict::CannotTell(reason);
        }
        // A group that is there but has nobody in it, or is not settled, is what it looks like.
        let tells = matches!(surroundings.group_state(group), Some(GroupState::Empty | GroupState::Rebalancing));
        if !tells && !surroundings.ever_committed(group) && surroundings.death(service).is_none() {
            let detail = format!(
                "group \"{group}\" was never seen to commit anything: where it keeps its offsets elsewhere, only an effect shows what it has read"
            );
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        }
        Verdict::Broken(Cause::NotProcessed {
            group: group.clone(),
            waited: Waited { limit: self.limit, watched: now.since(base) },
            missing: surroundings.explain(service, group, &place),
        })
    }
}
