//! Forms: a record made once, into which identities, time and key of further events are set. A load makes many thousands a
//! second that differ in nothing else; going through the schema for each would cost more than sending it.
//!
//! ```text
//! schema --> records A and B (same choices; other identities, time, key) --> Form, if A filled as B is B --> records
//! ```
//!
//! A form shows by that that it holds: everything in which two records of the same choices differ must be a text at a known
//! place. Where something else follows from identity or time (a number made of it, a date, a shortened text), there is none.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::identity::Identities;
use super::known::OTHERS;
use super::{Draft, GenerateError, Generator};
use crate::{Contract, Message, Record};

/// When the two examples are made, in ms since the epoch: they differ in every part of a time that is written.
const TIMES: [i64; 2] = [1_513_164_224_555, 1_628_937_191_262];

/// A record with places to be filled.
#[derive(Clone, Debug)]
pub struct Form {
    pub(super) topic: String,
    pub(super) key: Option<Cut>,
    pub(super) headers: Vec<(String, Option<Cut>)>,
    pub(super) payload: Cut,
    /// How many identities beside the event's own it takes.
    others: usize,
    /// Whether the time stands in it.
    timed: bool,
    /// Whether a record can be told to be its own: both examples keep to the contract, and no two places overlap.
    pub(super) recognises: bool,
}

/// A record that was made by a form.
#[derive(Clone, Debug)]
pub struct Filled {
    pub record: Record,
    /// The event's id.
    pub id: String,
}

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Event,
    Other(usize),
    Now,
    Millis,
    Key,
}

/// Bytes, and the places in them, in their order: where, how long, what.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<(usize, usize, What)>,
}

/// What is written into the places of one record.
struct Texts<'a> {
    event: String,
    others: Vec<String>,
    now: String,
    millis: String,
    key: &'a str,
}

/// One of the two examples that a form is made of.
struct Example<'a> {
    generator: Generator,
    made: Draft,
    at: DateTime<Utc>,
    key: &'a str,
}

impl Generator {
    /// A form for records of `message`, whose field (a name or JSON pointer) in `key` is given; two examples of it say what it
    /// is like. `size` as in [`Generator::record`]. `None` where records of the message cannot be made so.
    pub fn form(
        &mut self,
        contract: &Contract,
        message: &Message,
        key: Option<(&str, [&Value; 2])>,
        size: Option<usize>,
    ) -> Result<Option<Form>, GenerateError> {
        let example = |index: usize| {
            let at = DateTime::from_timestamp_millis(TIMES[index]).unwrap_or_default();
            let mut generator = Generator {
                identities: Identities::of_run(["form a", "form b"][index]),
                now: Arc::new(move || at),
                ..self.clone()
            };
            let given: Vec<_> = key.iter().map(|(field, keys)| ((*field).to_owned(), keys[index].clone())).collect();
            let made = generator.record(contract, message, &given, size)?;
            let key = key.and_then(|(_, keys)| keys[index].as_str()).unwrap_or_default();
            Ok(Example { generator, made, at, key })
        };
        let (one, other) = (example(0)?, example(1)?);
        self.rng = one.generator.rng.clone();
        if repeats(message, &one.made, &other.made) {
            return Ok(None);
        }
        let conform = keeps(contract, &one.made.record) && keeps(contract, &other.made.record);
        Ok(one.form(&other).map(|form| Form { recognises: conform && form.is_apart(), ..form }))
    }

    /// A record by a form, with this key in the place of the examples'. `None` if it does not fit there.
    pub fn fill(&mut self, form: &Form, key: &str) -> Option<Filled> {
        let now = form.timed.then(|| self.now());
        let texts = Texts {
            event: self.next_event(),
            others: (0..form.others).map(|_| self.identity()).collect(),
            now: now.map(written).unwrap_or_default(),
            millis: now.map(|now| now.timestamp_millis().to_string()).unwrap_or_default(),
            key,
        };
        form.fill(&texts).map(|record| Filled { record, id: texts.event })
    }
}

fn written(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whether a record keeps to the contract, in everything that can be said of it by itself.
fn keeps(contract: &Contract, record: &Record) -> bool {
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref()).is_empty()
}

/// Whether something that must be fresh in every event is the same in both examples: drawn, and no identity.
fn repeats(message: &Message, one: &Draft, other: &Draft) -> bool {
    let value = |draft: &Draft, pointer: &str| draft.event.payload.pointer(pointer).cloned();
    let mut fresh = message.unique.iter().chain(&message.fresh);
    fresh.any(|pointer| value(one, pointer).is_some_and(|one| Some(one) == value(other, pointer)))
}

