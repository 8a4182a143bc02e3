//! The plan of instants: when each event is due, computed afresh for each, so that nothing drifts; or none at all, where the
//! load is as fast as the producer takes it.

use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::At;

use crate::shape::{Phase, Schedule};

/// When events are due.
#[derive(Clone, Debug)]
pub struct Pacer {
    start: At,
    measured_from: At,
    /// None: as fast as the producer takes them.
    instants: Option<Instants>,
    /// Events in the warm-up, as far as it is known before, and after it.
    before: u64,
    measured: u64,
}

/// Instants since the begin.
#[derive(Clone, Debug)]
enum Instants {
    Computed(Schedule),
    /// As they were.
    Traced(Arc<[Duration]>),
}

impl Instants {
    fn due(&self, number: u64) -> Duration {
        match self {
            Instants::Computed(schedule) => schedule.due(number),
            Instants::Traced(instants) => {
                let at = usize::try_from(number).ok().and_then(|number| instants.get(number));
                at.or(instants.last()).copied().unwrap_or_default()
            }
        }
    }
}

impl Pacer {
    /// `events` at `rate` per second, after `warm_up` at the same rate.
    pub fn steady(start: At, rate: f64, warm_up: Duration, events: u64) -> Pacer {
        let before = (warm_up.as_secs_f64() * rate).round() as u64;
        Pacer::planned(start, Schedule::new(&[Phase::steady(rate, Duration::ZERO)]), warm_up, (before, events))
    }

    /// All events of these phases, after `warm_up` at the first one's rate.
    pub fn shaped(start: At, phases: &[Phase], warm_up: Duration) -> Pacer {
        let first = phases.first().map_or(1.0, |phase| phase.from);
        let all: Vec<Phase> = std::iter::once(Phase::steady(first, warm_up)).chain(phases.iter().copied()).collect();
        let before = Schedule::new(&all[..1]).events();
        let schedule = Schedule::new(&all);
        let events = schedule.events().saturating_sub(before);
        Pacer::planned(start, schedule, warm_up, (before, events))
    }

    /// `events` as fast as they are taken, after `warm_up` of the same.
    pub fn max(start: At, warm_up: Duration, events: u64) -> Pacer {
        Pacer { start, measured_from: start + warm_up, instants: None, before: 0, measured: events }
    }

    /// At these instants since the begin, in ascending order; those within `warm_up` are not measured.
    pub fn traced(start: At, instants: Arc<[Duration]>, warm_up: Duration) -> Pacer {
        let before = instants.partition_point(|at| *at < warm_up) as u64;
        let measured = instants.len() as u64 - before;
        Pacer { start, measured_from: start + warm_up, instants: Some(Instants::Traced(instants)), before, measured }
    }

    fn planned(start: At, schedule: Schedule, warm_up: Duration, (before, measured): (u64, u64)) -> Pacer {
        // Its first event is rarely due on the spot. If it were later than the warm-up's end, the second that begins there would
        // still be one of the warm-up.
        let measured_from = start + schedule.due(before).min(warm_up);
        Pacer { start, measured_from, instants: Some(Instants::Computed(schedule)), before, measured }
    }

    /// The same plan from another instant on.
    pub fn begin_at(&mut self, start: At) {
        self.measured_from = start + self.measured_from.since(self.start);
        self.start = start;
    }

    /// One process's share of events without a plan; of those that are planned each process knows all, and sends its own.
    pub fn share(&mut self, number: u64, of: u64) {
        if !self.is_planned() {
            let of = of.max(1);
            self.measured = self.measured / of + u64::from(number <= self.measured % of);
        }
    }

    /// The first planned instant.
    pub fn start(&self) -> At {
        self.start
    }

    /// From when on events are measured.
    pub fn measured_from(&self) -> At {
        self.measured_from
    }

    /// Events after the warm-up.
    pub fn measured(&self) -> u64 {
        self.measured
    }

    /// All events, where that is known before.
    pub fn total(&self) -> Option<u64> {
        self.is_planned().then_some(self.before + self.measured)
    }

    /// Whether instants are planned at all.
    pub fn is_planned(&self) -> bool {
        self.instants.is_some()
    }

