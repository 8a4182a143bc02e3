//! Events that are neither done nor on their way: those that wait in a retry topic for another try, and those that were given up.
//!
//! An event waits as long as a record of it lies in a retry topic whose reader has not committed past it, and a little longer: its effect
//! comes at about the time of that commit, and is seen later. What several groups may have given up is decided for none of them.

use std::collections::HashMap;
use std::time::Duration;

use eventproof_contract::Link;
use eventproof_evidence::ledger::Leg;
use eventproof_evidence::{At, Observation};
use serde::{Deserialize, Serialize};

use super::matcher::Matcher;
use super::message::Event;
use crate::plan::{Aside, End};

/// How long after its reader's commit an event still counts as waiting: for its effect to be seen, or its next record.
const BEHIND: Duration = Duration::from_secs(2);

/// A record in one of the topics.
#[derive(Clone, Debug)]
pub(crate) struct AsideSight {
    /// Which aside it is of.
    pub aside: usize,
    pub by: By,
    pub partition: i32,
    pub offset: i64,
    pub at: At,
}

/// What it is linked by to the event that it was.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Event(Event),
    /// A name of a place, or of bytes.
    Name(String),
}

/// Where a record stands, as a name.
pub(crate) fn named_place(topic: &str, partition: impl ToString, offset: impl ToString) -> String {
    format!("{topic}/{}/{}", partition.to_string(), offset.to_string())
}

/// Bytes, as a name.
pub(crate) fn named_bytes(hash: u64) -> String {
    format!("#{hash:016x}")
}

/// Records that a name links to an event, as far as one of several processes knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub read: u64,
    /// Of them, those whose event it knows.
    pub linked: u64,
    /// How often a name came to stand for another event.
    pub renamed: u64,
}

/// What is known of all asides.
pub(crate) struct Asides {
    pub all: Vec<Aside>,
    /// Events by the names of their places or bytes, and records that came before those were known.
    names: Matcher<AsideSight>,
    /// How many records were read that a name links to their event.
    named: u64,
    by_place: bool,
    by_bytes: bool,
    /// Legs on which events may be put off.
    put_off: Vec<Leg>,
    /// Of accounts that were closed elsewhere.
    nameless: u64,
    waits: HashMap<(Leg, u64), Vec<Stop>>,
    /// (group, topic, partition) -> committed offset, and when it was first seen
    committed: HashMap<(String, String, i32), (i64, At)>,
}

/// Where an event was seen.
struct Stop {
    aside: usize,
    partition: i32,
    offset: i64,
}

impl Asides {
    pub fn new(all: Vec<Aside>) -> Asides {
        let any = |of: fn(&Link) -> bool| all.iter().any(|aside| of(&aside.link));
        let waits = all.iter().filter(|aside| matches!(aside.end, End::Waits { .. }));
        Asides {
            put_off: waits.map(|aside| aside.leg).collect(),
            by_place: any(|link| matches!(link, Link::Position(_))),
            by_bytes: any(|link| matches!(link, Link::Bytes)),
            all,
            nameless: 0,
            named: 0,
            names: Matcher::default(),
            waits: HashMap::new(),
            committed: HashMap::new(),
        }
    }

    /// An event's bytes are known; returns what was seen of it before.
    pub fn learn_bytes(&mut self, hash: u64, number: u64) -> Vec<AsideSight> {
        if self.by_bytes { self.names.learn(&named_bytes(hash), number) } else { Vec::new() }
    }

    /// An event's place is known; returns what was seen of it before.
    pub fn learn_place(&mut self, topic: &str, partition: i32, offset: i64, number: u64) -> Vec<AsideSight> {
        if !self.by_place {
            return Vec::new();
        }
        self.names.learn(&named_place(topic, partition, offset), number)
    }

    /// The event of a record that a name links to it; none yet if nobody knows the name.
    pub fn named(&mut self, sight: &AsideSight, name: &str) -> Option<u64> {
        self.named += 1;
        let number = self.names.number(name);
        if number.is_none() {
            self.names.wait(name, sight.clone());
        }
        number
    }

    /// An event was seen there.
    pub fn stopped(&mut self, leg: Leg, number: u64, sight: &AsideSight) {
        let stop = Stop { aside: sight.aside, partition: sight.partition, offset: sight.offset };
        self.waits.entry((leg, number)).or_default().push(stop);
    }

    /// An event has come to an end of the leg.
    pub fn ended(&mut self, leg: Leg, number: u64) {
        if !self.waits.is_empty() {
            self.waits.remove(&(leg, number));
        }
    }

    /// Takes in how far the readers of retry topics are.
    pub fn told(&mut self, observation: &Observation) {
        let Observation::Committed { group, topic, partition, offset, at } = observation else { return };
        let reads = |aside: &Aside| {
            *aside.topic == **topic && matches!(&aside.end, End::Waits { group: reader } if **reader == **group)
        };
        if self.all.iter().any(reads) {
            let place = (group.to_string(), topic.to_string(), *partition);
            let known = self.committed.get(&place).map(|(offset, _)| *offset);
            if known != Some(*offset) {
                self.committed.insert(place, (*offset, *at));
            }
        }
    }

    /// Events of a leg that wait at an instant, or of which it is not known who gave them up.
    pub fn undecided(&self, leg: Leg, now: At) -> impl Iterator<Item = u64> {
        let of_leg = self.waits.iter().filter(move |((of, _), _)| *of == leg);
        of_leg
            .filter(move |(_, stops)| stops.iter().any(|stop| self.is_open(stop, now)))
            .map(|((_, number), _)| *number)
    }

    fn is_open(&self, stop: &Stop, now: At) -> bool {
        let Some(aside) = self.all.get(stop.aside) else { return false };
        let End::Waits { group } = &aside.end else { return true };
        let place = (group.clone(), aside.topic.clone(), stop.partition);
        let passed = self.committed.get(&place).filter(|(committed, _)| *committed > stop.offset);
        passed.is_none_or(|(_, since)| now.since(*since) < BEHIND)
    }

    /// Records that may be of any event: what links them is known of none, or was forgotten.
    pub fn strangers(&self) -> u64 {
        // A name that came to stand for another event says of neither.
        self.names.strangers() + self.names.renamed() + self.nameless
    }

    /// What a name links, for those who put the accounts of several processes together.
    pub fn by_name(&self) -> Named {
        let linked = self.named.saturating_sub(self.names.strangers());
        Named { read: self.named, linked, renamed: self.names.renamed() }
    }

    /// Takes in what all processes of a load found, each of which reads everything and knows its own events: what none of them knows is
    /// a stranger.
    pub fn absorb(&mut self, put_off: &[Leg], named: impl Iterator<Item = Named> + Clone) {
        self.put_off.extend(put_off);
        let read = named.clone().map(|named| named.read).max().unwrap_or(0);
        let (linked, renamed) = named.fold((0, 0), |sum, one| (sum.0 + one.linked, sum.1 + one.renamed));
        self.nameless += read.saturating_sub(linked) + renamed;
    }

    /// Whether events of a leg may be put off.
    pub fn may_wait(&self, leg: Leg) -> bool {
        self.put_off.contains(&leg)
    }

    /// How many entries are kept.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.names.kept() + self.waits.len()
    }
}
