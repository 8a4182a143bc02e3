//! How far groups are behind: ends of the topics as they were seen, against committed offsets. Offsets at which no record can be
//! seen (markers of transactions, records of aborted or compacted ones) are nothing that a group has to handle.

use std::collections::{HashMap, VecDeque};

use eventproof_evidence::{Blind, Observation};
use eventproof_reports::model::LagPoint;
use rustc_hash::FxHashMap;

use super::message::Group;

/// How many gaps of a partition are kept; the offsets of older ones count as records.
const GAPS: usize = 100_000;

/// A partition, as far as it was read.
#[derive(Debug)]
struct Read {
    /// The offset of the first record seen.
    first: i64,
    /// The offset behind the last record seen.
    end: i64,
    /// Where no record was seen between two that were: from, to.
    gaps: VecDeque<(i64, i64)>,
}

/// (group, topic, partition) -> committed offset
type Committed = HashMap<(String, usize, i32), i64>;

/// What is known of ends and positions.
#[derive(Default)]
pub(crate) struct Lags {
    /// (topic, partition) -> what was read of it
    read: FxHashMap<(usize, i32), Read>,
    committed: Committed,
    /// Groups that do not answer, and why.
    blind: HashMap<String, String>,
    pub greatest: HashMap<String, i64>,
    /// Intervals without a lag, because the group did not answer: how many, and why.
    pub unseen: HashMap<String, (u32, String)>,
}

impl Read {
    fn of(offset: i64) -> Read {
        Read { first: offset, end: offset + 1, gaps: VecDeque::new() }
    }

    fn seen(&mut self, offset: i64) {
        if offset > self.end {
            self.gaps.push_back((self.end, offset));
            if self.gaps.len() > GAPS {
                self.gaps.pop_front();
            }
        }
        self.end = self.end.max(offset + 1);
    }

    /// How many records, and how many offsets, are behind a position.
    fn behind(&self, position: i64) -> (i64, i64) {
        let offsets = (self.end - position).max(0);
        let empty: i64 =
            self.gaps.iter().rev().map(|(from, to)| (to - position.max(*from)).max(0)).take_while(|gap| *gap > 0).sum();
        (offsets - empty, offsets)
    }
}

impl Lags {
    pub fn seen(&mut self, topic: usize, partition: i32, offset: i64) {
        match self.read.get_mut(&(topic, partition)) {
            Some(read) => read.seen(offset),
            None => drop(self.read.insert((topic, partition), Read::of(offset))),
        }
    }

    /// Up to which offset a partition was read.
    pub fn read_to(&self, place: (usize, i32)) -> i64 {
        self.read.get(&place).map_or(0, |read| read.end)
    }

    pub fn told(&mut self, observation: &Observation, topics: &[String]) {
        match observation {
            Observation::Committed { group, topic, partition, offset, .. } => {
                if let Some(topic) = topics.iter().position(|known| **known == **topic) {
                    self.committed.insert((group.to_string(), topic, *partition), *offset);
                }
            }
            Observation::Blind(Blind { what: Some(group), why, .. }) => {
                self.blind.insert(group.to_string(), why.clone());
            }
            Observation::CaughtUp { what, .. } => {
                self.blind.remove(&**what);
            }
            _ => {}
        }
    }

    /// The lag of every group that answers: positions of one that does not are old, and would make a lag of nothing.
    pub fn now(&self, groups: &[Group]) -> Vec<LagPoint> {
        let lag = |group: &Group| {
            let read = self.read.iter().filter(|((topic, _), _)| group.topics.contains(topic));
            let behind = read.map(|(place, read)| read.behind(position(&self.committed, group, *place, read)));
            let (records, offsets) = behind.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            LagPoint { group: group.name.clone(), records, offsets: Some(offsets) }
        };
        groups.iter().filter(|group| !self.blind.contains_key(&group.name)).map(lag).collect()
    }

