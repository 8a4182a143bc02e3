//! What the recorder reads, straight to the collector: number, arrival, conformity, a hash of the payload.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use eventproof_broker::{PartitionCounts, RawRecord, Sink};
use eventproof_contract::{Contract, Facts, Violation, event_number};
use eventproof_evidence::{At, Blind, Subject};
use rustc_hash::FxHashMap;

use crate::collector::{Event, Message, Ours, Sight};
use crate::known::Known;
use crate::link::link_of_record;
use crate::plan::Link;

/// The load's own recorder sink.
pub(crate) struct LoadSink {
    pub contract: Arc<Contract>,
    pub run_id: String,
    /// Places in the collector's frame.
    pub topics: FxHashMap<String, usize>,
    /// What records that come back are told by.
    pub known: Option<Known>,
    /// What events are known by that follow from requests; none where records are sent.
    pub links: Option<Vec<Link>>,
    pub partitions: PartitionCounts,
    pub to: Sender<Message>,
}

/// What a record is, and how it departs from the contract first.
struct Looked {
    event: Event,
    link: Option<String>,
    fault: Option<Violation>,
}

impl LoadSink {
    fn look(&mut self, record: &RawRecord<'_>) -> Looked {
        let known = self.known.as_ref().and_then(|known| known.event(&self.contract, &mut self.partitions, record));
        if let Some((number, fault)) = known {
            return Looked { event: Event::Ours(Some(number)), link: None, fault };
        }
        let facts = self.contract.read_facts(record.topic, record.key, record.headers, record.payload);
        let (event, link) = self.event(&facts);
        let faults = self.contract.check_facts(record.topic, &facts, record.headers, record.payload);
        let place = || self.partitions.check(&self.contract, facts.message.as_deref(), record);
        Looked { event, link, fault: faults.into_iter().next().or_else(place) }
    }

    /// Which event it is, and what the request is known by that it may follow from.
    fn event(&self, facts: &Facts) -> (Event, Option<String>) {
        let Some(links) = &self.links else {
            return (Event::Ours(facts.id.as_deref().and_then(|id| event_number(id, &self.run_id))), None);
        };
        // A message has one link, whichever action publishes it: the profile's check sees to that.
        let link = links.iter().find_map(|link| link_of_record(link, facts));
        // Without an id it is seen, and no effect can be told to be its own.
        let id = link.is_some().then(|| facts.id.clone().unwrap_or_default().into());
        (Event::Theirs(id), link)
    }
}

impl Sink for LoadSink {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        let Some(topic) = self.topics.get(record.topic).copied() else { return };
        let Looked { event, link, fault } = self.look(record);
        let told = |fault| format!("{}[{}]@{}: {fault}", record.topic, record.partition, record.offset);
        let fault = fault.map(told);
        let payload = record.payload.unwrap_or_default();
        let (hash, size) = (hash(payload), payload.len());
        let (partition, offset) = (record.partition, record.offset);
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = self.to.send(match (event, fault) {
            (Event::Ours(Some(number)), None) => {
                Message::Ours(Ours { number, hash, topic: topic as u32, partition, offset, at })
            }
            (event, fault) => {
                Message::Seen(Box::new(Sight { event, link, hash, size, fault, topic, partition, offset, at }))
            }
        });
    }

    fn blind(&mut self, blind: Blind) {
        tell_blind(&self.to, blind, |topic| self.topics.contains_key(topic));
    }

    fn caught_up(&mut self, topic: &str, at: At) {
        tell_caught_up(&self.to, (topic, at), |topic| self.topics.contains_key(topic));
    }
}

/// Tells what cannot be seen, if it concerns a sink that takes the records of some topics. Another recorder may read the others as well,
/// and each tells of those of its own: told by both, what one has read would make good what the other has not.
pub(crate) fn tell_blind(to: &Sender<Message>, blind: Blind, takes: impl Fn(&str) -> bool) {
    if !matches!(&blind.what, Subject::Topic(topic) if !takes(topic)) {
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = to.send(Message::Blind(Box::new(blind)));
    }
}

/// Tells by when everything of a topic has been read, if the sink takes its records.
pub(crate) fn tell_caught_up(to: &Sender<Message>, (topic, at): (&str, At), takes: impl Fn(&str) -> bool) {
    if takes(topic) {
        // The same holds here.
        let _ = to.send(Message::CaughtUp(Subject::Topic(topic.into()), at));
    }
}

/// Length and CRC-32 of a payload: what was altered on its way is known by it, but for one case in four thousand million.
pub(crate) fn hash(payload: &[u8]) -> u64 {
    (payload.len() as u64) << 32 | u64::from(crc32fast::hash(payload))
}

/// The length that is in a hash.
pub(crate) fn size_of(hash: u64) -> usize {
    (hash >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::testing;

    #[test]
    fn a_sink_tells_what_its_recorder_cannot_see_of_topics_that_it_takes() {
        let (to, told) = channel();
        let mut sink = LoadSink {
            contract: Arc::new(testing::contract("channels: {}\n")),
            run_id: String::new(),
            topics: [("orders".to_owned(), 0)].into_iter().collect(),
            known: None,
            links: None,
            partitions: PartitionCounts::default(),
            to,
        };
        let topic = |name: &str| Subject::Topic(name.into());
        for what in [topic("orders"), topic("orders.dead"), Subject::Everything] {
            sink.blind(Blind { what, from: At::START, to: None, why: "all brokers down".to_owned() });
        }
        ["orders", "orders.dead"].into_iter().for_each(|name| sink.caught_up(name, At::START));
        assert_eq!(testing::told_of(&told), [topic("orders"), Subject::Everything, topic("orders")]);
    }
}
