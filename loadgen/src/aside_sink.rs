//! Records of retry and dead-letter topics, to the collector: which event each of them was. And of what the system publishes for each
//! event: from which it follows.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use eventproof_broker::{RawRecord, Sink};
use eventproof_contract::{Contract, Facts, Link, event_number};
use eventproof_evidence::{At, Blind};

use crate::collector::{AsideSight, By, Event, Message, named_bytes, named_place};
use crate::plan::{Aside, Derived};
use crate::sink::{hash, tell_blind, tell_caught_up};

/// The sink of the recorder of those topics.
pub(crate) struct AsideSink {
    pub contract: Arc<Contract>,
    pub run_id: String,
    pub asides: Vec<Aside>,
    pub derived: Vec<Derived>,
    /// Whether events have numbers of ours; otherwise services made them.
    pub ours: bool,
    pub to: Sender<Message>,
}

impl AsideSink {
    fn by(&self, link: &Link, record: &RawRecord<'_>, facts: &Facts) -> Option<By> {
        let read = |of: &eventproof_contract::Expression| of.read(record.key, record.headers, &facts.payload);
        match link {
            Link::SameId => Some(By::Event(self.event(facts.id.clone()?))),
            Link::Original(original) => Some(By::Event(self.event(read(original)?))),
            Link::Position(at) => {
                Some(By::Name(named_place(&read(&at.topic)?, read(&at.partition)?, read(&at.offset)?)))
            }
            Link::Bytes => Some(By::Name(named_bytes(hash(record.payload.unwrap_or_default())))),
        }
    }

    /// Tells from which event a record follows, if it does: others may make such events too.
    fn follow(&self, record: &RawRecord<'_>, facts: &Facts, at: At) {
        let is = |derived: &&Derived| facts.message.as_ref() == Some(&derived.message);
        let Some(derived) = self.derived.iter().find(is) else { return };
        let mut ids = [&facts.causation, &facts.correlation].into_iter().flatten();
        let Some(number) = ids.find_map(|id| event_number(id, &self.run_id)) else { return };
        // The collector ends last; if it is gone, nobody wants to know.
        let _ = self.to.send(Message::Effect { leg: derived.leg, event: Event::Ours(Some(number)), at });
        for fault in self.contract.check_facts(record.topic, facts, record.headers, record.payload) {
            let fault = format!("{}[{}]@{}: {fault}", record.topic, record.partition, record.offset);
            // The same holds here.
            let _ = self.to.send(Message::Faulty { number, fault });
        }
    }

    /// Whether records of a topic are taken; a recorder may read more.
    fn takes(&self, topic: &str) -> bool {
        self.asides.iter().any(|aside| aside.topic == topic)
            || self.derived.iter().any(|derived| derived.topic == topic)
    }

    fn event(&self, id: String) -> Event {
        if self.ours { Event::Ours(event_number(&id, &self.run_id)) } else { Event::Theirs(Some(id.into())) }
    }
}

impl Sink for AsideSink {
    fn record(&mut self, record: &RawRecord<'_>, at: At) {
        if !self.takes(record.topic) {
            return;
        }
        let facts = self.contract.read_facts(record.topic, record.key, record.headers, record.payload);
        self.follow(record, &facts, at);
        let here = self.asides.iter().enumerate().filter(|(_, aside)| aside.topic == record.topic);
        for (index, aside) in here {
            let Some(by) = self.by(&aside.link, record, &facts) else { continue };
            let sight = AsideSight { aside: index, by, partition: record.partition, offset: record.offset, at };
            // The collector ends last; if it is gone, nobody wants to know.
            let _ = self.to.send(Message::Aside(Box::new(sight)));
        }
    }

    fn blind(&mut self, blind: Blind) {
        tell_blind(&self.to, blind, |topic| self.takes(topic));
    }

    fn caught_up(&mut self, topic: &str, at: At) {
        tell_caught_up(&self.to, (topic, at), |topic| self.takes(topic));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use eventproof_evidence::Subject;

    use super::*;
    use crate::plan::End;
    use crate::testing;

    #[test]
    fn a_topic_that_another_sink_takes_is_not_told_of() {
        let (to, told) = channel();
        let aside =
            |topic: &str| Aside { lanes: vec![0], leg: 1, topic: topic.to_owned(), end: End::Dead, link: Link::SameId };
        let mut sink = AsideSink {
            contract: Arc::new(testing::contract("channels: {}\n")),
            run_id: String::new(),
            asides: vec![aside("orders.dead")],
            derived: vec![Derived { leg: 2, message: "billed".to_owned(), topic: "bills".to_owned() }],
            ours: true,
            to,
        };
        for topic in ["orders", "orders.dead", "bills"] {
            let what = Subject::Topic(topic.into());
            sink.blind(Blind { what, from: At::START, to: None, why: "all brokers down".to_owned() });
            sink.caught_up(topic, At::START);
        }
        let topic = |name: &str| Subject::Topic(name.into());
        assert_eq!(
            testing::told_of(&told),
            [topic("orders.dead"), topic("orders.dead"), topic("bills"), topic("bills")]
        );
    }
}
