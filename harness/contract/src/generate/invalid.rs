//! Records that depart from the contract in one way, for scenarios that must see them refused.

use bytes::Bytes;
use serde_json::Value;

use super::neighbour::neighbours;
use super::record::{Draft, GenerateError, Generator};
use crate::{Contract, Message};

/// A record that departs in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// What is broken, as schemas call it (`required`, `type`, `maxLength`), or `not-decodable`, `missing-header`, `wrong-key`,
    /// `unknown-type`.
    pub rule: String,
    /// Where: `payload /user_id`, `header event_id`, `key`.
    pub place: String,
    pub draft: Draft,
}

impl Invalid {
    /// Whether it is the one that is asked for: by its rule, and by its place as people write it, where these matter.
    pub fn fits(&self, rule: Option<&str>, place: Option<&str>) -> bool {
        rule.is_none_or(|rule| self.rule == rule)
            && place.is_none_or(|place| self.place == place || self.written_place() == place)
    }

    /// Its place as people write it: `/user_id` is in the payload.
    pub fn written_place(&self) -> &str {
        self.place.strip_prefix("payload ").unwrap_or(&self.place)
    }
}

impl Generator {
    /// Every invalid neighbour of a valid record of `message` that can be told from it by the contract; each has an id of
    /// its own, as far as it was not the id that was broken.
    pub fn invalid_records(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
    ) -> Result<Vec<Invalid>, GenerateError> {
        let kinds = self.departures(contract, message, given)?;
        let mut found = Vec::new();
        for at in 0..kinds {
            // Made afresh for each, so that no two have the same id.
            let draft = self.record(contract, message, given, None)?;
            let Some(invalid) = departures(contract, message, &draft).into_iter().nth(at) else { continue };
            if departs(contract, &invalid.draft) {
                found.push(invalid);
            }
        }
        Ok(found)
    }

    /// The same of one draft, so all with its id: to know what can be broken, not to be published together.
    ///
    /// # Errors
    /// As above.
    pub fn ways_to_break(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
    ) -> Result<Vec<Invalid>, GenerateError> {
        let draft = self.record(contract, message, given, None)?;
        let all = departures(contract, message, &draft).into_iter();
        Ok(all.filter(|invalid| departs(contract, &invalid.draft)).collect())
    }

    fn departures(
        &mut self,
        contract: &Contract,
        message: &Message,
        given: &[(String, Value)],
    ) -> Result<usize, GenerateError> {
        Ok(departures(contract, message, &self.record(contract, message, given, None)?).len())
    }
}

fn departures(contract: &Contract, message: &Message, valid: &Draft) -> Vec<Invalid> {
    let mut found = of_payload(message, valid);
    found.extend(of_bytes(valid));
    found.extend(of_frame(message, valid));
    found.extend(of_headers(message, valid));
    found.extend(of_key(message, valid));
    for invalid in &mut found {
        invalid.draft.event = facts(contract, &invalid.draft);
    }
    found
}

/// In Avro and Protobuf most neighbours cannot be written at all: those are left out.
fn of_payload(message: &Message, valid: &Draft) -> Vec<Invalid> {
    let made = neighbours(&message.payload, &valid.event.payload).into_iter();
    let written = made.filter_map(|neighbour| Some((message.payload.encode(&neighbour.value).ok()?, neighbour)));
    let told = written.map(|(bytes, neighbour)| {
        let mut draft = valid.clone();
        draft.record.payload = Some(Bytes::from(bytes));
        Invalid { rule: neighbour.rule.to_owned(), place: format!("payload {}", neighbour.place), draft }
    });
    told.collect()
}

/// Bytes that are no payload at all.
fn of_bytes(valid: &Draft) -> Vec<Invalid> {
    let Some(bytes) = valid.record.payload.as_ref().filter(|bytes| bytes.len() > 1) else { return Vec::new() };
    let cut = bytes.slice(..bytes.len() - 1);
    let mut other = bytes.to_vec();
    other[0] ^= 0x5a;
    let broken = [Some(cut), Some(Bytes::from(other)), None];
    let told = broken.into_iter().zip(["not-decodable", "not-decodable", "null-payload"]).map(|(payload, rule)| {
        let mut draft = valid.clone();
        draft.record.payload = payload;
        Invalid { rule: rule.to_owned(), place: "payload".to_owned(), draft }
    });
    told.collect()
}

/// A frame that names a schema that nobody has, or is none.
fn of_frame(message: &Message, valid: &Draft) -> Vec<Invalid> {
    let bytes = valid.record.payload.as_ref().filter(|bytes| message.payload.frame().is_framed() && bytes.len() > 5);
    let Some(bytes) = bytes else { return Vec::new() };
    let mut unknown = bytes.to_vec();
    unknown[1..5].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    let bare = bytes.slice(5..);
    let told = [("unknown-schema-id", Bytes::from(unknown)), ("no-magic-byte", bare)].map(|(rule, payload)| {
        let mut draft = valid.clone();
        draft.record.payload = Some(payload);
        Invalid { rule: rule.to_owned(), place: "payload".to_owned(), draft }
    });
    told.into_iter().collect()
}

fn of_headers(message: &Message, valid: &Draft) -> Vec<Invalid> {
    let mut found = Vec::new();
    for (at, (name, _)) in valid.record.headers.iter().enumerate() {
        let mut without = valid.clone();
        without.record.headers.remove(at);
        found.push(Invalid { rule: "missing-header".to_owned(), place: format!("header {name}"), draft: without });
    }
    let type_header = message.envelope.event_type.as_ref().and_then(crate::Expression::header);
    if let Some(at) = valid.record.headers.iter().position(|(name, _)| Some(name.as_str()) == type_header) {
        let mut other = valid.clone();
        other.record.headers[at].1 = Some(Bytes::from_static(b"nobody.declared.this"));
        found.push(Invalid { rule: "unknown-type".to_owned(), place: "event type".to_owned(), draft: other });
    }
    found
}

fn of_key(message: &Message, valid: &Draft) -> Vec<Invalid> {
    if message.envelope.key.is_none() || valid.record.key.is_none() {
        return Vec::new();
    }
    let with = |rule: &str, key: Option<&'static [u8]>| {
        let mut draft = valid.clone();
        draft.record.key = key.map(Bytes::from_static);
        Invalid { rule: rule.to_owned(), place: "key".to_owned(), draft }
    };
    vec![with("missing-key", None), with("wrong-key", Some(b"another-key"))]
}

fn headers_of(draft: &Draft) -> Vec<(&str, Option<&[u8]>)> {
    draft.record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
}

fn facts(contract: &Contract, draft: &Draft) -> crate::Facts {
    let record = &draft.record;
    contract.read_facts(&record.topic, record.key.as_deref(), &headers_of(draft), record.payload.as_deref())
}

fn departs(contract: &Contract, draft: &Draft) -> bool {
    let record = &draft.record;
    let headers = headers_of(draft);
    !contract.check(&record.topic, record.key.as_deref(), &headers, record.payload.as_deref()).is_empty()
}
