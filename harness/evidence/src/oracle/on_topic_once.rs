//! The event is on its topic once, and no second time while it is watched.

use std::time::Duration;

use super::{OnTopic, Oracle, Target};
use crate::cause::Place;
use crate::{At, Cause, Name, Observation, Proof, Verdict};

/// Watches for copies of one event for a while after it came.
pub struct OnTopicOnce {
    first: OnTopic,
    watch: Duration,
    /// Watched is from then on: what a step before caused anew has its time.
    asked: At,
    /// Every place of every id that was seen: which id is the event's is known only once it came.
    seen: Vec<(Option<Name>, Place)>,
}

impl OnTopicOnce {
    /// `first` says when the event must be there; `watch`, how long after it no copy may come.
    pub fn new(first: OnTopic, watch: Duration) -> OnTopicOnce {
        OnTopicOnce { asked: first.since(), first, watch, seen: Vec::new() }
    }

    /// The same, asked at `asked` and not when the event came: only from then on is watched.
    pub fn asked_at(self, asked: At) -> OnTopicOnce {
        OnTopicOnce { asked, ..self }
    }

    /// Where the event stands. A record without an id was noted because it is the event by what else tells it; the same record may be
    /// read again after the recorder was cut off, and stands there once.
    fn places(&self) -> Vec<&Place> {
        let id = self.first.found().and_then(|found| found.id.as_ref());
        let mut places: Vec<&Place> = Vec::new();
        for (_, place) in self.seen.iter().filter(|(known, _)| known.as_ref() == id) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

impl Oracle for OnTopicOnce {
    fn observe(&mut self, observation: &Observation) {
        self.first.observe(observation);
        if let Observation::Seen(seen) = observation
            && seen.topic == self.first.target().topic
            && (seen.id.is_some() || self.first.target().matches(seen))
        {
            self.seen.push((seen.id.clone(), seen.place()));
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
        let until = found.at.max(self.asked) + self.watch;
        if now <= until {
            return Verdict::NotYet;
        }
        // What was seen first may have been the second.
        match self.first.surroundings().blindness(&found.topic, self.first.since(), until) {
            Some(reason) => Verdict::CannotTell(reason),
            None => Verdict::Held(Proof::of(format!(
                "at {} only, for {}",
                found.place(),
                crate::cause::duration(self.watch)
            ))),
        }
    }
}
