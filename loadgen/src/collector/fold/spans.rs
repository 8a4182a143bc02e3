//! The parts of an event's way: sent to acknowledged, acknowledged to visible, visible to processed. Each is taken once both of its
//! ends are known. They are stamped by different threads, and a record may be read before its acknowledgement comes: what was there
//! before the station that it is counted from took no time from there.

use std::time::Duration;

use eventproof_evidence::At;

use super::Collector;
use crate::stages;

/// Stages of one arm whose spans may wait for an earlier station.
type Waiting = u64;

/// What an event on its way has passed.
#[derive(Debug)]
pub(super) struct Passed {
    /// When it was really sent; of a request, when it was really made.
    pub sent: At,
    acknowledged: Option<At>,
    visible: Option<At>,
    /// By bit: groups that were done with it before it was seen on its topic.
    early: Waiting,
}

impl Passed {
    pub fn sent(at: At) -> Passed {
        Passed { sent: at, acknowledged: None, visible: None, early: 0 }
    }

    /// It comes to a stage: calls back with each stage whose last part is known now, and how long that took.
    pub fn reach(&mut self, stage: usize, at: At, mut took: impl FnMut(usize, Duration)) {
        match stage {
            0 => {
                self.acknowledged = Some(at);
                took(0, at.since(self.sent));
                self.visible.into_iter().for_each(|visible| took(1, visible.since(at)));
            }
            1 => {
                self.visible = Some(at);
                self.acknowledged.into_iter().for_each(|acknowledged| took(1, at.since(acknowledged)));
                (2..Waiting::BITS as usize)
                    .filter(|stage| self.early & (1 << stage) != 0)
                    .for_each(|stage| took(stage, Duration::ZERO));
            }
            _ => match self.visible {
                Some(visible) => took(stage, at.since(visible)),
                None => self.early |= 1_u64.checked_shl(stage as u32).unwrap_or(0),
            },
        }
    }
}

impl Collector {
    /// A group has committed past an event that was seen then.
    pub(super) fn committed_past(&mut self, number: u64, group: usize, took: Duration) {
        let stage = 2 + self.frame.groups.len() + group;
        let place = stages::place(self.frame.lane(number).arm, stage, self.frame.stages());
        self.span_slices[place].record(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> At {
        At::START + Duration::from_millis(millis)
    }

    /// The parts that come of stations passed in this order: (stage, milliseconds).
    fn parts(stations: &[(usize, u64)]) -> Vec<(usize, u128)> {
        let (mut passed, mut found) = (Passed::sent(at(10)), Vec::new());
        for (stage, millis) in stations {
            passed.reach(*stage, at(*millis), |stage, took| found.push((stage, took.as_millis())));
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn each_part_is_from_station_to_station() {
        assert_eq!(parts(&[(0, 15), (1, 18), (2, 30), (3, 25)]), [(0, 5), (1, 3), (2, 12), (3, 7)]);
    }

    #[test]
    fn what_was_there_before_its_station_took_no_time_from_there() {
        // Read before the acknowledgement came.
        assert_eq!(parts(&[(1, 18), (0, 20), (2, 30)]), [(0, 10), (1, 0), (2, 12)]);
        // An effect seen before the record.
        assert_eq!(parts(&[(0, 15), (3, 16), (1, 18)]), [(0, 5), (1, 3), (3, 0)]);
    }

    #[test]
    fn a_part_with_one_end_is_none() {
        assert_eq!(parts(&[(1, 18), (2, 20)]), [(2, 2)], "without an acknowledgement");
        assert_eq!(parts(&[(0, 15), (2, 20)]), [(0, 5)], "never seen on its topic");
    }
}
