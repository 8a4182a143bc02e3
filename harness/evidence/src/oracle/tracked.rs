//! An event on its way: every copy of it on the topic, every effect of it.

use super::waiting::{BYTES, Known, RetryPath, Waiting};
use super::{Handler, Target};
use crate::cause::{Missing, Place};
use crate::{At, Name, Observation, Reason, Surroundings};

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
    /// When the first of them was seen.
    pub first_effect: Option<At>,
    /// When the last of them was seen.
    pub last_effect: Option<At>,
    /// Its records in retry topics.
    pub waiting: Waiting,
    /// Its records on the dead-letter topic.
    pub letters: Waiting,
    /// Which bytes its payload is, where the recorder says so.
    bytes: Option<Name>,
    /// Effects so far, of whatever event.
    all_effects: u64,
    /// Effects that came before the event's id was known: a service may be faster than the recorder.
    early: Vec<(Name, u64, At)>,
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
            first_effect: None,
            last_effect: None,
            waiting: Waiting::default(),
            letters: Waiting::default(),
            bytes: None,
            all_effects: 0,
            early: Vec::new(),
        }
    }

    /// The same event, where its handler may put it into retry topics, and on a dead-letter topic in the end.
    pub fn retried_over(self, path: RetryPath) -> Tracked {
        Tracked { letters: Waiting::letters(path.dead.clone()), waiting: Waiting::on(path), ..self }
    }

    /// Takes in one observation; effects count in `view` only.
    pub fn observe(&mut self, observation: &Observation, view: &str) {
        self.learn(observation, view);
        let known = Known { id: self.id.as_ref(), places: &self.places, bytes: self.bytes.as_ref(), waits: &[] };
        self.waiting.observe(observation, &known);
        self.letters.observe(observation, &Known { waits: self.waiting.waits(), ..known });
    }

    fn learn(&mut self, observation: &Observation, view: &str) {
        match observation {
            Observation::Seen(seen) if self.target.matches(seen) => {
                self.learn_id(seen.id.as_ref());
                self.first_seen.get_or_insert(seen.at);
                self.last_seen = Some(seen.at);
                self.bytes = self.bytes.take().or_else(|| seen.field(BYTES).map(Into::into));
                self.found_at(seen.place());
            }
            Observation::Acknowledged { event, topic, partition, offset, .. } if self.is(event) => {
                self.acknowledged = true;
                self.found_at(Place { topic: topic.to_string(), partition: *partition, offset: *offset });
            }
            Observation::Unknown { event, error, .. } if self.is(event) => self.uncertain = Some(error.clone()),
            Observation::Refused { event, error, .. } if self.is(event) => self.refused = Some(error.clone()),
            Observation::Effect { view: of, event, at, .. } if &**of == view => self.effect_of(event, *at),
            _ => {}
        }
    }

    fn learn_id(&mut self, id: Option<&Name>) {
        if let (None, Some(id)) = (&self.id, id) {
            self.id = Some(id.clone());
            let early = std::mem::take(&mut self.early);
            for (_, index, at) in early.into_iter().filter(|(event, ..)| event == id) {
                self.effects.push(index);
                self.first_effect.get_or_insert(at);
                self.last_effect = Some(at);
            }
        }
    }

    fn effect_of(&mut self, event: &Name, at: At) {
        self.all_effects += 1;
        match &self.id {
            Some(id) if id == event => {
                self.effects.push(self.all_effects);
                self.first_effect.get_or_insert(at);
                self.last_effect = Some(at);
            }
            Some(_) => {}
            None => self.early.push((event.clone(), self.all_effects, at)),
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

    /// Where it stands that a group is not past, first.
    pub fn open_place(&self, around: &Surroundings, group: &str) -> Option<&Place> {
        self.places.iter().find(|place| !around.is_past(group, place))
    }

    /// Whether it is there, and a group is past every place of it. One that is set back is not any more.
    pub fn is_past(&self, around: &Surroundings, group: &str) -> bool {
        !self.places.is_empty() && self.open_place(around, group).is_none()
    }

    /// The copy furthest along on the partition of the first one.
    pub fn last_copy(&self) -> Option<&Place> {
        let first = self.places.first()?;
        self.places.iter().filter(|place| place.partition == first.partition).max_by_key(|place| place.offset)
    }

    /// Which attempt the record of that number in a retry topic waits for; every copy has its own.
    fn attempt(&self, number: usize) -> usize {
        number / self.places.len().max(1) + 2
    }

    /// Why it may have had no effect: it was given up, it waits for another try, or what is around it explains it.
    pub fn explain(&self, around: &Surroundings, handler: &Handler, place: &Place) -> Missing {
        let (service, group) = (&handler.service, &handler.group);
        if around.death(service).is_some() {
            return around.explain(service, group, place);
        }
        if let Some(letter) = self.letters.waits().first() {
            return Missing::DeadLettered { record: place.clone(), letter: letter.place.clone() };
        }
        match (self.waiting.open(around), self.waiting.waits().last()) {
            (Some((number, wait)), _) => Missing::InRetryTopic {
                attempt: self.attempt(number),
                group: wait.group.clone(),
                record: wait.place.clone(),
            },
            (None, Some(last)) => around.explain(service, &last.group, &last.place),
            (None, None) => around.explain(service, group, place),
        }
    }

    /// The reason for having no verdict about what must not come, while it waits for another try.
    pub fn pending(&self, around: &Surroundings) -> Option<Reason> {
        let (number, wait) = self.waiting.open(around)?;
        let (attempt, group, place) = (self.attempt(number), wait.group.clone(), wait.place.to_string());
        Some(Reason::RetryPending { event: self.label(), attempt, group, place })
    }

    /// The reason for having no verdict about what it did, if we could not see whether it was put into a retry topic.
    pub fn blind_to_retries(&self, around: &Surroundings, from: At, to: At) -> Option<Reason> {
        self.waiting.topics().find_map(|topic| around.blindness(topic, from, to))
    }

    /// How messages call it: with its id once that is known.
    pub fn label(&self) -> String {
        match &self.id {
            Some(id) if !self.target.what.contains(&**id) => format!("{} ({id})", self.target.what),
            _ => self.target.what.clone(),
        }
    }
}
