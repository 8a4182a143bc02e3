//! The course of a rate over time: phases that are steady or rise evenly, and the instants at which their events are due.
//!
//! The number of events due up to an instant is the integral of the rate up to it; event n is due where the integral is n.
//! Every instant is computed afresh from n, so that nothing drifts.

use std::time::Duration;

/// A stretch of time in which the rate goes evenly from one figure to another, both in events per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    pub from: f64,
    pub to: f64,
    pub lasting: Duration,
}

impl Phase {
    /// A rate that stays.
    pub fn steady(rate: f64, lasting: Duration) -> Phase {
        Phase { from: rate, to: rate, lasting }
    }

    /// Equal stairs from one rate to another, each as long as the others; the first has the one rate, the last the other.
    pub fn stairs(from: f64, to: f64, steps: u32, lasting: Duration) -> Vec<Phase> {
        let rise = (to - from) / f64::from(steps.max(2) - 1);
        let step = |index: u32| Phase::steady(from + rise * f64::from(index), lasting / steps);
        (0..steps).map(step).collect()
    }

    /// How many events are due in it.
    fn events(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.lasting.as_secs_f64()
    }

    /// When so many events of it are due, from its begin, in seconds.
    fn due(&self, events: f64) -> f64 {
        let slope = match self.lasting.is_zero() {
            true => 0.0,
            false => (self.to - self.from) / self.lasting.as_secs_f64(),
        };
        // The root of from * t + slope / 2 * t * t = events, in the form that does not cancel out.
        let root = (self.from * self.from + 2.0 * slope * events).max(0.0).sqrt();
        if self.from + root > 0.0 { 2.0 * events / (self.from + root) } else { 0.0 }
    }
}

/// Phases, one behind the other; the last one's final rate goes on for ever.
#[derive(Clone, Debug)]
pub struct Schedule {
    legs: Vec<Begun>,
    /// Events due when the last phase ends.
    events: f64,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    phase: Phase,
    /// Seconds and events before it.
    at: f64,
    before: f64,
}

impl Schedule {
    /// A schedule of these phases, of which there is at least one.
    pub fn new(phases: &[Phase]) -> Schedule {
        let (mut at, mut before) = (0.0, 0.0);
        let mut legs = Vec::new();
        for phase in phases {
            legs.push(Begun { phase: *phase, at, before });
            at += phase.lasting.as_secs_f64();
            before += phase.events();
        }
        let last = phases.last().map_or(1.0, |phase| phase.to).max(f64::MIN_POSITIVE);
        legs.push(Begun { phase: Phase { from: last, to: last, lasting: Duration::MAX }, at, before });
        Schedule { legs, events: before }
    }

    /// Events that are due before the last phase ends.
    pub fn events(&self) -> u64 {
        // What rounding adds is no event.
        (self.events - 1e-6).ceil().max(0.0) as u64
    }

    /// When event `number`, from 0, is due, from the begin.
    pub fn due(&self, number: u64) -> Duration {
        let events = number as f64;
        let index = self.legs.partition_point(|leg| leg.before <= events).max(1) - 1;
        let leg = &self.legs[index];
        Duration::from_nanos(((leg.at + leg.phase.due(events - leg.before)) * 1e9).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_ramp_plans_as_many_events_as_the_area_below_it() {
        let schedule = Schedule::new(&[Phase { from: 200.0, to: 2000.0, lasting: seconds(10.0) }]);
        assert_eq!(schedule.events(), 11_000);
        // Half of the time has a quarter of the rise: 200 * 5 + 180 * 25 / 2 events.
        assert_eq!(schedule.due(3250), seconds(5.0));
        assert_eq!(schedule.due(0), Duration::ZERO);
    }

    #[test]
    fn stairs_begin_and_end_at_their_rates() {
        let stairs = Phase::stairs(100.0, 300.0, 3, seconds(6.0));
        assert_eq!(stairs, [100.0, 200.0, 300.0].map(|rate| Phase::steady(rate, seconds(2.0))));
        assert_eq!(Schedule::new(&stairs).events(), 1200);
    }

    #[test]
    fn a_ramp_down_to_nothing_ends() {
        let schedule = Schedule::new(&[Phase { from: 100.0, to: 0.0, lasting: seconds(2.0) }]);
        assert_eq!(schedule.events(), 100);
        assert!(schedule.due(99) < seconds(2.0));
    }

    fn phases() -> impl Strategy<Value = Vec<Phase>> {
        let phase = (1.0f64..5_000.0, 1.0f64..5_000.0, 1u64..20_000).prop_map(|(from, to, millis)| Phase {
            from,
            to,
            lasting: Duration::from_millis(millis),
        });
        prop::collection::vec(phase, 1..6)
    }

    /// The integral of the rate up to an instant, added up without the schedule's own arithmetic.
    fn area(phases: &[Phase], until: f64) -> f64 {
        let (mut began, mut area) = (0.0, 0.0);
        for phase in phases {
            let whole = phase.lasting.as_secs_f64();
            let here = (until - began).clamp(0.0, whole);
            area += (phase.from + (phase.to - phase.from) * here / whole / 2.0) * here;
            began += whole;
        }
        area
    }

    proptest! {
        #[test]
        fn each_event_is_due_where_the_integral_of_the_rate_is_its_number(phases in phases(), share in 0.0f64..1.0) {
            let schedule = Schedule::new(&phases);
            let number = (schedule.events() as f64 * share) as u64;
            let until = schedule.due(number).as_secs_f64();
            // A nanosecond at 5000/s, and no more however late it is.
            prop_assert!((area(&phases, until) - number as f64).abs() < 1e-4, "{} {number}", area(&phases, until));
        }

        #[test]
        fn all_of_them_are_due_in_ascending_order_before_the_end(phases in phases()) {
            let schedule = Schedule::new(&phases);
            let whole: f64 = phases.iter().map(|phase| phase.lasting.as_secs_f64()).sum();
            prop_assert!((schedule.events() as f64 - area(&phases, whole)).abs() <= 1.0);
            let mut before = Duration::ZERO;
            for number in (0..schedule.events()).step_by(7) {
                let due = schedule.due(number);
                prop_assert!(due >= before && due.as_secs_f64() <= whole + 1e-6);
                before = due;
            }
        }
    }
}
