//! A record from a message: payload by its schema, envelope and key by the contract.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::hostile::hostile_key;
use super::identity::{Identities, event_number, numeric_id};
use super::pad::{has_room, pad};
use super::value::Values;
use crate::{Contract, Expression, Facts, Message, Part, Record};

/// How often a payload is made until the schema takes it.
const TRIES: usize = 20;

/// Names and texts.
type Headers = Vec<(String, String)>;

/// What an event is stamped with.
#[derive(Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub id: &'a str,
    pub now: &'a str,
}

/// Makes records. The seed fixes choices and texts; identities are fresh in every run.
#[derive(Clone)]
pub struct Generator {
    pub(super) seed: u64,
    pub(super) rng: ChaCha8Rng,
    pub(super) identities: Identities,
    pub(super) run: Arc<str>,
    pub(super) now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// A record that is ready to be published, and what it says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub record: Record,
    pub event: Facts,
}

/// Why no valid record could be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A given field is none of the schema's.
    #[error("\"{message}\" has no field `{field}`; it has: {known}")]
    UnknownField { message: String, field: String, known: String },
    /// What came out departs from the schema: a given value, most often.
    #[error("a record of \"{message}\" would depart from its schema: {faults}")]
    Invalid { message: String, faults: String },
    /// The schema uses something that cannot be generated from.
    #[error("\"{message}\": no value can be made for {place}: {detail}")]
    Unsupported { message: String, place: String, detail: String },
    /// The payload cannot be brought to the size.
    #[error("\"{message}\" cannot be made {wanted} bytes long: {detail}")]
    Size { message: String, wanted: usize, detail: String },
}

impl Draft {
    /// What stands at a place of the record: a payload's value as it is, a header or the key as text.
    pub fn value_at(&self, place: &Expression) -> Option<Value> {
        if place.part == Part::Payload {
            return self.event.payload.pointer(&place.pointer).cloned();
        }
        let headers: Vec<(&str, Option<&[u8]>)> =
            self.record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        place.read(self.record.key.as_deref(), &headers, &self.event.payload).map(Value::from)
    }
}

impl Generator {
    /// A generator for one run.
    pub fn new(seed: u64, run: &str) -> Generator {
        Generator {
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            identities: Identities::of_run(run),
            run: run.into(),
            now: Arc::new(Utc::now),
        }
    }

    /// The same, with another clock for the events' times.
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Generator {
        self.now = Arc::new(now);
        self
    }

