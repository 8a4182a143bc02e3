//! The event reaches its topic in time, under its key, on its partition.

use std::time::Duration;

use super::{Handler, Oracle, Recognise, Target};
use crate::cause::{Near, Place};
use crate::{At, Cause, Observation, Proof, Reason, Seen, Surroundings, Verdict, Waited};

/// Waits for one event on its topic.
pub struct OnTopic {
    target: Target,
    since: At,
    limit: Duration,
    service: Option<String>,
    found: Option<Seen>,
    /// Where our own record stands, as the broker acknowledged it: one that cannot be read is known by nothing else.
    ours: Vec<Place>,
    /// When our own record was acknowledged: it was there by then, however late it was read.
    acknowledged: Option<At>,
    /// When the last of several was acknowledged: published again, it has its time again.
    again: Option<At>,
    /// Records without an id, whose place is not known yet.
    nameless: Vec<Seen>,
    /// The first record that says it is the event, on another topic.
    strayed: Option<Place>,
    /// The record since the beginning that is most like it.
    near: Option<Box<Near>>,
    fate: Option<Fate>,
    surroundings: Surroundings,
}

/// What became of a record that we published ourselves.
enum Fate {
    Refused(String),
    Unknown(String),
}

impl OnTopic {
    /// The event must be there within `limit` after `since`. `service` is who should publish it, for the diagnosis.
    pub fn new(target: Target, since: At, limit: Duration, service: Option<String>) -> OnTopic {
        OnTopic {
            target,
            since,
            limit,
            service,
            found: None,
            ours: Vec::new(),
            acknowledged: None,
            again: None,
            nameless: Vec::new(),
            strayed: None,
            near: None,
            fate: None,
            surroundings: Surroundings::default(),
        }
    }

    /// The record, once it was seen.
    pub fn found(&self) -> Option<&Seen> {
        self.found.as_ref()
    }

    /// From when on what follows from it has its time: from its record, or from the last one by which we published it again.
    pub(super) fn came_at(&self) -> Option<At> {
        let seen = self.found.as_ref()?;
        let known = self.acknowledged.filter(|_| self.read_late().is_some());
        let came = known.map_or(seen.at, |acknowledged| acknowledged.min(seen.at));
        Some(self.again.map_or(came, |again| again.max(came)))
    }

    /// Why its record may have been there before it was read.
    fn read_late(&self) -> Option<Reason> {
        let seen = self.found.as_ref()?;
        self.surroundings.late_sight(&seen.topic, self.since, seen.at)
    }

    /// What followed at `came`, within `limit` after the record was read: whether it did so within the limit after the record was there.
    pub(super) fn in_time(&self, handler: &Handler, came: At, limit: Duration) -> Result<(), Reason> {
        // Where it was acknowledged, that says when it came.
        let Some(reason) = self.read_late().filter(|_| self.acknowledged.is_none()) else { return Ok(()) };
        let earliest = self.surroundings.deadline_base(&handler.service, &handler.group, self.since, came);
        if came.since(earliest) <= limit { Ok(()) } else { Err(reason) }
    }

    /// What is waited for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// From when on it is waited for.
    pub(super) fn since(&self) -> At {
        self.since
    }

    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    fn note_acknowledged(&mut self, place: Place, at: At) {
        if self.ours.contains(&place) || *place.topic != *self.target.topic {
            return;
        }
        if !self.ours.is_empty() {
            self.again = self.again.max(Some(at));
        }
        self.acknowledged.get_or_insert(at);
        let is_there = |seen: &&Seen| seen.place() == place;
        self.found = self.found.take().or_else(|| self.nameless.iter().find(is_there).cloned());
        self.ours.push(place);
    }

    fn note_seen(&mut self, seen: &Seen) {
        let is_it = self.target.matches(seen) || self.ours.contains(&seen.place());
        if self.found.is_none() && is_it {
            self.found = Some(seen.clone());
        } else if self.strayed.is_none() && self.target.strayed_to(seen) {
            self.strayed = Some(seen.place());
        } else if seen.at >= self.since {
            self.note_near(seen);
        }
        let may_be_ours = self.target.id().is_some() && seen.id.is_none() && seen.topic == self.target.topic;
        self.nameless.extend((self.found.is_none() && may_be_ours).then(|| seen.clone()));
    }

