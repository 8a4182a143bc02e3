//! How long after a disturbance a load is level again: until no more is owed on any leg than ever was before it.

use std::time::Duration;

use eventproof_reports::model::{Disturbed, Interval};
use eventproof_source::units::format_duration;

/// Tells of every disturbance how long the recovery took, to within an interval. Where none ended before it, there is nothing to
/// compare with.
pub(crate) fn tell(disturbed: &mut [Disturbed], intervals: &[Interval]) {
    for one in disturbed.iter_mut().filter(|one| one.done) {
        let Some((until, before)) = one.until_ms.zip(owed_before(intervals, one.at_ms)) else { continue };
        let is_level = |interval: &&Interval| {
            interval.to_ms >= until && owed(interval).iter().zip(&before).all(|(now, before)| now <= before)
        };
        one.level_after_ms = intervals.iter().find(is_level).map(|interval| interval.to_ms - until);
        one.outcome.push_str(&match one.level_after_ms {
            Some(after) => format!("; level again within {}", format_duration(Duration::from_secs_f64(after / 1e3))),
            None => "; not level again in this run".to_owned(),
        });
    }
}

/// By leg: the most that was owed at the end of an interval before an instant.
fn owed_before(intervals: &[Interval], at_ms: f64) -> Option<Vec<u64>> {
    let before = intervals.iter().filter(|interval| interval.to_ms <= at_ms).map(owed);
    before.reduce(|one, other| one.iter().zip(&other).map(|(one, other)| *one.max(other)).collect())
}

fn owed(interval: &Interval) -> Vec<u64> {
    interval.legs.iter().map(|leg| leg.owed).collect()
}

#[cfg(test)]
mod tests {
    use eventproof_reports::model::LegPoint;

    use super::*;

    /// Intervals of a second; at the end of each so much is owed by a group, and nothing on the topic.
    fn intervals(owed: &[u64]) -> Vec<Interval> {
        let leg = |owed: u64| LegPoint { owed, ..LegPoint::default() };
        let interval = |(index, owed): (usize, &u64)| Interval {
            from_ms: index as f64 * 1e3,
            to_ms: (index + 1) as f64 * 1e3,
            legs: vec![leg(0), leg(*owed)],
            ..Interval::default()
        };
        owed.iter().enumerate().map(interval).collect()
    }

    fn told(at_ms: f64, until_ms: f64, owed: &[u64]) -> (Option<f64>, String) {
        let outcome = "service killed".to_owned();
        let mut one = [Disturbed { at_ms, until_ms: Some(until_ms), done: true, outcome, ..Disturbed::default() }];
        tell(&mut one, &intervals(owed));
        (one[0].level_after_ms, one[0].outcome.clone())
    }

    #[test]
    fn a_load_is_level_again_when_no_more_is_owed_than_before() {
        let level = told(2_500.0, 3_500.0, &[2, 3, 90, 200, 120, 40, 3, 0]);
        assert_eq!(level, (Some(3_500.0), "service killed; level again within 3.5 s".to_owned()));
        let never = told(2_500.0, 3_500.0, &[2, 3, 90, 200, 190, 180]);
        assert_eq!(never, (None, "service killed; not level again in this run".to_owned()));
        let at_once = told(2_500.0, 2_600.0, &[2, 3, 3, 2]);
        assert_eq!(at_once.0, Some(400.0), "to within an interval");
        assert_eq!(told(500.0, 600.0, &[90, 3, 2]), (None, "service killed".to_owned()), "nothing was before");
    }
}
