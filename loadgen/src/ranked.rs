//! Percentiles over everything that was planned: what failed at the first stage is slower than all that came, so that a service
//! that answers half of its requests with an error is not judged by the other half.

use std::time::Duration;

use eventproof_evidence::{Cause, Latencies, Percentile, Reason, Verdict};
use eventproof_source::units::format_duration;

use crate::collector::{Collector, Failures};
use crate::objective::Objective;
use crate::stages;

/// A stage's latencies, and how many events never had one.
pub(crate) struct Ranked<'a> {
    latencies: &'a Latencies,
    never: Never,
    /// Requests whose events nothing tells apart.
    alike: u64,
}

/// Measured events that a stage waited for in vain.
#[derive(Clone, Copy, Default)]
struct Never {
    refused: u64,
    /// At the first stage: nobody knows what became of them.
    unknown: u64,
    /// Behind it: not refused, waited for to the end, and not come.
    missing: u64,
}

impl Never {
    /// At an arm's first stage all that it failed at.
    fn answered(failures: &Failures) -> Never {
        Never { refused: failures.measured_refused, unknown: failures.measured_unknown, missing: 0 }
    }

    /// At any other stage only those count that had to come there: not every group consumes what was refused, and what is of unknown
    /// outcome may have come. What a group gave up is no latency of its, and told by itself.
    fn came(collector: &Collector, place: usize, came: u64) -> Never {
        let of = |all: &[u64]| all.get(place).copied().unwrap_or(0);
        let refused = of(&collector.refused);
        if !collector.ended {
            return Never { refused, unknown: 0, missing: 0 };
        }
        let never = of(&collector.due).saturating_sub(of(&collector.given_up()) + came);
        // One that was refused may have come all the same.
        let refused = refused.min(never);
        Never { refused, unknown: 0, missing: never - refused }
    }

    fn all(self) -> u64 {
        self.refused + self.unknown + self.missing
    }
}

/// Why there is no value.
pub(crate) enum Without {
    Doubt(String, Reason),
    /// It is beyond all that came: so many of so many were refused.
    Refused(String),
}

impl<'a> Ranked<'a> {
    /// The stage or span of that name.
    pub fn of(collector: &'a Collector, name: &str) -> Option<Ranked<'a>> {
        if name == stages::SLIP {
            // Everything that is planned is sent, or the generator did not keep its plan at all.
            return Some(Ranked { latencies: &collector.slip, never: Never::default(), alike: 0 });
        }
        let (place, all) = match collector.stage_names().iter().position(|known| known == name) {
            Some(place) => (place, &collector.stages),
            None => (collector.span_names().iter().position(|known| known == name)?, &collector.spans),
        };
        let latencies = all.get(place)?;
        let stages = collector.frame.stages();
        Some(match place.is_multiple_of(stages) {
            true => Ranked { latencies, never: Never::answered(collector.failures.get(place / stages)?), alike: 0 },
            false => {
                let never = Never::came(collector, place, latencies.count());
                Ranked { latencies, never, alike: collector.alike() }
            }
        })
    }

    /// The value below which the percentile's share of all events lies.
    pub fn percentile(&self, percentile: Percentile) -> Result<Duration, Without> {
        let (came, all) = (self.latencies.count(), self.all());
        let rank = (percentile.quantile() * all as f64).ceil() as u64;
        if self.alike > 0 {
            let detail = format!("{} requests had the same link as another", self.alike);
            return Err(Without::Doubt("none".to_owned(), Reason::NoPositiveControl { detail }));
        }
        if rank > all - self.never.refused {
            return Err(Without::Refused(self.told()));
        }
        if rank > came {
            return Err(self.of_unknown_outcome());
        }
        let found = match all == came {
            true => self.latencies.percentile(percentile),
            false => self.latencies.percentile(Percentile(100.0 * rank as f64 / came.max(1) as f64)),
        };
        match self.latencies.percentile(percentile).doubt {
            Some(doubt) => Err(Without::Doubt(format_duration(found.value), doubt)),
            None => Ok(found.value),
        }
    }

    /// How many measured events never came, though they had to.
    pub fn never_came(&self) -> u64 {
        self.never.all()
    }

    fn all(&self) -> u64 {
        self.latencies.count() + self.never.all()
    }

    /// Whether the percentile is beyond `limit` whatever still comes, if there are at most `most` events in the end.
    pub fn is_beyond(&self, percentile: Percentile, limit: Duration, most: u64) -> bool {
        let slower = self.latencies.count() - self.latencies.count_up_to(limit) + self.never.refused;
        let rank = (percentile.quantile() * most as f64).ceil() as u64;
        slower > most.saturating_sub(rank)
    }

    /// The longest that came, and what else there was.
    pub fn max(&self) -> (Option<Duration>, Option<Without>) {
        let max = (self.latencies.count() > 0).then(|| self.latencies.max());
        let without = match (self.never.refused, self.never.unknown + self.never.missing) {
            (0, 0) => None,
            (0, _) => Some(self.of_unknown_outcome()),
            _ => Some(Without::Refused(self.told())),
        };
        (max, without)
    }

    /// Whether a value of it is only the least that it can be, and less than a limit: beyond the longest that is kept apart.
    pub fn may_be_beyond(&self, value: Duration, limit: Duration) -> bool {
        self.latencies.out_of_range() > 0 && value >= self.latencies.max() && value < limit
    }

    fn of_unknown_outcome(&self) -> Without {
        let detail = format!("{}, so it may be anything beyond what came", self.told());
        Without::Doubt("none".to_owned(), Reason::NoPositiveControl { detail })
    }

    fn told(&self) -> String {
        let (all, Never { refused, unknown, missing }) = (self.all(), self.never);
        match missing {
            0 => format!("{refused} of {all} were refused and {unknown} have an unknown outcome"),
            missing => format!("{refused} of {all} were refused, and {missing} had not come when the run ended"),
        }
    }
}

impl Without {
    /// As a figure and a verdict.
    pub fn told(self, objective: &Objective) -> (String, Verdict) {
        match self {
            Without::Doubt(actual, reason) => (actual, Verdict::CannotTell(reason)),
            Without::Refused(actual) => {
                let missed = Cause::ObjectiveMissed { objective: objective.text.clone(), actual: actual.clone() };
                (actual, Verdict::Broken(missed))
            }
        }
    }

    /// The same, where a part of a figure is missing.
    pub fn unknown(self) -> (String, Verdict) {
        let (actual, reason) = match self {
            Without::Doubt(actual, reason) => (actual, reason),
            Without::Refused(detail) => ("none".to_owned(), Reason::NoPositiveControl { detail }),
        };
        (actual, Verdict::CannotTell(reason))
    }
}
