//! How long after a disturbance, or a spike of its own, a load is level again: until no more is owed on any leg than ever was before it.

use std::time::Duration;

use eventproof_reports::model::{Disturbed, Interval};
use eventproof_source::units::format_duration;

use crate::profile::{Pace, Profile};

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

/// Phases that are steady and faster than what is beside them, in which a queue may have grown: as they were planned.
pub(crate) fn spikes(profile: &Profile) -> Vec<Disturbed> {
    let Pace::Shape(phases) = &profile.pace else { return Vec::new() };
    let mut begins = profile.warm_up;
    let mut found = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let ends = begins + phase.lasting;
        let before = index.checked_sub(1).and_then(|before| phases.get(before));
        let rises = before.is_some_and(|before| before.to < phase.from);
        let falls = phases.get(index + 1).is_none_or(|after| after.from < phase.to);
        if rises && falls && phase.from == phase.to {
            let text = format!("spike of {}/s for {}", phase.from, format_duration(phase.lasting));
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let until_ms = Some(ms(ends));
            let outcome = "sent".to_owned();
            found.push(Disturbed { text, at_ms: ms(begins), until_ms, done: true, outcome, level_after_ms: None });
        }
        begins = ends;
    }
    found
}

/// What waits for its acknowledgement, then by leg: the most that was owed at the end of an interval before an instant.
fn owed_before(intervals: &[Interval], at_ms: f64) -> Option<Vec<u64>> {
    let before = intervals.iter().filter(|interval| interval.to_ms <= at_ms).map(owed);
    before.reduce(|one, other| one.iter().zip(&other).map(|(one, other)| *one.max(other)).collect())
}

/// What waits for its acknowledgement or answer, then what is owed on each leg: where the broker is what is slow, a queue grows before
/// anything is on a leg.
fn owed(interval: &Interval) -> Vec<u64> {
    let counts = &interval.counts;
    let ended = counts.acknowledged + counts.refused + counts.unknown;
    let legs = interval.legs.iter().map(|leg| leg.owed);
    std::iter::once(counts.planned.saturating_sub(ended)).chain(legs).collect()
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::ledger::Counts;
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
    fn a_spike_is_a_steady_phase_that_is_faster_than_those_beside_it() {
        let text = "name: x\npack: ..\nmessage: m\nwarm_up: 2s\nshape:\n  - {rate: 900/s, for: 1s}\n  - {rate: 100/s, for: 3s}\n  - {spike: 500/s, for: 1s}\n  - {to: 700/s, for: 1s}\n  - {rate: 100/s, for: 2s}\n  - {spike: 2000/s, for: 500ms}\nobjectives: [lost(topic) = 0]\n";
        let profile = Profile::parse(eventproof_source::Source::inline("load.yaml", text)).unwrap();
        let found: Vec<_> = spikes(&profile).into_iter().map(|one| (one.text, one.at_ms, one.until_ms)).collect();
        // The first has nothing before it to be level with again, and the third goes on to rise.
        assert_eq!(found, [("spike of 2000/s for 500 ms".to_owned(), 10_000.0, Some(10_500.0))]);
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

    #[test]
    fn what_waits_for_its_acknowledgement_is_owed_too() {
        // 200/s, of which 5000/s for the fourth and fifth second; the broker takes 1000/s, so 8000 wait and take ten seconds.
        let mut seconds = intervals(&[0; 20]);
        let mut counts = Counts { planned: 0, acknowledged: 0, refused: 3, unknown: 2 };
        counts.planned = counts.refused + counts.unknown;
        for (second, interval) in seconds.iter_mut().enumerate() {
            counts.planned += if second == 3 || second == 4 { 5000 } else { 200 };
            let waits = counts.planned - counts.acknowledged - counts.refused - counts.unknown;
            counts.acknowledged += waits.min(1000);
            interval.counts = counts;
        }
        let outcome = String::new();
        let spike = Disturbed { at_ms: 3e3, until_ms: Some(5e3), done: true, outcome, ..Disturbed::default() };
        let mut one = [spike];
        tell(&mut one, &seconds);
        assert_eq!(one[0].level_after_ms, Some(10e3), "{}", one[0].outcome);
    }
}
