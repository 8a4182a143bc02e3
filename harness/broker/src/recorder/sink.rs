//! Where recorded records go: for scenarios through the contract into the journal, for load straight to the account.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use eventproof_contract::{Contract, Expression, Violation};
use eventproof_evidence::oracle::BYTES;
use eventproof_evidence::{At, Blind, Journal, Name, Observation, Seen, Subject};
use eventproof_source::escape_name;
use rustc_hash::FxHashMap;

/// A record as it came from the broker, borrowed for the time of one call.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub payload: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Takes what a recorder reads.
pub trait Sink: Send {
    /// A record arrived at this instant.
    fn record(&mut self, record: &RawRecord<'_>, at: At);

    /// The recorder could not see in this span.
    fn blind(&mut self, blind: Blind);

    /// Everything has been read that was written to a topic while it could not be seen.
    fn caught_up(&mut self, topic: &str, at: At);
}

/// Reads every record by the contract, checks it, and writes what it says of itself into the journal.
pub struct ContractSink {
    contract: Arc<Contract>,
    journal: Journal,
    partitions: PartitionCounts,
    /// By topic: what links a dead record, or one that waits for another try, to what it was.
    links: HashMap<String, Vec<Expression>>,
    /// Topics whose records are told by their bytes.
    by_bytes: HashSet<String>,
}

/// How many partitions topics have.
#[derive(Clone, Debug, Default)]
pub struct PartitionCounts(FxHashMap<String, u32>);

impl PartitionCounts {
    /// As the broker said before the run.
    pub fn new(counts: HashMap<String, u32>) -> PartitionCounts {
        PartitionCounts(counts.into_iter().collect())
    }

    /// How the place of a record of `message` departs from the contract. A topic that turns out to have more partitions was grown: where
    /// its keys belong has changed meanwhile, and nothing can be said of them any more.
    pub fn check(&mut self, contract: &Contract, message: Option<&str>, record: &RawRecord<'_>) -> Option<Violation> {
        let count = *self.0.get(record.topic)?;
        if u32::try_from(record.partition).is_ok_and(|partition| partition >= count) {
            self.0.remove(record.topic);
            return None;
        }
        contract.check_place(record.topic, message?, record.key?, record.partition, count)
    }
}

impl ContractSink {
    /// A sink into `journal`.
    pub fn new(contract: Arc<Contract>, journal: Journal, partitions: PartitionCounts) -> ContractSink {
        let linked = |topic: &str| contract.links_on(topic).into_iter().cloned().collect::<Vec<_>>();
        let topics = contract.channels.iter().map(|channel| (channel.topic.clone(), linked(&channel.topic)));
        let links = topics.filter(|(_, links)| !links.is_empty()).collect();
        let told = contract.channels.iter().filter(|channel| contract.is_told_by_bytes(&channel.topic));
        let by_bytes = told.map(|channel| channel.topic.clone()).collect();
        ContractSink { contract, journal, partitions, links, by_bytes }
    }

    pub(crate) fn seen(&mut self, record: &RawRecord<'_>, at: At) -> Seen {
        let facts = self.contract.read_facts(record.topic, record.key, record.headers, record.payload);
        let declared = self.contract.channel_of_topic(record.topic).is_some();
        let mut violations = match declared {
            true => self.contract.check_facts(record.topic, &facts, record.headers, record.payload),
            false => Vec::new(),
        };
        violations.extend(self.partitions.check(&self.contract, facts.message.as_deref(), record));
        let sensitive = facts.message.as_deref().and_then(|name| self.contract.message(name));
        let name = |text: &Option<String>| text.as_deref().map(Name::from);
        let mut known_fields =
            fields(&facts.payload, |pointer| sensitive.is_some_and(|message| message.hides(pointer)));
        known_fields.extend(self.links(record, &facts.payload));
        known_fields.extend(self.by_bytes.contains(record.topic).then(|| (BYTES.into(), digest(record.payload))));
        Seen {
            topic: record.topic.into(),
            partition: record.partition,
            offset: record.offset,
            at,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(|key| readable(key).into()),
            id: name(&facts.id),
            // A topic that carries one message only needs no type.
            event_type: name(facts.event_type.as_ref().map_or(&facts.message, |_| &facts.event_type)),
            correlation: name(&facts.correlation),
            fields: known_fields,
            violations: violations.into_iter().map(|violation| violation.to_string()).collect(),
        }
    }
}

impl ContractSink {
    /// What a dead record says of what it was, under the expressions that the contract states.
    fn links(&self, record: &RawRecord<'_>, payload: &serde_json::Value) -> Vec<(Name, Name)> {
        let read = |link: &Expression| link.read(record.key, record.headers, payload);
        let said = self.links.get(record.topic).into_iter().flatten();
        said.filter_map(|link| Some((link.to_string().into(), read(link)?.into()))).collect()
    }
}

impl Sink for ContractSink {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        let seen = self.seen(record, at);
        self.journal.push(Observation::Seen(seen));
    }

    fn blind(&mut self, blind: Blind) {
        self.journal.push(Observation::Blind(blind));
    }

    fn caught_up(&mut self, topic: &str, at: At) {
        self.journal.push(Observation::CaughtUp { what: Subject::Topic(topic.into()), at });
    }
}

/// Which bytes a payload is: its length and a hash.
fn digest(payload: Option<&[u8]>) -> Name {
    let bytes = payload.unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{}:{:016x}", bytes.len(), hasher.finish()).into()
}

/// How deep fields are kept of a record that was seen: how many names their pointers have.
pub const FIELDS_DEEP: usize = 5;
/// How many of them are kept: of a record that has so many, others may be missing.
pub const FIELDS_MOST: usize = 100;

/// The fields of a payload, and of objects within it, by which a record can be recognised; sensitive ones left out.
fn fields(payload: &serde_json::Value, hidden: impl Fn(&str) -> bool) -> Vec<(Name, Name)> {
    let mut found = Vec::new();
    collect(payload, "", &hidden, &mut found);
    found
}

fn collect(value: &serde_json::Value, pointer: &str, hidden: &impl Fn(&str) -> bool, found: &mut Vec<(Name, Name)>) {
    if found.len() >= FIELDS_MOST || hidden(pointer) {
        return;
    }
    match value {
        serde_json::Value::Object(fields) if pointer.matches('/').count() < FIELDS_DEEP => {
            fields.iter().for_each(|(name, inner)| collect(inner, &below(pointer, name), hidden, found));
        }
        value => found.extend(text_of(value).map(|text| (Name::from(pointer), Name::from(text)))),
    }
}

/// The pointer to a field of what is at `pointer`.
fn below(pointer: &str, name: &str) -> String {
    match name.contains(['~', '/']) {
        true => format!("{pointer}/{}", escape_name(name)),
        false => format!("{pointer}/{name}"),
    }
}

fn text_of(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Text as it is, other bytes as `0x…`.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}
