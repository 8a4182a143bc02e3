//! The event is on its topic once, and no second time while it is watched.

use std::time::Duration;

use super::{OnTopic, Oracle, Target};
use crate::cause::Place;
use crate::{At, Cause, Name, Observation, Proof, Verdict};

/// Watches for copies of one event for a while after it came.
pub struct OnTopicOnce {
    first: OnTopic,
    watch: Duration,
    /// Every place of every id that was seen: which id is the event's is known only once it came.
    seen: Vec<(Name, Place)>,
}

impl OnTopicOnce {
    /// `first` says when the event must be there; `watch`, how long after it no copy may come.
    pub fn new(first: OnTopic, watch: Duration) -> OnTopicOnce {
        OnTopicOnce { first, watch, seen: Vec::new() }
    }

    fn places(&self) -> Vec<&Place> {
        let id = self.first.found().and_then(|found| found.id.as_ref());
        self.seen.iter().filter(|(known, _)| Some(known) == id).map(|(_, place)| place).collect()
    }
}

impl Oracle for OnTopicOnce {
    fn observe(&mut self, observation: &Observation) {
        self.first.observe(observation);
        if let Observation::Seen(seen) = observation
            && let Some(id) = seen.id.clone()
            && seen.topic == self.first.target().topic
        {
            self.seen.push((id, seen.place()));
        }
    }

    fn awaits(&self) -> Option<&Target> {
        self.first.awaits()
    }

    fn verdict(&self, now: At) -> Verdict {
        let Some(found) = self.first.found() else { return self.first.verdict(now) };
        let places = self.places();
        if places.len() > 1 {
            let places = places.into_iter().map(ToString::to_string).collect();
            return Verdict::Broken(Cause::Doubled { what: self.first.target().what.clone(), places });
        }
        let until = found.at + self.watch;
        if now <= until {
            return Verdict::NotYet;
        }
        match self.first.surroundings().blindness(&found.topic, found.at, until) {
            Some(reason) => Verdict::CannotTell(reason),
            None => Verdict::Held(Proof::of(format!(
                "at {} only, for {}",
                found.place(),
                crate::cause::duration(self.watch)
            ))),
        }
    }
}
