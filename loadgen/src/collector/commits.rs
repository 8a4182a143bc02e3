//! Events that a group has behind it, by the positions that it commits: what there is to see of their processing where nothing shows an
//! effect. A position says that they were processed at some time since the position before it, and no more: how much that may be is
//! measured for each event and told with the figures.

use std::collections::VecDeque;
use std::time::Duration;

use eventproof_evidence::{At, Latencies, Percentile};
use rustc_hash::FxHashMap;

/// The share of the events whose time is no more in doubt than is said.
const DOUBTED: Percentile = Percentile(95.0);

/// Positions kept of a partition of which nothing is seen: another process may be the one that reads it.
const AHEAD: usize = 100;

/// A partition of a topic, by the topic's place in the frame.
type Place = (usize, i32);

/// What is known of the groups whose positions are followed, in the frame's order.
#[derive(Default)]
pub(crate) struct Commits {
    groups: Vec<OfGroup>,
    /// How often positions are asked for.
    every: Duration,
}

#[derive(Default)]
struct OfGroup {
    parts: FxHashMap<Place, Part>,
    /// By how much each event may have been processed before it was seen to be.
    doubts: Latencies,
}

#[derive(Default)]
struct Part {
    /// Seen, and not committed past; in the order of their offsets, as they were read.
    waiting: VecDeque<Waiting>,
    /// Positions beyond what was seen until now.
    ahead: VecDeque<Position>,
    latest: Option<Position>,
}

#[derive(Clone, Copy)]
struct Position {
    offset: i64,
    at: At,
    /// When the one before it was first seen.
    before: At,
}

/// A measured event that stands on a topic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub number: u64,
    pub offset: i64,
    pub planned: At,
    pub seen: At,
}

/// An event that is behind a group's position, and since when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Done {
    pub number: u64,
    pub planned: At,
    /// When it was seen on its topic.
    pub seen: At,
    pub at: At,
}

impl Commits {
    pub fn new(groups: usize, every: Duration) -> Commits {
        Commits { groups: (0..groups).map(|_| OfGroup::default()).collect(), every }
    }

    /// A group is to process an event that was just seen. Returns when it had, if that is known already.
    pub fn seen(&mut self, group: usize, place: Place, event: Waiting) -> Option<Done> {
        let every = self.every;
        let of = self.groups.get_mut(group)?;
        let part = of.parts.entry(place).or_default();
        while part.ahead.front().is_some_and(|position| position.offset <= event.offset) {
            part.ahead.pop_front();
        }
        match part.ahead.front().copied() {
            Some(position) => Some(of.done(event, position, every)),
            None => {
                part.waiting.push_back(event);
                None
            }
        }
    }

    /// A group's position was seen to be another. Returns the events that are behind it now. `read`: up to which offset everything that
    /// stands there was seen already.
    pub fn committed(&mut self, group: usize, place: Place, (offset, at): (i64, At), read: i64) -> Vec<Done> {
        let every = self.every;
        let Some(of) = self.groups.get_mut(group) else { return Vec::new() };
        let part = of.parts.entry(place).or_default();
        let position = Position { offset, at, before: part.latest.map_or(At::START, |latest| latest.at) };
        part.latest = Some(position);
        // Only what is still to be seen can be behind a position and not wait for it.
        part.ahead.push_back(position);
        part.ahead.retain(|position| position.offset > read);
        part.thin();
        let behind: Vec<Waiting> =
            std::iter::from_fn(|| part.waiting.pop_front_if(|event| event.offset < offset)).collect();
        behind.into_iter().map(|event| of.done(event, position, every)).collect()
    }

    /// Whether every event that was seen is behind every group's position.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().flat_map(|of| of.parts.values()).all(|part| part.waiting.is_empty())
    }

    /// By how much the time may be wrong that 95 % of a group's events are said to have taken.
    pub fn step(&self, group: usize) -> Duration {
        self.groups.get(group).map_or(Duration::ZERO, |of| of.doubts.percentile(DOUBTED).value)
    }

    /// By how much the time of each event may be wrong, by group.
    pub fn doubts(&self) -> impl Iterator<Item = &Latencies> {
        self.groups.iter().map(|of| &of.doubts)
    }

    /// Takes in what another account found of a group.
    pub fn absorb(&mut self, group: usize, doubts: &Latencies) {
        self.groups.get_mut(group).into_iter().for_each(|of| of.doubts.merge(doubts));
    }
}

impl Part {
    /// Of too many positions the first two become one: what is behind it was done by the later and not before the earlier began.
    fn thin(&mut self) {
        if self.ahead.len() <= AHEAD {
            return;
        }
        let first = self.ahead.pop_front();
        if let Some((first, next)) = first.zip(self.ahead.front_mut()) {
            next.before = first.before;
        }
    }
}

