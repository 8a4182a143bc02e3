//! How one event is told from all others on a busy topic.

use crate::cause::{Near, Place};
use crate::{At, Name, Seen};

/// One event that is waited for.
#[derive(Clone, Debug)]
pub struct Target {
    /// What messages call it.
    pub what: String,
    /// The topic where it belongs.
    pub topic: Name,
    pub recognise: Recognise,
    /// The key that the contract gives it.
    pub key: Option<String>,
    /// The partition where its producer's partitioner puts that key.
    pub partition: Option<i32>,
    /// When what causes it began: a record that was seen before is another one, like it as it may be.
    pub from: At,
}

/// Who should turn the event into an effect.
#[derive(Clone, Debug)]
pub struct Handler {
    pub service: String,
    pub group: String,
}

/// By what an event is recognised.
#[derive(Clone, Debug)]
pub enum Recognise {
    /// Its id: we chose it.
    Id(Name),
    /// Its type and some of its fields (JSON pointer, text): a service chose its id.
    Fields { event_type: Name, fields: Vec<(Name, Name)> },
    /// Its type and the correlation id that it carries, wherever the contract says that it does.
    Correlated { event_type: Name, correlation: Name },
    /// Some of its fields or headers (`$message.header#/name`), whatever its type: a dead letter says where its record stood.
    Marks(Vec<(Name, Name)>),
}

impl Target {
    /// The event's id, where we chose it.
    pub fn id(&self) -> Option<&Name> {
        match &self.recognise {
            Recognise::Id(id) => Some(id),
            Recognise::Fields { .. } | Recognise::Correlated { .. } | Recognise::Marks(_) => None,
        }
    }

    /// Whether this record is the event, on its topic: on whatever partition and under whatever key.
    pub fn matches(&self, seen: &Seen) -> bool {
        seen.topic == self.topic && seen.at >= self.from && self.is_said_by(seen)
    }

    /// Whether a record on another topic says that it is the event that a service should have put on this one. A copy of an
    /// event with a known id is no such thing: it may be a dead letter.
    pub(super) fn strayed_to(&self, seen: &Seen) -> bool {
        matches!(self.recognise, Recognise::Fields { .. } | Recognise::Correlated { .. })
            && seen.at >= self.from
            && seen.topic != self.topic
            && self.is_said_by(seen)
    }

    /// Whether a record of its type on its topic has some of its fields, and not all.
    pub fn is_nearly(&self, seen: &Seen) -> bool {
        self.nearly(seen, seen.at).is_some()
    }

    /// In what a record of its type on its topic differs from it, if some of its fields are the same and others are not.
    pub(super) fn nearly(&self, seen: &Seen, since: At) -> Option<Near> {
        let Recognise::Fields { event_type, fields } = &self.recognise else { return None };
        if seen.topic != self.topic || seen.at < self.from || seen.event_type.as_ref() != Some(event_type) {
            return None;
        }
        let is_same = |(pointer, text): &&(Name, Name)| seen.field(pointer) == Some(text);
        let (same, other): (Vec<_>, Vec<_>) = fields.iter().partition(is_same);
        let differs = other
            .iter()
            .map(|(pointer, text)| (pointer.to_string(), text.to_string(), seen.field(pointer).map(str::to_owned)));
        let agrees = same.iter().map(|(pointer, text)| (pointer.to_string(), text.to_string()));
        (!same.is_empty() && !other.is_empty()).then(|| Near {
            place: seen.place(),
            after: seen.at.since(since),
            key: seen.key.as_deref().map(str::to_owned),
            expected_key: self.key.clone(),
            agrees: agrees.collect(),
            differs: differs.collect(),
        })
    }

    fn is_said_by(&self, seen: &Seen) -> bool {
        match &self.recognise {
            Recognise::Id(id) => seen.id.as_ref() == Some(id),
            Recognise::Marks(marks) => marks.iter().all(|(place, text)| seen.field(place) == Some(text)),
            Recognise::Correlated { event_type, correlation } => {
                seen.event_type.as_ref() == Some(event_type) && seen.correlation.as_ref() == Some(correlation)
            }
            Recognise::Fields { event_type, fields } => {
                seen.event_type.as_ref() == Some(event_type)
                    && fields.iter().all(|(pointer, text)| seen.field(pointer) == Some(text))
            }
        }
    }
}

impl Seen {
    /// Where the record is.
    pub fn place(&self) -> Place {
        Place { topic: self.topic.to_string(), partition: self.partition, offset: self.offset }
    }
}
