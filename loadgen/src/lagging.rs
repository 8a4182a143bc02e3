//! A group's lag over time: how fast it rises, and how long it stays high. Over intervals after the warm-up in which events were sent.

use std::time::Duration;

use eventproof_reports::model::Interval;

/// Intervals that a slope takes at least.
pub(crate) const LEAST: usize = 5;

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
            lag: vec![LagPoint { group: "g".to_owned(), records: *records, offsets: None }],
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
    fn a_high_lag_lasts_until_it_is_low_again() {
        let lags = intervals(&[0, 2000, 2000, 5, 1000, 1200, 3000, 10]);
        assert_eq!(longest_at(&lags, "g", 1000), (Duration::from_secs(3), false));
        assert_eq!(longest_at(&lags, "g", 5000), (Duration::ZERO, false));
        assert_eq!(longest_at(&intervals(&[0, 2000, 2000]), "g", 1000), (Duration::from_secs(2), true), "it may go on");
    }
}
