//! One key's events on one leg: those in flight, in the order in which they were planned, and the latest seen.

use std::collections::VecDeque;

/// The events of one key that are not accounted for yet.
#[derive(Debug, Default)]
pub(super) struct KeyTrack {
    pending: VecDeque<Pending>,
    highest_seen: Option<u64>,
    /// The partition on which that one was first seen, where sights have one.
    place: Option<i32>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    sent: Sent,
    on_topic: bool,
    dead: bool,
}

#[derive(Debug, PartialEq)]
enum Sent {
    InFlight,
    Acknowledged,
    Uncertain,
}

/// What one sight of an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// First sight, after everything planned before it that has been seen.
    InOrder,
    /// First sight, but a later event of the key was seen before; `moved`: that one on another partition.
    Overtaken { moved: bool },
    /// Seen before.
    Again,
}

impl KeyTrack {
    pub fn planned(&mut self, number: u64) {
        self.pending.push_back(Pending { number, sent: Sent::InFlight, on_topic: false, dead: false });
    }

    pub fn acknowledged(&mut self, number: u64) {
        self.change(number, |event| event.sent = Sent::Acknowledged);
    }

    pub fn uncertain(&mut self, number: u64) {
        self.change(number, |event| event.sent = Sent::Uncertain);
    }

    pub fn on_topic(&mut self, number: u64) {
        self.change(number, |event| event.on_topic = true);
    }

    /// Whoever should handle it gave it up. Says whether that is news.
    pub fn dead_lettered(&mut self, number: u64) -> bool {
        let event = self.find(number).and_then(|index| self.pending.get_mut(index));
        event.is_some_and(|event| !std::mem::replace(&mut event.dead, true))
    }

    /// Whether an event is not accounted for yet.
    pub fn is_pending(&self, number: u64) -> bool {
        self.find(number).is_some()
    }

    pub fn forget(&mut self, number: u64) {
        if let Some(index) = self.find(number) {
            self.pending.remove(index);
        }
    }

    pub fn seen(&mut self, number: u64, place: Option<i32>) -> Sight {
        let Some(index) = self.find(number) else { return Sight::Again };
        self.pending.remove(index);
        if self.highest_seen.is_some_and(|highest| highest > number) {
            let moved = self.place.zip(place).is_some_and(|(overtaking, here)| overtaking != here);
            return Sight::Overtaken { moved };
        }
        (self.highest_seen, self.place) = (Some(number), place);
        Sight::InOrder
    }

    /// Whether everything is accounted for.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many events are not accounted for.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Acknowledged, and not seen on the topic.
    pub fn owed_on_topic(&self) -> u64 {
        self.count(|event| event.sent == Sent::Acknowledged)
    }

    /// Sent, and neither acknowledged nor failed nor seen.
    pub fn under_way(&self) -> u64 {
        self.count(|event| event.sent == Sent::InFlight)
    }

    /// Seen on the topic, and neither at the end of this leg nor given up.
    pub fn owed_after_topic(&self) -> u64 {
        self.count(|event| event.on_topic && !event.dead)
    }

    /// Given up.
    pub fn dead(&self) -> u64 {
        self.count(|event| event.dead)
    }

    /// The same, one by one.
    pub fn given_up(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().filter(|event| event.dead).map(|event| event.number)
    }

    /// Whether an event is owed at the end of this leg.
    pub fn owes(&self, number: u64) -> bool {
        let event = self.find(number).and_then(|index| self.pending.get(index));
        event.is_some_and(|event| event.on_topic && !event.dead)
    }

    /// Not known to have been written, and not seen.
    pub fn still_uncertain(&self) -> u64 {
        self.count(|event| event.sent != Sent::Acknowledged && !event.on_topic && !event.dead)
    }

    fn count(&self, which: impl Fn(&Pending) -> bool) -> u64 {
        self.pending.iter().filter(|event| which(event)).count() as u64
    }

    fn find(&self, number: u64) -> Option<usize> {
        // As a rule what is planned first comes first.
        if self.pending.front().is_some_and(|event| event.number == number) {
            return Some(0);
        }
        self.pending.binary_search_by_key(&number, |event| event.number).ok()
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Pending)) {
        if let Some(event) = self.find(number).and_then(|index| self.pending.get_mut(index)) {
            change(event);
        }
    }
}
