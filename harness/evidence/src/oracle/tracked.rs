//! An event on its way: every copy of it on the topic, every effect of it.

use super::Target;
use crate::cause::Place;
use crate::{At, Name, Observation};

/// What has been seen of one target.
pub(super) struct Tracked {
    pub target: Target,
    /// Its id: ours from the start, a service's from the first record.
    pub id: Option<Name>,
    /// Every place where it was acknowledged or seen, in order of discovery, each once.
    pub places: Vec<Place>,
    pub first_seen: Option<At>,
    pub last_seen: Option<At>,
    pub acknowledged: bool,
    pub uncertain: Option<String>,
    pub refused: Option<String>,
    /// Its effects, as positions among all effects of the view.
    pub effects: Vec<u64>,
    /// Effects so far, of whatever event.
    all_effects: u64,
    /// Effects that came before the event's id was known: a service may be faster than the recorder.
    early: Vec<(Name, u64)>,
}

impl Tracked {
    pub fn new(target: Target) -> Tracked {
        let id = target.id().cloned();
        Tracked {
            target,
            id,
            places: Vec::new(),
            first_seen: None,
            last_seen: None,
            acknowledged: false,
            uncertain: None,
            refused: None,
            effects: Vec::new(),
            all_effects: 0,
            early: Vec::new(),
        }
    }

    /// Takes in one observation; effects count in `view` only.
    pub fn observe(&mut self, observation: &Observation, view: &str) {
        match observation {
            Observation::Seen(seen) if self.target.matches(seen) => {
                self.learn_id(seen.id.as_ref());
                self.first_seen.get_or_insert(seen.at);
                self.last_seen = Some(seen.at);
                self.found_at(seen.place());
            }
            Observation::Acknowledged { event, topic, partition, offset, .. } if self.is(event) => {
                self.acknowledged = true;
                self.found_at(Place { topic: topic.to_string(), partition: *partition, offset: *offset });
            }
            Observation::Unknown { event, error, .. } if self.is(event) => self.uncertain = Some(error.clone()),
            Observation::Refused { event, error, .. } if self.is(event) => self.refused = Some(error.clone()),
            Observation::Effect { view: of, event, .. } if &**of == view => self.effect_of(event),
            _ => {}
        }
    }

    fn learn_id(&mut self, id: Option<&Name>) {
        if let (None, Some(id)) = (&self.id, id) {
            self.id = Some(id.clone());
            let early = std::mem::take(&mut self.early);
            self.effects.extend(early.into_iter().filter(|(event, _)| event == id).map(|(_, index)| index));
        }
    }

    fn effect_of(&mut self, event: &Name) {
        self.all_effects += 1;
        match &self.id {
            Some(id) if id == event => self.effects.push(self.all_effects),
            Some(_) => {}
            None => self.early.push((event.clone(), self.all_effects)),
        }
    }

    fn is(&self, event: &Name) -> bool {
        self.id.as_ref() == Some(event)
    }

    fn found_at(&mut self, place: Place) {
        if !self.places.contains(&place) {
            self.places.push(place);
        }
    }

    /// The copy furthest along on the partition of the first one.
    pub fn last_copy(&self) -> Option<&Place> {
        let first = self.places.first()?;
        self.places.iter().filter(|place| place.partition == first.partition).max_by_key(|place| place.offset)
    }

    /// How messages call it: with its id once that is known.
    pub fn label(&self) -> String {
        match &self.id {
            Some(id) if !self.target.what.contains(&**id) => format!("{} ({id})", self.target.what),
            _ => self.target.what.clone(),
        }
    }
}
