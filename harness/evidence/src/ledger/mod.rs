//! The account of a stream of events: every event planned is acknowledged, refused or unknown, and on every leg
//! seen or not. Memory depends on keys and on events in flight, not on events sent.

mod counts;
mod track;

pub use counts::{Counts, LegCounts};
use track::KeyTrack;

use std::collections::{HashMap, HashSet};

use rustc_hash::FxHashMap;

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
    /// Events that stood on the topic out of their order, as far as they are kept: where a group sees them so, it kept the order.
    disordered: HashSet<u64>,
    /// Events that stand on the topic more than once, likewise.
    copied: HashSet<u64>,
}

/// How many events are kept of each kind that explains what is seen of a group.
const KEPT: usize = 100_000;

struct LegAccount {
    name: String,
    keys: FxHashMap<u64, KeyTrack>,
    counts: LegCounts,
    /// Of accounts that were closed elsewhere: what was lost there, and what is unknown.
    closed: LegCounts,
    /// Events seen again here, and not yet on the topic, as far as they are kept: a copy may have been handled sooner than it was read.
    again: HashSet<u64>,
    /// Where events may be tried again: those that were overtaken, and those that are known to have been put off.
    tried_again: Option<TriedAgain>,
}

/// What an event's order is judged within.
#[derive(Clone, Copy)]
struct Within {
    partition: Option<i32>,
}

#[derive(Default)]
struct TriedAgain {
    /// With whether each was counted as standing on the topic so.
    overtaken: HashMap<u64, bool>,
    put_off: HashSet<u64>,
}

impl Ledger {
    /// An account with the leg "topic" and one more for each name.
    pub fn new(further: impl IntoIterator<Item = String>) -> Ledger {
        let names = std::iter::once("topic".to_owned()).chain(further);
        let account = |name| LegAccount {
            name,
            keys: FxHashMap::default(),
            counts: LegCounts::default(),
            closed: LegCounts::default(),
            again: HashSet::new(),
            tried_again: None,
        };
        let legs = names.map(account).collect();
        let (disordered, copied) = (HashSet::new(), HashSet::new());
        Ledger { legs, counts: Counts::default(), last_planned: None, unordered: false, disordered, copied }
    }

    /// The same for events that have no order: each is a key of its own, and a key is forgotten once nothing of it is owed.
    pub fn without_order(further: impl IntoIterator<Item = String>) -> Ledger {
        Ledger { unordered: true, ..Ledger::new(further) }
    }

    /// On this leg events may be put off and tried again, behind later ones: that is no fault of order.
    pub fn may_put_off(&mut self, leg: Leg) {
        self.legs.get_mut(leg).into_iter().for_each(|leg| leg.tried_again = Some(TriedAgain::default()));
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
        self.seen_on(leg, key, number, None)
    }

    /// The same on a partition: where that of a key changes, its order does by that.
    pub fn seen_on(&mut self, leg: Leg, key: u64, number: u64, partition: Option<i32>) -> bool {
        self.sight(leg, key, number, Some(Within { partition }))
    }

    /// The same of an event that has no order: its key here is only what it is kept by.
    pub fn seen_anywhere(&mut self, leg: Leg, key: u64, number: u64) -> bool {
        self.sight(leg, key, number, None)
    }

    fn sight(&mut self, leg: Leg, key: u64, number: u64, order: Option<Within>) -> bool {
        if self.last_planned.is_none_or(|last| number > last) {
            self.phantom(leg);
            return false;
        }
        let Some(account) = self.legs.get_mut(leg) else { return false };
        let overtaken = account.counts.reordered;
        let first = account.seen(key, number, order, leg != TOPIC && self.disordered.contains(&number));
        if leg == TOPIC && account.counts.reordered > overtaken && self.disordered.len() < KEPT {
            self.disordered.insert(number);
        }
        if first && leg == TOPIC {
            for further in &mut self.legs[1..] {
                further.change(key, |track| track.on_topic(number));
            }
        }
        match (first, leg) {
            (true, _) => {}
            (false, TOPIC) => self.copied_on_topic(number),
            (false, _) => self.seen_again(leg, number),
        }
        self.forget(key);
        first
    }

    /// It stands on the topic once more: that explains what a group did twice, if it did so before this was read.
    fn copied_on_topic(&mut self, number: u64) {
        for further in self.legs.iter_mut().skip(1) {
            further.counts.duplicated_on_topic += u64::from(further.again.remove(&number));
        }
        if self.copied.len() < KEPT {
            self.copied.insert(number);
        }
    }

    fn seen_again(&mut self, leg: Leg, number: u64) {
        let copied = self.copied.contains(&number);
        let Some(account) = self.legs.get_mut(leg) else { return };
        account.counts.duplicated_on_topic += u64::from(copied);
        if !copied && account.again.len() < KEPT {
            account.again.insert(number);
        }
    }

    /// It was put off on this leg, to be tried again later: whatever overtakes it meanwhile is no fault. This may be known only after
    /// it was seen.
    pub fn put_off(&mut self, leg: Leg, key: u64, number: u64) {
        if let Some(account) = self.legs.get_mut(leg) {
            account.put_off(key, number);
        }
    }

    /// It was given up on this leg, and lies in a dead-letter topic. Returns whether that is news.
    pub fn dead_lettered(&mut self, leg: Leg, key: u64, number: u64) -> bool {
        let track = self.legs.get_mut(leg).and_then(|account| account.keys.get_mut(&key));
        track.is_some_and(|track| track.dead_lettered(number))
    }

