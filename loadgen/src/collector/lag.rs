//! How far groups are behind: ends of the topics as they were seen, against committed offsets. Offsets at which no record can be
//! seen (markers of transactions, records of aborted or compacted ones) are nothing that a group has to handle.
//!
//! Both are of one look. What comes after a group was asked it cannot have told of, and would make a group that keeps up look as far
//! behind as the look is old. So the ends are those of the asking: a lag is never more than it was then, and less by no more than what
//! came until the answer.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use eventproof_evidence::{At, Blind, Observation, Subject};
use eventproof_reports::model::LagPoint;
use eventproof_source::units::format_duration;
use rustc_hash::FxHashMap;

use super::message::{Frame, Group};

/// How many gaps of a partition are kept; the offsets of older ones count as records.
const GAPS: usize = 100_000;

/// A look that is older than this when an interval ends says nothing of it.
pub(crate) const STALE: Duration = Duration::from_secs(2);

/// By the place of an interval: the least that a lag can have been at its end, where what is known of it is only the most.
pub(crate) type Leasts = HashMap<usize, i64>;

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

/// A partition of a topic, by the topic's place in the frame.
type Place = (usize, i32);

/// (group, topic, partition) -> committed offset
type Committed = HashMap<(String, usize, i32), i64>;

/// A look that began.
struct Asked {
    at: At,
    /// Up to which offset each partition was read then.
    ends: Vec<(Place, i64)>,
}

/// What is known of ends and positions.
#[derive(Default)]
pub(crate) struct Lags {
    /// (topic, partition) -> what was read of it
    read: FxHashMap<Place, Read>,
    committed: Committed,
    /// By group: the look that waits for its answer.
    asking: HashMap<String, Asked>,
    /// By group: when it was asked the last time that it answered, and its lag of then.
    looked: HashMap<String, (At, LagPoint)>,
    /// Groups that do not answer, and why.
    blind: HashMap<String, String>,
    pub greatest: HashMap<String, i64>,
    /// By group: the greatest lag that it may have had where only bounds of it are known; and by interval the least that it can have been.
    greatest_possible: HashMap<String, i64>,
    least: HashMap<String, Leasts>,
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

