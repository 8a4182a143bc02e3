//! A group's lag over time: how fast it rises, and how long it stays high. Over intervals after the warm-up in which events were sent.

use std::time::Duration;

use eventproof_reports::model::Interval;

/// Intervals that a slope takes at least.
pub(crate) const LEAST: usize = 5;

/// How long a rise has to last before it is one: twice as long as Kafka's clients wait by themselves from one commit to the next.
const LASTING_MS: f64 = 10e3;

/// The lag of a group at the end of each interval, in seconds and records.
fn points(intervals: &[Interval], group: &str) -> Vec<(f64, f64)> {
    let sending = intervals.iter().filter(|interval| !interval.warm_up && interval.planned > 0);
    let point = |interval: &Interval| {
        let lag = interval.lag.iter().find(|point| point.group == group)?;
        Some((interval.to_ms / 1e3, lag.records as f64))
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

/// The longest time without a break in which it was at `limit` or above, whether events were sent or not; and whether it was so at
/// the end, when nobody knows how long it went on.
pub(crate) fn longest_at(intervals: &[Interval], group: &str, limit: u64) -> (Duration, bool) {
    let (mut longest, mut here) = (0.0f64, 0.0f64);
    for interval in intervals.iter().filter(|interval| !interval.warm_up) {
        let lag = interval.lag.iter().find(|point| point.group == group);
        // Where nobody could see it nothing says that it was lower.
        let high = lag.is_none_or(|point| point.records.unsigned_abs() >= limit);
        here = if high { here + interval.to_ms - interval.from_ms } else { 0.0 };
        longest = longest.max(here);
    }
    (Duration::from_secs_f64(longest / 1e3), here > 0.0)
}

#[cfg(test)]
mod tests {
    use eventproof_reports::model::LagPoint;

    use super::*;

    fn intervals(lags: &[i64]) -> Vec<Interval> {
        let interval = |(index, records): (usize, &i64)| Interval {
            from_ms: index as f64 * 1e3,
            to_ms: (index + 1) as f64 * 1e3,
            planned: 10,
            lag: vec![LagPoint { group: "g".to_owned(), records: *records, offsets: None, at_ms: None }],
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

    #[test]
    fn a_high_lag_lasts_until_it_is_low_again() {
        let lags = intervals(&[0, 2000, 2000, 5, 1000, 1200, 3000, 10]);
        assert_eq!(longest_at(&lags, "g", 1000), (Duration::from_secs(3), false));
        assert_eq!(longest_at(&lags, "g", 5000), (Duration::ZERO, false));
        assert_eq!(longest_at(&intervals(&[0, 2000, 2000]), "g", 1000), (Duration::from_secs(2), true), "it may go on");
    }
}