    /// When event `number`, from 0, is due; none if it is due as soon as it is taken.
    pub fn due(&self, number: u64) -> Option<At> {
        self.instants.as_ref().map(|instants| self.start + instants.due(number))
    }

    /// How long the plan lasts, as far as it is known.
    pub fn lasts(&self) -> Duration {
        let end = self.total().and_then(|total| self.due(total)).unwrap_or(self.measured_from);
        end.since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_plan_does_not_drift(rate in 1.0f64..100_000.0, number in 0u64..100_000_000) {
            let pacer = Pacer::steady(At::START, rate, Duration::ZERO, 1);
            let off = pacer.due(number).unwrap().since(At::START).as_secs_f64() - number as f64 / rate;
            proptest::prop_assert!(off.abs() < 1e-6, "{off}");
        }

        #[test]
        fn instants_ascend(rate in 1.0f64..1_000_000.0, number in 0u64..1_000_000) {
            let pacer = Pacer::steady(At::START, rate, Duration::ZERO, 1);
            proptest::prop_assert!(pacer.due(number) <= pacer.due(number + 1));
        }

        #[test]
        fn as_many_events_are_measured_as_were_asked_for(rate in 1.0f64..2_000.0, millis in 0u64..5_000, events in 1u64..500) {
            let pacer = Pacer::steady(At::START, rate, Duration::from_millis(millis), events);
            let all = (0..pacer.total().unwrap()).filter(|number| pacer.due(*number).unwrap() >= pacer.measured_from());
            proptest::prop_assert_eq!(all.count() as u64, events);
            // Whole seconds of warm-up end with their last interval, whatever the rate is.
            proptest::prop_assert!(pacer.measured_from().since(At::START) <= Duration::from_millis(millis));
        }

        #[test]
        fn a_shape_measures_what_comes_after_its_warm_up(rate in 1.0f64..2_000.0, then in 1.0f64..2_000.0, millis in 0u64..3_000) {
            let phases = [Phase::steady(rate, Duration::from_millis(700)), Phase::steady(then, Duration::from_millis(300))];
            let pacer = Pacer::shaped(At::START, &phases, Duration::from_millis(millis));
            let all = (0..pacer.total().unwrap()).filter(|number| pacer.due(*number).unwrap() >= pacer.measured_from());
            proptest::prop_assert_eq!(all.count() as u64, pacer.measured());
            proptest::prop_assert!(pacer.measured_from().since(At::START) <= Duration::from_millis(millis));
        }
    }

    proptest::proptest! {
        #[test]
        fn shares_of_what_has_no_plan_add_up(events in 0u64..10_000, of in 1u64..50) {
            let shares = (1..=of).map(|number| {
                let mut pacer = Pacer::max(At::START, Duration::ZERO, events);
                pacer.share(number, of);
                pacer.measured()
            });
            let shares: Vec<u64> = shares.collect();
            proptest::prop_assert_eq!(shares.iter().sum::<u64>(), events);
            proptest::prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn a_trace_keeps_its_gaps() {
        let instants: Vec<Duration> = [0, 5, 900, 1000, 1000, 4000].map(Duration::from_millis).to_vec();
        let pacer = Pacer::traced(At::START, instants.into(), Duration::from_secs(1));
        assert_eq!((pacer.total(), pacer.measured(), pacer.lasts()), (Some(6), 3, Duration::from_secs(4)));
        let due = |number| pacer.due(number).unwrap().since(At::START).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 5].map(due), [0, 5, 900, 1000, 1000, 4000]);
        let measured = (0..6).filter(|number| pacer.due(*number).unwrap() >= pacer.measured_from());
        assert_eq!(measured.count() as u64, pacer.measured());
    }

    #[test]
    fn a_shape_begins_when_the_warm_up_ends() {
        let phases = [Phase::steady(100.0, Duration::from_secs(2)), Phase::steady(500.0, Duration::from_secs(1))];
        let pacer = Pacer::shaped(At::START, &phases, Duration::from_secs(1));
        assert_eq!(pacer.measured(), 700);
        assert_eq!(pacer.due(100), Some(pacer.measured_from()));
        assert_eq!(pacer.lasts(), Duration::from_secs(4));
    }
}
