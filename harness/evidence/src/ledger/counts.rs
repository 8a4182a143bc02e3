//! The figures of an account. They add up, so that shards can be merged.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What became of the events that were planned, on the sending side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub planned: u64,
    pub acknowledged: u64,
    /// Refused by client or broker: not on the topic.
    pub refused: u64,
    /// Timed out, or the answer was lost: neither sent nor lost.
    pub unknown: u64,
}

/// What became of the events on one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegCounts {
    /// Seen at least once.
    pub seen: u64,
    /// Owed, and never seen, and not known to be anywhere else.
    pub lost: u64,
    /// Owed, and given up: they lie in a dead-letter topic instead.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dead_lettered: u64,
    /// Owed, and neither done nor lost: they wait in a retry topic, or lie in a dead-letter topic of several groups.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undecided: u64,
    /// Seen, and later than it should have been.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
    /// Seen again: each further sight counts.
    pub duplicated: u64,
    /// Of those, sights of events that stand on the topic more than once: whoever handled them twice was told twice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duplicated_on_topic: u64,
    /// First seen after a later event of the same key.
    pub reordered: u64,
    /// Of the reordered ones, those on another partition than the event of their key before: a partition's order says nothing of
    /// another's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reordered_by_partition: u64,
    /// Of the reordered ones, those that stood on the topic so: whoever handled them kept that order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reordered_on_topic: u64,
    /// Seen, but never planned.
    pub phantom: u64,
    /// Seen with another content than was sent.
    pub corrupted: u64,
    /// Not seen, and not known whether it was ever written: not judged.
    pub unknown: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.planned += other.planned;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }
}

impl AddAssign for LegCounts {
    fn add_assign(&mut self, other: LegCounts) {
        self.seen += other.seen;
        self.lost += other.lost;
        self.dead_lettered += other.dead_lettered;
        self.undecided += other.undecided;
        self.late += other.late;
        self.duplicated += other.duplicated;
        self.duplicated_on_topic += other.duplicated_on_topic;
        self.reordered += other.reordered;
        self.reordered_by_partition += other.reordered_by_partition;
        self.reordered_on_topic += other.reordered_on_topic;
        self.phantom += other.phantom;
        self.corrupted += other.corrupted;
        self.unknown += other.unknown;
    }
}