impl Example<'_> {
    /// What it was made of.
    fn texts(&self) -> Texts<'_> {
        let again = self.generator.identities.anew();
        Texts {
            event: again.event(),
            others: (0..self.generator.identities.others_made()).map(|_| again.other()).collect(),
            now: written(self.at),
            millis: self.at.timestamp_millis().to_string(),
            key: self.key,
        }
    }

    fn form(&self, other: &Example<'_>) -> Option<Form> {
        let (texts, record) = (self.texts(), &self.made.record);
        let cut = |bytes: &Bytes| Cut::new(bytes, &texts);
        let form = Form {
            topic: record.topic.clone(),
            key: record.key.as_ref().map(cut),
            headers: record.headers.iter().map(|(name, value)| (name.clone(), value.as_ref().map(cut))).collect(),
            payload: cut(record.payload.as_ref()?),
            others: texts.others.len(),
            timed: true,
            recognises: false,
        };
        (form.fill(&other.texts()).as_ref() == Some(&other.made.record)).then(|| form.without_the_unused())
    }
}

impl Form {
    fn fill(&self, texts: &Texts<'_>) -> Option<Record> {
        let headers = self.headers.iter().map(|(name, cut)| Some((name.clone(), fill(cut.as_ref(), texts)?)));
        Some(Record {
            topic: self.topic.clone(),
            key: fill(self.key.as_ref(), texts)?,
            headers: headers.collect::<Option<_>>()?,
            payload: fill(Some(&self.payload), texts)?,
        })
    }

    /// Whether what stands in its places can be told from what stands between them.
    fn is_apart(&self) -> bool {
        let headers = self.headers.iter().filter_map(|(_, cut)| cut.as_ref());
        self.others <= OTHERS && headers.chain(&self.key).chain([&self.payload]).all(Cut::is_apart)
    }

    /// Identities that were made and then given up for others (a key that is given, a text that was replaced) have no place.
    fn without_the_unused(mut self) -> Form {
        let mut used: Vec<usize> = Vec::new();
        let headers = self.headers.iter_mut().filter_map(|(_, cut)| cut.as_mut());
        let cuts = headers.chain(&mut self.key).chain([&mut self.payload]);
        self.timed = false;
        for (.., what) in cuts.flat_map(|cut| &mut cut.places) {
            self.timed |= matches!(what, What::Now | What::Millis);
            if let What::Other(number) = what {
                let at = used.iter().position(|known| known == number).unwrap_or_else(|| {
                    used.push(*number);
                    used.len() - 1
                });
                *number = at;
            }
        }
        self.others = used.len();
        self
    }
}

/// Nothing stays nothing; `None` where a text does not fit into its place.
fn fill(cut: Option<&Cut>, texts: &Texts<'_>) -> Option<Option<Bytes>> {
    match cut {
        Some(cut) => Some(Some(Bytes::from(cut.fill(texts)?))),
        None => Some(None),
    }
}

impl Cut {
    /// Wherever one of the texts stands is a place.
    fn new(bytes: &[u8], texts: &Texts<'_>) -> Cut {
        let others = (0..texts.others.len()).map(What::Other);
        let all = [What::Event, What::Now, What::Millis, What::Key].into_iter().chain(others);
        let mut places = Vec::new();
        for (what, text) in all.map(|what| (what, texts.of(what).as_bytes())).filter(|(_, text)| !text.is_empty()) {
            let found = bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text);
            places.extend(found.map(|(at, _)| (at, text.len(), what)));
        }
        places.sort_by_key(|(at, ..)| *at);
        Cut { bytes: bytes.to_vec(), places }
    }

    /// A longer text would be written over what stands behind its place, a shorter one would leave some of what was there.
    fn fill(&self, texts: &Texts<'_>) -> Option<Vec<u8>> {
        let mut bytes = self.bytes.clone();
        for (at, length, what) in &self.places {
            let text = texts.of(*what).as_bytes();
            bytes.get_mut(*at..at + length).filter(|place| place.len() == text.len())?.copy_from_slice(text);
        }
        Some(bytes)
    }
}

impl Texts<'_> {
    fn of(&self, what: What) -> &str {
        match what {
            What::Event => &self.event,
            What::Other(number) => self.others.get(number).map_or("", String::as_str),
            What::Now => &self.now,
            What::Millis => &self.millis,
            What::Key => self.key,
        }
    }
}