    fn note_near(&mut self, seen: &Seen) {
        let best = self.near.as_ref().map_or(usize::MAX, |near| near.differs.len());
        if let Some(near) = self.target.nearly(seen, self.since).filter(|near| near.differs.len() < best) {
            self.near = Some(Box::new(near));
        }
    }

    fn note_fate(&mut self, event: &str, fate: Fate) {
        if matches!(&self.target.recognise, Recognise::Id(id) if **id == *event) {
            self.fate = Some(fate);
        }
    }

    fn judge_found(&self, seen: &Seen) -> Verdict {
        let what = self.target.what.clone();
        let place = seen.place();
        if let Some(expected) = &self.target.key
            && seen.key.as_deref() != Some(expected)
        {
            let actual = seen.key.as_deref().map(str::to_owned);
            return Verdict::Broken(Cause::WrongKey { what, place, expected: expected.clone(), actual });
        }
        if let (Some(expected), Some(key)) = (self.target.partition, &self.target.key)
            && expected != seen.partition
        {
            return Verdict::Broken(Cause::WrongPartition { what, place, key: key.clone(), expected });
        }
        let took = seen.at.since(self.since);
        if took > self.limit {
            return match self.surroundings.late_sight(&seen.topic, self.since, seen.at) {
                Some(reason) => Verdict::CannotTell(reason),
                None => Verdict::Broken(Cause::Late { what, limit: self.limit, by: took - self.limit }),
            };
        }
        Verdict::Held(Proof::timed(format!("seen at {place}"), took))
    }

    fn judge_absent(&self, now: At) -> Verdict {
        match &self.fate {
            Some(Fate::Refused(error)) => {
                let event = self.target.what.clone();
                return Verdict::CannotTell(Reason::NotPublished { event, error: error.clone() });
            }
            Some(Fate::Unknown(error)) if now > self.since + self.limit => {
                let event = self.target.what.clone();
                return Verdict::CannotTell(Reason::OutcomeUnknown { event, error: error.clone() });
            }
            _ => {}
        }
        if now <= self.since + self.limit + crate::surroundings::grace(self.limit) {
            return Verdict::NotYet;
        }
        let own_doing = self.service.as_deref().and_then(|service| self.surroundings.away_by_us(service));
        let blindness = || self.surroundings.blindness(&self.target.topic, self.since, now);
        if let Some(reason) = own_doing.or_else(blindness) {
            return Verdict::CannotTell(reason);
        }
        Verdict::Broken(Cause::NotOnTopic {
            what: self.target.what.clone(),
            topic: self.target.topic.to_string(),
            waited: Waited { limit: self.limit, watched: now.since(self.since) },
            instead: self.strayed.clone(),
            near: self.near.clone(),
            death: self.service.as_deref().and_then(|service| self.surroundings.death(service)).cloned(),
            refusal: self.service.as_deref().and_then(|service| self.surroundings.refusal(service)).map(Box::new),
        })
    }
}

impl Oracle for OnTopic {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        match observation {
            Observation::Seen(seen) => self.note_seen(seen),
            Observation::Acknowledged { event, topic, partition, offset, at } if self.target.id() == Some(event) => {
                self.note_acknowledged(Place { topic: topic.to_string(), partition: *partition, offset: *offset }, *at);
            }
            Observation::Refused { event, error, .. } => self.note_fate(event, Fate::Refused(error.clone())),
            Observation::Unknown { event, error, .. } => self.note_fate(event, Fate::Unknown(error.clone())),
            _ => {}
        }
    }

    fn awaits(&self) -> Option<&Target> {
        Some(&self.target)
    }

    fn verdict(&self, now: At) -> Verdict {
        match &self.found {
            Some(seen) => self.judge_found(seen),
            None => self.judge_absent(now),
        }
    }
}