    /// How many records, and how many offsets, are between a position and what was the end.
    fn behind(&self, position: i64, end: i64) -> (i64, i64) {
        let offsets = (end - position).max(0);
        let gaps = self.gaps.iter().rev().skip_while(|(from, _)| *from >= end);
        let empty: i64 = gaps.map(|(from, to)| (to - position.max(*from)).max(0)).take_while(|gap| *gap > 0).sum();
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
    pub fn read_to(&self, place: Place) -> i64 {
        self.read.get(&place).map_or(0, |read| read.end)
    }

    pub fn told(&mut self, observation: &Observation, topics: &[String]) {
        match observation {
            Observation::Committed { group, topic, partition, offset, .. } => {
                if let Some(topic) = topics.iter().position(|known| **known == **topic) {
                    self.committed.insert((group.to_string(), topic, *partition), *offset);
                }
            }
            Observation::Blind(Blind { what: Subject::Group(group), why, .. }) => {
                self.blind.insert(group.to_string(), why.clone());
            }
            Observation::CaughtUp { what: Subject::Group(group), .. } => {
                self.blind.remove(&**group);
            }
            _ => {}
        }
    }

    /// A group is asked for its positions.
    pub fn asking(&mut self, group: &str, at: At, groups: &[Group]) {
        let Some(group) = groups.iter().find(|known| known.name == group) else { return };
        let read = self.read.iter().filter(|((topic, _), _)| group.topics.contains(topic));
        let ends = read.map(|(place, read)| (*place, read.end)).collect();
        self.asking.insert(group.name.clone(), Asked { at, ends });
    }

    /// It has answered, and its positions are known.
    pub fn positioned(&mut self, group: &str, frame: &Frame) {
        let Some(asked) = self.asking.remove(group) else { return };
        let behind = asked.ends.iter().filter_map(|(place, end)| {
            let read = self.read.get(place)?;
            Some(read.behind(position(&self.committed, group, *place, read), *end))
        });
        let (records, offsets) = behind.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let at_ms = Some(asked.at.since(frame.start).as_secs_f64() * 1e3);
        let point = LagPoint { group: group.to_owned(), records, offsets: Some(offsets), at_ms };
        self.looked.insert(group.to_owned(), (asked.at, point));
    }

    /// The lag of every group as it was when it was last asked, if that was not long ago.
    pub fn at(&self, now: At, groups: &[Group]) -> Vec<LagPoint> {
        let seen = groups.iter().filter(|group| !self.blind.contains_key(&group.name));
        let looked = seen.filter_map(|group| self.looked.get(&group.name));
        looked.filter(|(asked, _)| now.since(*asked) <= STALE).map(|(_, point)| point.clone()).collect()
    }

    /// Forgets gaps that every group of the topic has behind it; one that never committed has none.
    pub fn forget(&mut self, groups: &[Group]) {
        for (place, read) in &mut self.read {
            let readers = groups.iter().filter(|group| group.topics.contains(&place.0));
            let positions = readers.map(|group| position(&self.committed, &group.name, *place, read));
            let least = positions.min().unwrap_or(i64::MAX);
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
    }

    /// The same where a lag is known to have been no more than this, and no less than `least`.
    pub fn measured_between(&mut self, interval: usize, least: i64, most: &LagPoint) {
        self.measured(&[LagPoint { records: least, ..most.clone() }]);
        let possible = self.greatest_possible.entry(most.group.clone()).or_default();
        *possible = (*possible).max(most.records);
        self.least.entry(most.group.clone()).or_default().insert(interval, least);
    }

    /// The greatest lag that a group may have had where only bounds of it are known, if there was such a time.
    pub fn possible(&self, group: &str) -> Option<i64> {
        self.greatest_possible.get(group).copied()
    }

    /// The least that a group's lag can have been, in the intervals of which only bounds are known.
    pub fn leasts(&self, group: &str) -> Option<&Leasts> {
        self.least.get(group)
    }

    /// An interval after the warm-up has ended, and these lags are all that is known of the groups.
    pub fn missed(&mut self, groups: &[Group], lags: &[LagPoint]) {
        for group in groups.iter().filter(|group| lags.iter().all(|point| point.group != group.name)) {
            let late = || format!("no look at it was answered within {}", format_duration(STALE));
            let why = self.blind.get(&group.name).cloned().unwrap_or_else(late);
            self.unseen.entry(group.name.clone()).or_insert_with(|| (0, why)).0 += 1;
        }
    }
}

/// Where a group stands on a partition. One that never committed there may begin at its end as well as at its beginning, so that what
/// stood there before the first record seen is nothing that it is known to owe.
fn position(committed: &Committed, group: &str, (topic, partition): Place, read: &Read) -> i64 {
    committed.get(&(group.to_owned(), topic, partition)).copied().unwrap_or(read.first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collector::tests::{at, frame};

    /// The lags that a look right now finds.
    fn now(lags: &mut Lags, groups: &[Group]) -> Vec<LagPoint> {
        for group in groups {
            lags.asking(&group.name, At::START, groups);
            lags.positioned(&group.name, &frame(Vec::new()));
        }
        lags.at(At::START, groups)
    }

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
            let before = now(&mut lags, &[group()]);
            lags.forget(&[group()]);
            let [point] = &now(&mut lags, &[group()])[..] else { panic!("one group") };
            prop_assert_eq!(point.records, expected);
            prop_assert_eq!(point.offsets, Some((seen.last().unwrap() + 1 - position).max(0)));
            prop_assert_eq!(&before[..], std::slice::from_ref(point), "what is forgotten says nothing more");
        }
    }

    /// The lag at the end of a second in which a record came every millisecond, a gap before every tenth: a group that has committed
    /// each `behind` milliseconds later is looked at every 200 ms from `phase` on, and answers `took` later.
    fn at_the_end_of_a_second(behind: u64, phase: u64, took: u64) -> i64 {
        let mut lags = Lags::default();
        let offset = |millis: u64| (millis + millis / 10) as i64;
        for millis in 0..=1000 {
            lags.seen(0, 0, offset(millis));
            if millis % 200 == phase {
                lags.asking("g", at(millis), &[group()]);
            }
            if millis % 200 == (phase + took) % 200 && millis >= behind {
                committed(&mut lags, offset(millis - behind) + 1);
                lags.positioned("g", &frame(Vec::new()));
            }
        }
        lags.at(at(1000), &[group()])[0].records
    }

    #[test]
    fn a_group_that_keeps_up_has_no_lag_however_old_the_look_is() {
        for (phase, took) in (0..200).flat_map(|phase| [(phase, 0), (phase, 7), (phase, 150)]) {
            assert_eq!(at_the_end_of_a_second(0, phase, took), 0, "looks at {phase} ms that take {took} ms");
            // Never more than it was, and less by no more than what came until the answer.
            let lag = at_the_end_of_a_second(180, phase, took);
            assert!((180 - took as i64..=180).contains(&lag), "{lag} at {phase} ms, {took} ms long");
        }
    }

    #[test]
    fn a_look_says_nothing_long_after() {
        let mut lags = Lags::default();
        lags.seen(0, 0, 0);
        let ended = |lags: &mut Lags, millis: u64| {
            let found = lags.at(at(millis), &[group()]);
            lags.missed(&[group()], &found);
            found.len()
        };
        assert_eq!(ended(&mut lags, 900), 0, "nobody looked yet");
        lags.asking("g", at(1_000), &[group()]);
        lags.positioned("g", &frame(Vec::new()));
        lags.asking("g", at(1_200), &[group()]);
        assert_eq!((ended(&mut lags, 3_000), ended(&mut lags, 3_001)), (1, 0));
        assert_eq!(lags.unseen["g"], (2, "no look at it was answered within 2 s".to_owned()));
    }

    #[test]
    fn a_group_without_a_position_does_not_owe_what_stood_there_before() {
        let mut lags = Lags::default();
        (5_000_000..5_000_010).for_each(|offset| lags.seen(0, 0, offset));
        lags.seen(0, 1, 700);
        let records = |lags: &mut Lags| now(lags, &[group()])[0].records;
        assert_eq!(records(&mut lags), 11, "what came since, on both partitions");
        committed(&mut lags, 5_000_004);
        assert_eq!(records(&mut lags), 7);
        committed(&mut lags, 4_999_000);
        assert_eq!(records(&mut lags), 1011, "a position that is known counts from where it is");
    }

    #[test]
    fn what_one_group_has_behind_it_another_may_still_have_before_it() {
        let late = Group { name: "late".to_owned(), topics: vec![0] };
        let mut lags = Lags::default();
        [0, 5, 9].into_iter().for_each(|offset| lags.seen(0, 0, offset));
        committed(&mut lags, 10);
        let groups = [group(), late];
        lags.forget(&groups);
        let records: Vec<i64> = now(&mut lags, &groups).iter().map(|point| point.records).collect();
        assert_eq!(records, [0, 3]);
    }
}
