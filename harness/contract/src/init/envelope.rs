//! Where records seem to carry their id, type, time and key.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::Sample;
use super::leaf::{leaves, plain, text};

/// Names by which each part goes, the surest first.
const ID: &[&str] = &["eventid", "messageid", "id"];
const TYPE: &[&str] = &["eventtype", "messagetype", "type"];
const TIME: &[&str] = &["occurredat", "eventtime", "timestamp", "time", "createdat"];
const CORRELATION: &[&str] = &["correlationid", "traceid"];
const CAUSATION: &[&str] = &["causationid"];

/// More types than this on one topic are no types.
const TYPES: usize = 50;

/// What was guessed: a runtime expression for each part that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Guess {
    pub id: Option<String>,
    pub event_type: Option<String>,
    pub time: Option<String>,
    pub correlation: Option<String>,
    pub causation: Option<String>,
    /// The field of the payload that the key repeats.
    pub key: Option<String>,
}

/// A sample with its payload, as far as it is JSON.
pub(super) struct Read<'s> {
    pub sample: &'s Sample,
    pub payload: Value,
}

impl Guess {
    pub fn of(read: &[Read<'_>]) -> Guess {
        let places = Places::of(read);
        Guess {
            id: places.find(ID, |values| distinct(values) == values.len()),
            event_type: places.find(TYPE, |values| distinct(values) <= TYPES.min(values.len())),
            time: places.find(TIME, |values| values.iter().all(|value| is_time(value))),
            correlation: places.find(CORRELATION, |_| true),
            causation: places.find(CAUSATION, |_| true),
            key: key(read),
        }
    }

    /// As `x-eventproof` says it.
    pub fn extension(&self) -> Map<String, Value> {
        let parts = [
            ("id", &self.id),
            ("type", &self.event_type),
            ("time", &self.time),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
        ];
        let envelope: Map<String, Value> =
            parts.iter().filter_map(|(name, place)| Some(((*name).to_owned(), json!(place.as_ref()?)))).collect();
        let mut extension = Map::new();
        if !envelope.is_empty() {
            extension.insert("envelope".to_owned(), Value::Object(envelope));
        }
        extension.extend(self.key.as_ref().map(|key| ("key".to_owned(), json!(key))));
        extension
    }
}

/// Every place that all samples have, with their values.
struct Places {
    found: Vec<(String, String, Vec<String>)>,
}

impl Places {
    fn of(read: &[Read<'_>]) -> Places {
        let mut found: Vec<(String, String, Vec<String>)> = Vec::new();
        let Some(first) = read.first() else { return Places { found } };
        for (name, _) in &first.sample.headers {
            let values: Option<Vec<String>> = read.iter().map(|one| one.sample.header(name)).collect();
            found.extend(values.map(|values| (plain(name), format!("$message.header#/{name}"), values)));
        }
        for (pointer, _) in leaves(&first.payload) {
            let values: Option<Vec<String>> = read.iter().map(|one| one.payload.pointer(&pointer).map(text)).collect();
            found.extend(values.map(|values| (plain(&pointer), format!("$message.payload#{pointer}"), values)));
        }
        Places { found }
    }

    /// The first place that goes by one of the names, in their order, and whose values are right.
    fn find(&self, names: &[&str], right: impl Fn(&[String]) -> bool) -> Option<String> {
        let by_name = |name: &&str| {
            let found = self.found.iter().find(|(known, _, values)| known == name && right(values));
            found.map(|(_, place, _)| place.clone())
        };
        names.iter().find_map(by_name)
    }
}

fn distinct(values: &[String]) -> usize {
    values.iter().collect::<BTreeSet<_>>().len()
}

fn is_time(value: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(value).is_ok() || value.parse::<u64>().is_ok_and(|n| n > 1_000_000_000)
}

/// The field that every record's key repeats; none if records have no key.
fn key(read: &[Read<'_>]) -> Option<String> {
    let first = read.first()?;
    let repeats = |pointer: &String| {
        read.iter().all(|one| {
            let value = one.payload.pointer(pointer).map(text);
            one.sample.key_text().is_some_and(|key| Some(key) == value)
        })
    };
    let found = leaves(&first.payload).into_iter().map(|(pointer, _)| pointer).find(repeats);
    found.map(|pointer| format!("$message.payload#{pointer}"))
}
