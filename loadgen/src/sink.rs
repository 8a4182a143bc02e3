//! What the recorder reads, straight to the collector: number, arrival, conformity, a hash of the payload.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use eventproof_broker::{PartitionCounts, RawRecord, Sink};
use eventproof_contract::{Contract, event_number};
use eventproof_evidence::{At, Blind};

use crate::collector::Message;

/// The load's own recorder sink.
pub(crate) struct LoadSink {
    pub contract: Arc<Contract>,
    pub run_id: String,
    pub topic: String,
    pub partitions: PartitionCounts,
    pub to: Sender<Message>,
}

impl Sink for LoadSink {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        if record.topic != self.topic {
            return;
        }
        let facts = self.contract.read_facts(record.topic, record.key, record.headers, record.payload);
        let number = facts.id.as_deref().and_then(|id| event_number(id, &self.run_id));
        let mut faults = self.contract.check_facts(record.topic, &facts, record.headers, record.payload);
        faults.extend(self.partitions.check(&self.contract, &facts, record));
        let place = format!("{}[{}]@{}", record.topic, record.partition, record.offset);
        let fault = faults.first().map(|fault| format!("{place}: {fault}"));
        let hash = hash(record.payload.unwrap_or_default());
        let (partition, offset) = (record.partition, record.offset);
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = self.to.send(Message::Seen { number, hash, fault, partition, offset, at });
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
