//! Whether what happens in a load has a planned course: a rate that rises and falls, or faults at their times. What differs
//! from section to section by the plan is no scatter, so then section is set against section.

use std::ops::Range;

use crate::model::LoadResult;

/// Settings that plan a course.
const PLANNED: [&str; 3] = ["shape", "timeline", "replay"];

/// The course of both runs.
#[derive(Debug, PartialEq)]
pub(super) enum Course {
    /// All of it is alike.
    Even,
    /// Planned, and the same in both: the intervals in which events were sent.
    Same(Range<usize>),
    /// Planned, and one of them did not go as far as the other: why nothing can be said of a rate.
    Apart(String),
}

impl Course {
    /// The course of two results of the same load.
    pub fn of(before: &LoadResult, after: &LoadResult) -> Course {
        if PLANNED.iter().all(|setting| !after.workload.contains_key(*setting)) {
            return Course::Even;
        }
        let (was, is) = (sending(before), sending(after));
        // The last event may be sent just before the end of an interval or just behind it.
        if was.start == is.start && was.end.abs_diff(is.end) <= 1 {
            return Course::Same(was.start..was.end.min(is.end));
        }
        match after.workload.get("rate").is_some_and(|rate| rate == "max") {
            // Faster than before, it is done sooner.
            true => Course::Even,
            false => Course::Apart(format!(
                "what is sent has a planned course, and one run went further along it than the other: {} intervals before, {} after",
                was.len(),
                is.len()
            )),
        }
    }

    /// The intervals that are set against each other.
    pub fn pairs(&self) -> Option<&Range<usize>> {
        match self {
            Course::Same(intervals) => Some(intervals),
            Course::Even | Course::Apart(_) => None,
        }
    }

    /// Why a rate of the one says nothing of the other's.
    pub fn apart(&self) -> Option<&str> {
        match self {
            Course::Apart(why) => Some(why),
            Course::Even | Course::Same(_) => None,
        }
    }
}

/// The intervals from the first in which events were sent after the warm-up to the last. A pause between two sends is a part
/// of it: a sender that waits for a full queue plans nothing.
pub(super) fn sending(result: &LoadResult) -> Range<usize> {
    let is_sending = |interval: &crate::model::Interval| !interval.warm_up && interval.planned > 0;
    let first = result.intervals.iter().position(is_sending);
    let last = result.intervals.iter().rposition(is_sending);
    first.zip(last).map_or(0..0, |(first, last)| first..last + 1)
}