    /// A generator of its own for `label`: the same seed and label make the same choices, whatever runs beside it.
    /// Identities are shared, so no two are equal in a run.
    pub fn fork(&self, label: &str) -> Generator {
        let mixed = label
            .bytes()
            .fold(self.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17));
        Generator { seed: mixed, rng: ChaCha8Rng::seed_from_u64(mixed), ..self.clone() }
    }

    /// A generator for process `number` (from 1) of `of` that make events of one run: it chooses on its own, and no
    /// identity that it makes from here on is made by another one.
    pub fn of_process(&self, number: u64, of: u64) -> Generator {
        let own = self.fork(&format!("process {number} of {of}"));
        Generator { identities: self.identities.of_process(number, of), ..own }
    }

    /// The next event has this number: where others make the events between.
    pub fn continue_at(&self, number: u64) {
        self.identities.continue_at(number);
    }

    /// Makes anew what the contract says is fresh with every publish; the event's own id stays.
    pub fn renew_envelope(&self, message: &Message, draft: &mut Draft) -> Result<(), GenerateError> {
        let mut payload = draft.event.payload.clone();
        for pointer in &message.fresh {
            set(&mut payload, pointer, Value::from(self.identities.other()));
        }
        let bytes = message.payload.encode(&payload).map_err(|faults| {
            let message = message.name.clone();
            GenerateError::Invalid { message, faults }
        })?;
        draft.record.payload = Some(Bytes::from(bytes));
        draft.event.payload = payload;
        Ok(())
    }

    /// One of so many, by the seed; `None` of none.
    pub fn choose(&mut self, among: usize) -> Option<usize> {
        (among > 0).then(|| self.rng.random_range(0..among))
    }

    /// The id of the next event.
    pub(super) fn next_event(&self) -> String {
        self.identities.event()
    }

    /// What time it is for events.
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// A fresh identity.
    pub fn identity(&self) -> String {
        self.identities.other()
    }

    /// A fresh identity for a field of the payload, as its schema has it: a text, or a number within its bounds.
    pub fn identity_for(&self, message: &Message, pointer: &str) -> Value {
        let identity = self.identities.other();
        let place = format!("/properties{}", pointer.replace('/', "/properties/").trim_start_matches("/properties"));
        let rule = message.payload.document.pointer(&place).unwrap_or(&Value::Null);
        if !matches!(rule["type"].as_str(), Some("integer" | "number")) {
            return Value::from(identity);
        }
        let number = numeric_id(&identity).unwrap_or_default();
        let most = rule["maximum"].as_u64().unwrap_or(u64::MAX);
        // Within a run its count alone is as good, and smaller.
        Value::from(if number <= most { number } else { (number & u64::from(u32::MAX)) + 1 })
    }

    /// A key for records of `message` whose hash is Java's `Integer.MIN_VALUE`: producers that take its absolute value have
    /// no partition for it. `None` where the contract states no such producer.
    pub fn hostile_key(&self, contract: &Contract, message: &Message) -> Option<String> {
        let number = event_number(&self.identities.event(), &self.run).unwrap_or_default();
        contract
            .senders(&message.name)
            .filter_map(|sender| sender.partitioner)
            .find_map(|partitioner| hostile_key(partitioner, number))
    }

    /// A record of `message`. `given` sets fields of the payload, by name or JSON pointer; the rest is generated.
    /// With `size`, the payload is exactly so many bytes long.
    pub fn record(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
        size: Option<usize>,
    ) -> Result<Draft, GenerateError> {
        self.sized(contract, message, given, size.map(|size| (size, false)))
    }

    /// The same, with a payload of `size` bytes, or of as few more as it must have.
    pub fn record_of_about(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
        size: usize,
    ) -> Result<Draft, GenerateError> {
        self.sized(contract, message, given, Some((size, true)))
    }

    /// Given fields that the schema refuses, whatever the rest of the record is: each with what is wrong with it.
    pub fn refused(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
    ) -> Vec<(String, String)> {
        let mut found = Vec::new();
        // What a union's branches forbid each other is found by trying.
        for _ in 0..TRIES {
            let stamp = Stamp { id: "lint", now: "2000-01-01T00:00:00.000Z" };
            let errors = match self.payload(contract, message, given, stamp) {
                Ok((payload, _)) => message.payload.errors(&payload, &message.sensitive),
                // What cannot be made at all is told by whoever makes it.
                Err(_) => return Vec::new(),
            };
            found = given
                .iter()
                .filter_map(|(name, _)| {
                    let pointer = if name.starts_with('/') { name.clone() } else { format!("/{name}") };
                    let (_, text) = errors.iter().find(|(place, _)| is_at(place, &pointer))?;
                    Some((name.clone(), text.clone()))
                })
                .collect::<Vec<_>>();
            if found.is_empty() {
                break;
            }
        }
        found
    }

    fn sized(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
        size: Option<(usize, bool)>,
    ) -> Result<Draft, GenerateError> {
        let now = (self.now)().to_rfc3339_opts(SecondsFormat::Millis, true);
        // One, however often the payload is tried: events are counted by their ids.
        let stamp = Stamp { id: &self.identities.event(), now: &now };
        let (mut payload, mut headers) = self.payload(contract, message, given, stamp)?;
        // What a union's branches forbid each other is found by trying.
        for _ in 1..TRIES {
            if message.payload.accepts(&payload) && (size.is_none() || has_room(message, given, &payload)) {
                break;
            }
            (payload, headers) = self.payload(contract, message, given, stamp)?;
        }
        if let Some((size, or_longer)) = size {
            payload = pad(message, given, payload, size, or_longer)?;
        }
        let faults = message.payload.errors(&payload, &message.sensitive);
        if !faults.is_empty() {
            let faults = faults.into_iter().map(|(place, text)| format!("{place}: {text}")).collect::<Vec<_>>();
            return Err(GenerateError::Invalid { message: message.name.clone(), faults: faults.join("; ") });
        }
        let bytes = message.payload.encode(&payload).map_err(|faults| {
            let message = message.name.clone();
            GenerateError::Invalid { message, faults }
        })?;
        let key = match &message.envelope.key {
            Some(rule) => rule.read(None, &[], &payload).map(String::into_bytes),
            None => self.key_by_schema(contract, message, &now),
        };
        Ok(draft(contract, message, key, bytes, headers))
    }

    /// A payload and the headers of its envelope.
    fn payload(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
        stamp: Stamp<'_>,
    ) -> Result<(Value, Headers), GenerateError> {
        let now = stamp.now;
        let root = &message.payload.document;
        let mut values =
            Values { rng: &mut self.rng, identities: &self.identities, now, locale: &contract.locale, root };
        let mut payload = values.of(root, "").map_err(|(place, detail)| GenerateError::Unsupported {
            message: message.name.clone(),
            place,
            detail,
        })?;
        self.renew_numbers(message, &mut payload);
        for (field, value) in given {
            set_given(message, &mut payload, field, value)?;
        }
        let mut headers = envelope(message, &mut payload, stamp);
        let more = self.required_headers(contract, message, &headers, now)?;
        headers.extend(more);
        Ok((payload, headers))
    }

    /// A key of which only the schema is said: an identity where that will do, so that no two records share one.
    fn key_by_schema(&mut self, contract: &Contract, message: &Message, now: &str) -> Option<Vec<u8>> {
        let schema = message.key.as_ref()?;
        let identity = Value::from(self.identities.other());
        if schema.accepts(&identity) {
            return schema.key_bytes(&identity);
        }
        let (root, locale) = (&schema.document, contract.locale.as_str());
        let mut values = Values { rng: &mut self.rng, identities: &self.identities, now, locale, root };
        // Where none can be made, the record has none, and the check says so.
        let made = (0..TRIES).filter_map(|_| values.of(root, "").ok()).find(|value| schema.accepts(value));
        schema.key_bytes(&made?)
    }

    /// Numbers that identify something in the business are drawn from so many that none comes twice.
    fn renew_numbers(&self, message: &Message, payload: &mut Value) {
        for pointer in &message.unique {
            if let Some(number) = payload.pointer_mut(pointer).filter(|value| value.is_i64() || value.is_u64()) {
                *number = Value::from(numeric_id(&self.identities.other()));
            }
        }
    }

    /// Headers that their schema asks for beside the envelope's.
    fn required_headers(
        &mut self,
        contract: &Contract,
        message: &Message,
        there: &Headers,
        now: &str,
    ) -> Result<Headers, GenerateError> {
        let Some(root) = message.headers.as_ref().map(|schema| &schema.document) else { return Ok(Headers::new()) };
        let required = root["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut values =
            Values { rng: &mut self.rng, identities: &self.identities, now, locale: &contract.locale, root };
        let mut more = Headers::new();
        for name in required.filter(|name| there.iter().all(|(known, _)| known != name)) {
            let text = Value::from("text");
            let rule = root["properties"].get(name).unwrap_or(&text);
            let made = values.of(rule, &format!("/{name}")).map_err(|(place, detail)| GenerateError::Unsupported {
                message: message.name.clone(),
                place: format!("header {place}"),
                detail,
            })?;
            more.extend(crate::expression::text_of_json(&made).map(|text| (name.to_owned(), text)));
        }
        Ok(more)
    }
}

