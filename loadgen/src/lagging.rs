//! A group's lag over time: how fast it rises, and how long it stays high. Over intervals after the warm-up in which events were sent.

use std::time::Duration;

use eventproof_reports::model::{Interval, LagPoint};

use crate::collector::{Leasts, STALE};

/// Intervals that a slope takes at least.
pub(crate) const LEAST: usize = 5;

/// How long a rise has to last before it is one: twice as long as Kafka's clients wait by themselves from one commit to the next.
const LASTING_MS: f64 = 10e3;

/// The lag of a group at the end of each interval, in seconds and records.
fn points(intervals: &[Interval], group: &str) -> Vec<(f64, f64)> {
    let sending = intervals.iter().filter(|interval| !interval.warm_up && interval.planned > 0);
    let point = |interval: &Interval| {
        let lag = interval.lag.iter().find(|point| point.group == group)?;
        Some((lag.at_ms.unwrap_or(interval.to_ms) / 1e3, lag.records as f64))
    };
    sending.filter_map(point).collect()
}

/// By how many records a second it rises, by least squares; or how many intervals there were, if too few.
pub(crate) fn slope(intervals: &[Interval], group: &str) -> Result<f64, usize> {
    let points = points(intervals, group);
    if points.len() < LEAST {
        return Err(points.len());
    }
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (time, records) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points.iter().map(|point| (point.0 - time) * (point.1 - records)).sum();
    let spread: f64 = points.iter().map(|point| (point.0 - time).powi(2)).sum();
    Ok(together / spread)
}

/// By how many records a second it rises, if it does: in the last third it is never as low as it was at its highest in the first. A
/// group that commits in steps swings, and comes down again with every commit.
pub(crate) fn rising(intervals: &[Interval], group: &str) -> Option<f64> {
    let points = points(intervals, group);
    let lasted = (points.last()?.0 - points.first()?.0) * 1e3;
    let third = points.len() / 3;
    let records = |points: &[(f64, f64)]| points.iter().map(|point| point.1).collect::<Vec<_>>();
    let first = records(points.get(..third)?).into_iter().fold(f64::MIN, f64::max);
    let last = records(points.get(points.len() - third..)?).into_iter().fold(f64::MAX, f64::min);
    let rises = lasted >= LASTING_MS && last > first;
    slope(intervals, group).ok().filter(|slope| rises && *slope > 0.0)
}

/// For how long a lag was at a limit or above without a break, at the longest, as far as looks tell: between two of them nobody knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct High {
    /// From the first of the looks that showed it, one behind the other, to the last.
    pub least: Duration,
    /// From the look before these, at which it was lower, to the one after them.
    pub most: Duration,
    /// Whether no look after them showed it lower: nobody knows how long it went on.
    pub open: bool,
}

/// Looks at a lag, as they come. Milliseconds.
#[derive(Default)]
struct Highs {
    least: f64,
    most: f64,
    /// Until when it was certainly lower.
    low: f64,
    /// Since when it is certainly not.
    since: Option<f64>,
}

impl Highs {
    /// A look at some time from `from` to `to`; none where nobody could see.
    fn look(&mut self, (from, to): (f64, f64), is_high: Option<bool>) {
        self.most = self.most.max(to - self.low);
        match is_high {
            Some(true) => self.least = self.least.max(from - *self.since.get_or_insert(to)),
            Some(false) => (self.low, self.since) = (from, None),
            None => self.since = None,
        }
    }
}

/// For how long a lag was at `limit` or above without a break after the warm-up, whether events were sent or not. Where nobody could see
/// it, it may have been either. `leasts`: where the lags of the intervals are only the most that it can have been.
pub(crate) fn longest_at(intervals: &[Interval], group: &str, limit: u64, leasts: Option<&Leasts>) -> High {
    let measured = || intervals.iter().enumerate().filter(|(_, interval)| !interval.warm_up);
    let mut highs = Highs { low: measured().next().map_or(0.0, |(_, interval)| interval.from_ms), ..Highs::default() };
    let mut open = false;
    for (index, interval) in measured() {
        let lag = interval.lag.iter().find(|point| point.group == group);
        let least = leasts.and_then(|leasts| leasts.get(&index)).copied();
        let is_high = lag.and_then(|point| is_high(point.records, least, limit));
        highs.look(looked_at(interval, lag), is_high);
        open = is_high != Some(false);
    }
    let time = |ms: f64| Duration::from_secs_f64(ms.max(0.0) / 1e3);
    High { least: time(highs.least), most: time(highs.most), open }
}

/// Whether a lag was at a limit or above; none if it may have been either, between the least and the most that it can have been.
fn is_high(most: i64, least: Option<i64>, limit: u64) -> Option<bool> {
    let [most, least] = [most, least.unwrap_or(most)].map(|records| records.unsigned_abs() >= limit);
    (most == least).then_some(most)
}