    /// The events of all keys that were given up on a leg, and had no effect since.
    pub fn given_up(&self, leg: Leg) -> impl Iterator<Item = u64> {
        self.legs.get(leg).into_iter().flat_map(|account| account.keys.values()).flat_map(KeyTrack::given_up)
    }

    /// Whether it is not accounted for yet on a leg: neither seen there nor refused.
    pub fn is_pending(&self, leg: Leg, key: u64, number: u64) -> bool {
        self.track(leg, key).is_some_and(|track| track.is_pending(number))
    }

    /// Whether it is on the topic, and neither at the end of this leg nor given up.
    pub fn owes(&self, leg: Leg, key: u64, number: u64) -> bool {
        self.track(leg, key).is_some_and(|track| track.owes(number))
    }

    fn track(&self, leg: Leg, key: u64) -> Option<&KeyTrack> {
        self.legs.get(leg)?.keys.get(&key)
    }

    /// An event was seen later than it should have been.
    pub fn late(&mut self, leg: Leg) {
        if let Some(account) = self.legs.get_mut(leg) {
            account.counts.late += 1;
        }
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

    /// Events that are still owed on a leg, those among them that were undecided when their account was closed elsewhere.
    pub fn outstanding(&self, leg: Leg) -> u64 {
        self.legs.get(leg).map_or(0, |account| account.owed(leg) + account.counts.undecided)
    }

    /// Events that were sent to the topic, whose fate is not known yet, and that were not seen there.
    pub fn under_way(&self) -> u64 {
        self.legs.get(TOPIC).map_or(0, |account| account.keys.values().map(KeyTrack::under_way).sum())
    }

    /// How many entries are kept in memory of events that are not accounted for yet, and of keys.
    pub fn kept(&self) -> usize {
        let of_leg = |leg: &LegAccount| leg.keys.values().map(|track| 1 + track.pending()).sum::<usize>();
        self.legs.iter().map(of_leg).sum()
    }

    /// What became of the events that were sent.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What became of them on every leg, if nothing more comes: what is owed now is lost.
    pub fn legs(&self) -> Vec<(String, LegCounts)> {
        let closed = |(leg, account): (Leg, &LegAccount)| {
            let open: u64 = account.keys.values().map(KeyTrack::still_uncertain).sum();
            let unknown = open + account.closed.unknown;
            let dead: u64 = account.keys.values().map(KeyTrack::dead).sum();
            let dead_lettered = dead + account.closed.dead_lettered;
            (account.name.clone(), LegCounts { lost: account.owed(leg), dead_lettered, unknown, ..account.counts })
        };
        self.legs.iter().enumerate().map(closed).collect()
    }

    /// Takes in the figures of an account that was closed elsewhere, of events that this one knows nothing of: a shard's.
    /// `legs` are in the same order.
    pub fn absorb(&mut self, counts: Counts, legs: &[LegCounts]) {
        self.counts += counts;
        for (account, closed) in self.legs.iter_mut().zip(legs) {
            let open = LegCounts {
                lost: closed.lost,
                dead_lettered: closed.dead_lettered,
                unknown: closed.unknown,
                ..LegCounts::default()
            };
            account.counts += LegCounts { lost: 0, dead_lettered: 0, unknown: 0, ..*closed };
            account.closed += open;
        }
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

    /// `on_topic`: whether it stood on the topic out of its order.
    fn seen(&mut self, key: u64, number: u64, order: Option<Within>, on_topic: bool) -> bool {
        let sight = self.keys.entry(key).or_default().seen(number, order.and_then(|within| within.partition));
        match sight {
            track::Sight::InOrder => self.counts.seen += 1,
            track::Sight::Overtaken { .. } if order.is_none() => self.counts.seen += 1,
            track::Sight::Overtaken { moved } => {
                self.counts.seen += 1;
                let fault = u64::from(self.is_fault_of_order(number, on_topic));
                self.counts.reordered += fault;
                self.counts.reordered_by_partition += fault * u64::from(moved);
                self.counts.reordered_on_topic += fault * u64::from(on_topic);
            }
            track::Sight::Again => self.counts.duplicated += 1,
        }
        if let Some(again) = &mut self.tried_again {
            again.put_off.remove(&number);
        }
        sight != track::Sight::Again
    }

    /// Whether an event that was overtaken had to keep its place, as far as is known.
    fn is_fault_of_order(&mut self, number: u64, on_topic: bool) -> bool {
        let Some(again) = &mut self.tried_again else { return true };
        !again.put_off.contains(&number) && again.overtaken.insert(number, on_topic).is_none()
    }

    fn put_off(&mut self, key: u64, number: u64) {
        let Some(again) = &mut self.tried_again else { return };
        if let Some(on_topic) = again.overtaken.remove(&number) {
            self.counts.reordered -= 1;
            self.counts.reordered_on_topic -= u64::from(on_topic);
        } else if self.keys.get(&key).is_some_and(|track| track.is_pending(number)) {
            again.put_off.insert(number);
        }
    }

    fn owed(&self, leg: Leg) -> u64 {
        let owed = if leg == TOPIC { KeyTrack::owed_on_topic } else { KeyTrack::owed_after_topic };
        self.keys.values().map(owed).sum::<u64>() + self.closed.lost
    }
}

#[cfg(test)]
mod tests;
