//! The account of a stream of events: every event planned is acknowledged, refused or unknown, and on every leg
//! seen or not. Memory depends on keys and on events in flight, not on events sent.

mod counts;
mod track;

pub use counts::{Counts, LegCounts};
use track::KeyTrack;

use std::collections::HashMap;

/// Which part of an event's way is meant. Every delivery figure names its leg.
pub type Leg = usize;

/// The leg to the topic: acknowledged, and on the log.
pub const TOPIC: Leg = 0;

/// An account of events by key, over the leg to the topic and any number of further legs (a group's effects).
///
/// Events of a key are planned with ascending numbers; the numbers need not be contiguous.
pub struct Ledger {
    legs: Vec<LegAccount>,
    counts: Counts,
    last_planned: Option<u64>,
    /// Whether every event is a key of its own, forgotten with it.
    unordered: bool,
}

struct LegAccount {
    name: String,
    keys: HashMap<u64, KeyTrack>,
    counts: LegCounts,
}

impl Ledger {
    /// An account with the leg "topic" and one more for each name.
    pub fn new(further: impl IntoIterator<Item = String>) -> Ledger {
        let names = std::iter::once("topic".to_owned()).chain(further);
        let account = |name| LegAccount { name, keys: HashMap::new(), counts: LegCounts::default() };
        let legs = names.map(account).collect();
        Ledger { legs, counts: Counts::default(), last_planned: None, unordered: false }
    }

    /// The same for events that have no order: each is a key of its own, and a key is forgotten once nothing of it is owed.
    pub fn without_order(further: impl IntoIterator<Item = String>) -> Ledger {
        Ledger { unordered: true, ..Ledger::new(further) }
    }

    /// An event is going to be sent. Numbers ascend.
    pub fn planned(&mut self, key: u64, number: u64) {
        self.planned_on(key, number, &vec![true; self.legs.len()]);
    }

    /// The same for an event that is owed on some of the legs only: one that not every group consumes.
    pub fn planned_on(&mut self, key: u64, number: u64, legs: &[bool]) {
        self.counts.planned += 1;
        self.last_planned = self.last_planned.max(Some(number));
        for (leg, _) in self.legs.iter_mut().zip(legs).filter(|(_, owed)| **owed) {
            leg.keys.entry(key).or_default().planned(number);
        }
    }

    /// The broker acknowledged it.
    pub fn acknowledged(&mut self, key: u64, number: u64) {
        self.counts.acknowledged += 1;
        self.each(key, |track| track.acknowledged(number));
    }

    /// It was refused: it is not on the topic, and nothing follows from it.
    pub fn refused(&mut self, key: u64, number: u64) {
        self.counts.refused += 1;
        self.each(key, |track| track.forget(number));
    }

    /// Nobody knows whether it was written: neither lost nor sent.
    pub fn unknown(&mut self, key: u64, number: u64) {
        self.counts.unknown += 1;
        self.each(key, |track| track.uncertain(number));
    }

    /// It was seen at the end of a leg. Further legs expect only what was on the topic. Returns whether this is its
    /// first sight there.
    pub fn seen(&mut self, leg: Leg, key: u64, number: u64) -> bool {
        if self.last_planned.is_none_or(|last| number > last) {
            self.phantom(leg);
            return false;
        }
        let Some(account) = self.legs.get_mut(leg) else { return false };
        let first = account.seen(key, number);
        if first && leg == TOPIC {
            for further in &mut self.legs[1..] {
                further.change(key, |track| track.on_topic(number));
            }
        }
        self.forget(key);
        first
    }

    /// Something was seen that was never planned.
    pub fn phantom(&mut self, leg: Leg) {
        if let Some(account) = self.legs.get_mut(leg) {
            account.counts.phantom += 1;
        }
    }

    /// An event was seen whose content is not what was sent.
    pub fn corrupted(&mut self, leg: Leg) {
        if let Some(account) = self.legs.get_mut(leg) {
            account.counts.corrupted += 1;
        }
    }

    /// Events that are still owed on a leg.
    pub fn outstanding(&self, leg: Leg) -> u64 {
        self.legs.get(leg).map_or(0, |account| account.owed(leg))
    }

    /// What became of the events that were sent.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What became of them on every leg, if nothing more comes: what is owed now is lost.
    pub fn legs(&self) -> Vec<(String, LegCounts)> {
        let closed = |(leg, account): (Leg, &LegAccount)| {
            let unknown = account.keys.values().map(KeyTrack::still_uncertain).sum();
            (account.name.clone(), LegCounts { lost: account.owed(leg), unknown, ..account.counts })
        };
        self.legs.iter().enumerate().map(closed).collect()
    }

    fn each(&mut self, key: u64, change: impl Fn(&mut KeyTrack)) {
        self.legs.iter_mut().for_each(|leg| leg.change(key, &change));
        self.forget(key);
    }

    /// Where there is no order, a key of which nothing is owed says nothing more.
    fn forget(&mut self, key: u64) {
        if self.unordered {
            for leg in &mut self.legs {
                if leg.keys.get(&key).is_some_and(KeyTrack::is_empty) {
                    leg.keys.remove(&key);
                }
            }
        }
    }
}

impl LegAccount {
    /// What was never planned on this leg changes nothing.
    fn change(&mut self, key: u64, change: impl Fn(&mut KeyTrack)) {
        self.keys.get_mut(&key).into_iter().for_each(change);
    }

    fn seen(&mut self, key: u64, number: u64) -> bool {
        let sight = self.keys.entry(key).or_default().seen(number);
        match sight {
            track::Sight::InOrder => self.counts.seen += 1,
            track::Sight::Overtaken => {
                self.counts.seen += 1;
                self.counts.reordered += 1;
            }
            track::Sight::Again => self.counts.duplicated += 1,
        }
        sight != track::Sight::Again
    }

    fn owed(&self, leg: Leg) -> u64 {
        let owed = if leg == TOPIC { KeyTrack::owed_on_topic } else { KeyTrack::owed_after_topic };
        self.keys.values().map(owed).sum()
    }
}

#[cfg(test)]
mod tests;