impl OfGroup {
    fn done(&mut self, event: Waiting, position: Position, every: Duration) -> Done {
        // It was not processed before it was there, nor before the position was what it had been at the look before.
        let there = if event.seen <= position.at { event.seen } else { event.planned };
        let earliest = there.max(position.before - every);
        self.doubts.record(position.at.since(earliest));
        Done { number: event.number, planned: event.planned, seen: event.seen, at: position.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(200);
    const PLACE: Place = (0, 0);

    fn at(millis: u64) -> At {
        At::START + Duration::from_millis(millis)
    }

    fn event(number: u64, seen: u64) -> Waiting {
        Waiting { number, offset: number as i64, planned: at(seen), seen: at(seen) }
    }

    fn one() -> Commits {
        Commits::new(1, EVERY)
    }

    #[test]
    fn a_position_is_when_what_is_behind_it_was_done_at_the_latest() {
        let mut commits = one();
        (0..4).for_each(|number| assert_eq!(commits.seen(0, PLACE, event(number, 1000 + number * 10)), None));
        let done = commits.committed(0, PLACE, (3, at(1500)), 0);
        assert_eq!(
            done.iter().map(|done| (done.number, done.at)).collect::<Vec<_>>(),
            [0, 1, 2].map(|n| (n, at(1500)))
        );
        assert!(!commits.is_empty());
        assert_eq!(commits.committed(0, PLACE, (4, at(1700)), 0).len(), 1);
        assert!(commits.is_empty());
    }

    #[test]
    fn a_group_that_commits_every_five_seconds_is_doubted_by_five_seconds() {
        let mut commits = one();
        for step in 1..=20u64 {
            (0..50).for_each(|n| _ = commits.seen(0, PLACE, event((step - 1) * 50 + n, (step - 1) * 5000 + n * 100)));
            assert_eq!(commits.committed(0, PLACE, ((step * 50) as i64, at(step * 5000)), 0).len(), 50);
        }
        let step = commits.step(0).as_millis();
        // 95 % of the events came at least a quarter of a second after the position before.
        assert!((4500..=5200).contains(&step), "{step} ms");
    }

    #[test]
    fn a_group_that_is_far_behind_and_commits_often_is_doubted_by_little() {
        let mut commits = one();
        (0..100).for_each(|number| _ = commits.seen(0, PLACE, event(number, 0)));
        for number in 0..100u64 {
            let done = commits.committed(0, PLACE, (number as i64 + 1, at(3000 + number * 200)), 0);
            assert_eq!(done.len(), 1);
        }
        // The first may have been done as soon as it came: nothing was committed before.
        assert!(commits.step(0) <= Duration::from_millis(401), "{:?}", commits.step(0));
    }

    #[test]
    fn a_position_may_be_told_before_what_is_behind_it_was_seen() {
        let mut commits = one();
        assert_eq!(commits.committed(0, PLACE, (0, at(0)), 0), []);
        assert_eq!(commits.committed(0, PLACE, (2, at(400)), 0), []);
        assert_eq!(commits.committed(0, PLACE, (9, at(900)), 0), []);
        let done = |commits: &mut Commits, number| commits.seen(0, PLACE, event(number, 950)).map(|done| done.at);
        assert_eq!([0, 1, 2].map(|number| done(&mut commits, number)), [at(400), at(400), at(900)].map(Some));
        assert_eq!(done(&mut commits, 9), None);
    }

    #[test]
    fn positions_are_not_kept_once_everything_behind_them_was_seen() {
        let mut commits = one();
        (1..1000).for_each(|offset| _ = commits.committed(0, PLACE, (offset, at(offset as u64)), offset));
        assert_eq!(commits.groups[0].parts[&PLACE].ahead.len(), 0);
        assert_eq!(commits.committed(0, PLACE, (1005, at(2000)), 1000), []);
        assert_eq!(commits.seen(0, PLACE, event(1002, 2100)).map(|done| done.at), Some(at(2000)));
    }

    #[test]
    fn of_many_positions_that_nothing_is_behind_yet_few_are_kept_and_the_doubt_grows() {
        let mut commits = one();
        (1..=500).for_each(|step| _ = commits.committed(0, PLACE, (step, at(1000 * step as u64)), 0));
        assert_eq!(commits.groups[0].parts[&PLACE].ahead.len(), AHEAD);
        let early = Waiting { number: 0, offset: 0, planned: at(0), seen: at(600_000) };
        assert_eq!(commits.seen(0, PLACE, early).map(|done| done.at), Some(at(401_000)));
        assert!(commits.step(0) >= Duration::from_secs(400), "{:?}", commits.step(0));
    }

    #[test]
    fn partitions_and_groups_are_their_own() {
        let mut commits = Commits::new(2, EVERY);
        commits.seen(0, (0, 0), event(1, 0));
        commits.seen(1, (0, 1), event(1, 0));
        assert_eq!(commits.committed(0, (0, 1), (10, at(5)), 0), []);
        assert_eq!(commits.committed(1, (0, 0), (10, at(5)), 0), []);
        assert_eq!(commits.committed(1, (0, 1), (10, at(5)), 0).len(), 1);
        assert!(!commits.is_empty());
    }
}