    /// Forgets gaps that every group of the topic has behind it; one that never committed has none.
    pub fn forget(&mut self, groups: &[Group]) {
        for (place, read) in &mut self.read {
            let readers = groups.iter().filter(|group| group.topics.contains(&place.0));
            let least = readers.map(|group| position(&self.committed, group, *place, read)).min().unwrap_or(i64::MAX);
            while read.gaps.front().is_some_and(|(_, to)| *to <= least) {
                read.gaps.pop_front();
            }
        }
    }

    /// An interval after the warm-up has ended with this.
    pub fn measured(&mut self, lags: &[LagPoint]) {
        for point in lags {
            let greatest = self.greatest.entry(point.group.clone()).or_default();
            *greatest = (*greatest).max(point.records);
        }
        for (group, why) in &self.blind {
            self.unseen.entry(group.clone()).or_insert_with(|| (0, why.clone())).0 += 1;
        }
    }
}

/// Where a group stands on a partition. One that never committed there may begin at its end as well as at its beginning, so that what
/// stood there before the first record seen is nothing that it is known to owe.
fn position(committed: &Committed, group: &Group, (topic, partition): (usize, i32), read: &Read) -> i64 {
    committed.get(&(group.name.clone(), topic, partition)).copied().unwrap_or(read.first)
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::At;
    use proptest::prelude::*;

    use super::*;

    fn group() -> Group {
        Group { name: "g".to_owned(), topics: vec![0] }
    }

    fn committed(lags: &mut Lags, offset: i64) {
        let told =
            Observation::Committed { group: "g".into(), topic: "t".into(), partition: 0, offset, at: At::default() };
        lags.told(&told, &["t".to_owned()]);
    }

    proptest! {
        /// Records with other offsets between them, a position anywhere: behind it are the records from there on.
        #[test]
        fn a_lag_is_that_of_what_can_be_seen(steps in prop::collection::vec(1i64..4, 1..60), position in 0i64..200) {
            let offsets: Vec<i64> = steps.iter().scan(-1, |at, step| { *at += step; Some(*at) }).collect();
            let mut lags = Lags::default();
            // The first says nothing of what is before it.
            lags.seen(0, 0, 0);
            offsets.iter().for_each(|offset| lags.seen(0, 0, *offset));
            committed(&mut lags, position);
            let seen: std::collections::BTreeSet<i64> = offsets.iter().copied().chain([0]).collect();
            let expected = seen.range(position..).count() as i64;
            let before = lags.now(&[group()]);
            lags.forget(&[group()]);
            let [point] = &lags.now(&[group()])[..] else { panic!("one group") };
            prop_assert_eq!(point.records, expected);
            prop_assert_eq!(point.offsets, Some((seen.last().unwrap() + 1 - position).max(0)));
            prop_assert_eq!(&before[..], std::slice::from_ref(point), "what is forgotten says nothing more");
        }
    }

    #[test]
    fn a_group_without_a_position_does_not_owe_what_stood_there_before() {
        let mut lags = Lags::default();
        (5_000_000..5_000_010).for_each(|offset| lags.seen(0, 0, offset));
        lags.seen(0, 1, 700);
        let records = |lags: &Lags| lags.now(&[group()])[0].records;
        assert_eq!(records(&lags), 11, "what came since, on both partitions");
        committed(&mut lags, 5_000_004);
        assert_eq!(records(&lags), 7);
        committed(&mut lags, 4_999_000);
        assert_eq!(records(&lags), 1011, "a position that is known counts from where it is");
    }

    #[test]
    fn what_one_group_has_behind_it_another_may_still_have_before_it() {
        let late = Group { name: "late".to_owned(), topics: vec![0] };
        let mut lags = Lags::default();
        [0, 5, 9].into_iter().for_each(|offset| lags.seen(0, 0, offset));
        committed(&mut lags, 10);
        let groups = [group(), late];
        lags.forget(&groups);
        let records: Vec<i64> = lags.now(&groups).iter().map(|point| point.records).collect();
        assert_eq!(records, [0, 3]);
    }
}