/// Sets what the envelope wants in payload and headers.
fn envelope(message: &Message, payload: &mut Value, stamp: Stamp<'_>) -> Headers {
    let Stamp { id, now } = stamp;
    let envelope = &message.envelope;
    let parts = [
        (&envelope.id, id),
        (&envelope.event_type, message.type_name.as_str()),
        (&envelope.correlation, id),
        (&envelope.time, now),
    ];
    let mut headers = Vec::new();
    for (expression, text) in parts {
        match expression {
            Some(Expression { part: Part::Payload, pointer }) => {
                let wants_number = payload.pointer(pointer).is_some_and(Value::is_number);
                let number = wants_number.then(|| as_number(text)).flatten();
                set(payload, pointer, number.map_or_else(|| Value::from(text), Value::from));
            }
            Some(expression) => {
                headers.extend(expression.header().map(|name| (name.to_owned(), header_text(message, name, text))));
            }
            None => {}
        }
    }
    headers
}

/// What the envelope wants in a header; in digits, where that cannot be any other text.
pub(super) fn header_text(message: &Message, name: &str, text: &str) -> String {
    let takes_text = message.headers.as_ref().is_none_or(|schema| schema.fields().takes_text(name));
    let number = if takes_text { None } else { as_number(text) };
    number.map_or_else(|| text.to_owned(), |number| number.to_string())
}

/// What the envelope wants, where the schema wants a number there: a time in milliseconds, an id as its number.
pub(super) fn as_number(text: &str) -> Option<u64> {
    let millis = DateTime::parse_from_rfc3339(text).ok().and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    millis.or_else(|| numeric_id(text))
}

/// Whether a place is a field of the payload, or within it.
fn is_at(place: &str, pointer: &str) -> bool {
    place.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn draft(
    contract: &Contract,
    message: &Message,
    key: Option<Vec<u8>>,
    bytes: Vec<u8>,
    headers: Vec<(String, String)>,
) -> Draft {
    let borrowed: Vec<(&str, Option<&[u8]>)> =
        headers.iter().map(|(name, text)| (name.as_str(), Some(text.as_bytes()))).collect();
    let event = contract.read_facts(&message.topic, key.as_deref(), &borrowed, Some(&bytes));
    let record = Record {
        topic: message.topic.clone(),
        key: key.map(Bytes::from),
        headers: headers.into_iter().map(|(name, text)| (name, Some(Bytes::from(text)))).collect(),
        payload: Some(Bytes::from(bytes)),
    };
    Draft { record, event }
}

fn set_given(message: &Message, payload: &mut Value, field: &str, value: &Value) -> Result<(), GenerateError> {
    let pointer = if field.starts_with('/') { field.to_owned() } else { format!("/{field}") };
    let top = pointer[1..].split('/').next().unwrap_or_default();
    let properties = message.payload.document.get("properties").and_then(Value::as_object);
    if let Some(properties) = properties.filter(|properties| !properties.contains_key(top)) {
        return Err(GenerateError::UnknownField {
            message: message.name.clone(),
            field: field.to_owned(),
            known: properties.keys().cloned().collect::<Vec<_>>().join(", "),
        });
    }
    set(payload, &pointer, value.clone());
    Ok(())
}

/// Sets a value, making objects on the way to it.
pub(super) fn set(target: &mut Value, pointer: &str, value: Value) {
    let Some((parents, last)) = pointer.rsplit_once('/') else { return *target = value };
    let mut place = target;
    for name in parents.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = &mut place[name];
    }
    if !place.is_object() {
        *place = Value::Object(serde_json::Map::new());
    }
    place[last] = value;
}
