//! What the recorder reads, straight to the collector: number, arrival, conformity, a hash of the payload.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use eventproof_broker::{PartitionCounts, RawRecord, Sink};
use eventproof_contract::{Contract, Facts, event_number};
use eventproof_evidence::{At, Blind};

use crate::collector::{Event, Message, Sight};
use crate::link::link_of_record;
use crate::plan::Link;

/// The load's own recorder sink.
pub(crate) struct LoadSink {
    pub contract: Arc<Contract>,
    pub run_id: String,
    /// Places in the collector's frame.
    pub topics: HashMap<String, usize>,
    /// What events are known by that follow from requests; none where records are sent.
    pub links: Option<Vec<Link>>,
    pub partitions: PartitionCounts,
    pub to: Sender<Message>,
}

impl LoadSink {
    /// Which event it is, and what requests it may follow from.
    fn event(&self, facts: &Facts) -> (Event, Vec<String>) {
        let Some(links) = &self.links else {
            return (Event::Ours(facts.id.as_deref().and_then(|id| event_number(id, &self.run_id))), Vec::new());
        };
        let links: Vec<String> = links.iter().filter_map(|link| link_of_record(link, facts)).collect();
        // Without an id it is seen, and no effect can be told to be its own.
        let id = (!links.is_empty()).then(|| facts.id.clone().unwrap_or_default().into());
        (Event::Theirs(id), links)
    }
}

impl Sink for LoadSink {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        let Some(topic) = self.topics.get(record.topic).copied() else { return };
        let facts = self.contract.read_facts(record.topic, record.key, record.headers, record.payload);
        let (event, links) = self.event(&facts);
        let mut faults = self.contract.check_facts(record.topic, &facts, record.headers, record.payload);
        faults.extend(self.partitions.check(&self.contract, &facts, record));
        let place = format!("{}[{}]@{}", record.topic, record.partition, record.offset);
        let fault = faults.first().map(|fault| format!("{place}: {fault}"));
        let payload = record.payload.unwrap_or_default();
        let (hash, size) = (hash(payload), payload.len());
        let (partition, offset) = (record.partition, record.offset);
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = self.to.send(Message::Seen(Sight { event, links, hash, size, fault, topic, partition, offset, at }));
    }

    fn blind(&mut self, blind: Blind) {
        // The same holds here.
        let _ = self.to.send(Message::Blind(blind));
    }

    fn caught_up(&mut self, topic: &str, _: At) {
        // The same holds here.
        let _ = self.to.send(Message::CaughtUp(topic.into()));
    }
}

/// A hash by which a payload is known again.
pub(crate) fn hash(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}