/// From when to when the look was that an interval has of a lag.
fn looked_at(interval: &Interval, lag: Option<&LagPoint>) -> (f64, f64) {
    let at = lag.and_then(|point| point.at_ms);
    let earliest = || interval.to_ms - STALE.as_secs_f64() * 1e3;
    (at.unwrap_or_else(earliest), at.unwrap_or(interval.to_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look at the end of an interval of a second.
    fn point(index: usize, records: i64) -> LagPoint {
        LagPoint { group: "g".to_owned(), records, offsets: None, at_ms: Some((index + 1) as f64 * 1e3) }
    }

    fn intervals(lags: &[i64]) -> Vec<Interval> {
        let interval = |(index, records): (usize, &i64)| Interval {
            from_ms: index as f64 * 1e3,
            to_ms: (index + 1) as f64 * 1e3,
            planned: 10,
            lag: vec![point(index, *records)],
            ..Interval::default()
        };
        lags.iter().enumerate().map(interval).collect()
    }

    #[test]
    fn a_lag_that_rises_by_seven_a_second_has_that_slope() {
        assert!((slope(&intervals(&[3, 10, 17, 24, 31, 38]), "g").unwrap() - 7.0).abs() < 1e-9);
        assert!(slope(&intervals(&[5, 9, 5, 9, 5, 9, 5]), "g").unwrap().abs() < 0.5, "a group that commits in steps");
        assert_eq!(slope(&intervals(&[1, 2, 3]), "g"), Err(3));
        assert_eq!(slope(&intervals(&[1; 9]), "another"), Err(0));
    }

    #[test]
    fn a_lag_that_comes_down_with_every_commit_does_not_rise() {
        let rising =
            |lag: fn(i64) -> i64, count: i64| super::rising(&intervals(&(0..count).map(lag).collect::<Vec<_>>()), "g");
        assert!((rising(|second| 20 * second, 12).unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(rising(|second| 20 * second, 10), None, "it may only not have committed yet");
        assert_eq!(rising(|second| 1000 * (second % 5), 12), None, "commits every five seconds");
        assert_eq!(rising(|second| 1000 - second, 20), None);
        assert!(
            rising(|second| 1000 * (second % 5) + 500 * second, 30).is_some(),
            "commits, and falls behind all the same"
        );
    }

    fn longest_at(intervals: &[Interval], group: &str, limit: u64) -> High {
        super::longest_at(intervals, group, limit, None)
    }

    /// So long at the least and at the most, in seconds.
    fn high(least: u64, most: u64, open: bool) -> High {
        High { least: Duration::from_secs(least), most: Duration::from_secs(most), open }
    }

    /// The same looks, a minute apart.
    fn minutes(lags: &[i64]) -> Vec<Interval> {
        let mut intervals = intervals(lags);
        for interval in &mut intervals {
            (interval.from_ms, interval.to_ms) = (interval.from_ms * 60.0, interval.to_ms * 60.0);
            interval.lag[0].at_ms = Some(interval.to_ms);
        }
        intervals
    }

    #[test]
    fn a_high_lag_lasts_as_long_as_looks_say_and_no_longer_than_they_leave_open() {
        let lags = intervals(&[0, 2000, 2000, 5, 1000, 1200, 3000, 10]);
        assert_eq!(longest_at(&lags, "g", 1000), high(2, 4, false));
        assert_eq!(longest_at(&lags, "g", 5000), high(0, 1, false), "never, for as long as a second");
        assert_eq!(longest_at(&intervals(&[0, 2000, 2000]), "g", 1000), high(1, 2, true), "it may go on");
        // High for 242 s, from just before a look to just behind the fifth.
        assert_eq!(longest_at(&minutes(&[0, 9, 9, 9, 9, 9, 0]), "g", 9), high(240, 360, false));
        assert_eq!(longest_at(&minutes(&[0, 9, 9, 9, 9, 9, 9, 0]), "g", 9), high(300, 420, false));
    }

    #[test]
    fn a_high_lag_is_never_longer_or_shorter_than_is_said() {
        // High from one tenth of a second to another, and looks a second apart, each up to 0.9 s old.
        for (from, lasted, old) in
            (0..30).flat_map(|from| (1..60).map(move |lasted| (from, lasted, (from * 7 + lasted) % 10)))
        {
            let is_high = |tenth: i64| (30 + from..30 + from + lasted).contains(&tenth);
            let mut seen = intervals(&(1..=20).map(|second| i64::from(is_high(second * 10 - old))).collect::<Vec<_>>());
            for interval in &mut seen {
                interval.lag[0].at_ms = Some(interval.to_ms - old as f64 * 100.0);
            }
            let truth = Duration::from_millis(lasted as u64 * 100);
            let High { least, most, open } = longest_at(&seen, "g", 1);
            assert!(least <= truth && truth <= most && !open, "{least:?} {truth:?} {most:?}");
            // Without their times they say less.
            seen.iter_mut().for_each(|interval| interval.lag[0].at_ms = None);
            let vague = longest_at(&seen, "g", 1);
            assert!(vague.least <= truth && truth <= vague.most, "{vague:?} {truth:?}");
        }
    }

    #[test]
    fn where_only_bounds_are_known_a_lag_is_high_or_low_if_both_are() {
        let lags = intervals(&[0, 9, 9, 9, 9, 0]);
        let with = |least: i64| super::longest_at(&lags, "g", 9, Some(&(2..5).map(|index| (index, least)).collect()));
        assert_eq!(with(9), high(3, 5, false));
        assert_eq!(with(0), high(0, 5, false), "it may have come down at once");
    }

    #[test]
    fn what_nobody_saw_may_have_been_high_or_not() {
        let mut lags = intervals(&[0, 9, 9, 9, 9, 9, 0, 0]);
        lags[3].lag.clear();
        assert_eq!(longest_at(&lags, "g", 9), high(1, 6, false));
        lags[7].lag.clear();
        assert!(longest_at(&lags, "g", 9).open);
    }
}
