//! Percentiles over everything that was planned: what failed at the first stage is slower than all that came, so that a service
//! that answers half of its requests with an error is not judged by the other half.

use std::time::Duration;

use eventproof_evidence::{Cause, Latencies, Percentile, Reason, Verdict};
use eventproof_source::units::format_duration;

use crate::collector::Collector;
use crate::objective::Objective;
use crate::stages;

/// A stage's latencies, and how many events never had one.
pub(crate) struct Ranked<'a> {
    latencies: &'a Latencies,
    refused: u64,
    unknown: u64,
    /// Events that never came, though they were waited for to the end.
    missing: u64,
    /// Requests whose events nothing tells apart.
    alike: u64,
}

/// How many measured events never came to a stage, at the end: refused ones and those of unknown outcome among them. What a group gave up
/// is no latency of its, and told by itself.
fn missing(collector: &Collector, place: usize, latencies: &Latencies) -> u64 {
    let leg = (place % collector.frame.stages()).checked_sub(1);
    let Some(leg) = leg.filter(|_| collector.ended) else { return 0 };
    let dead = collector.legs().get(leg).map_or(0, |(_, counts)| counts.dead_lettered);
    let came = latencies.count();
    collector.due.get(place).map_or(0, |due| due.saturating_sub(came + dead))
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
            let latencies = &collector.slip;
            return Some(Ranked { latencies, refused: 0, unknown: 0, missing: 0, alike: 0 });
        }
        let (place, all) = match collector.stage_names().iter().position(|known| known == name) {
            Some(place) => (place, &collector.stages),
            None => (collector.span_names().iter().position(|known| known == name)?, &collector.spans),
        };
        let latencies = all.get(place)?;
        let stages = collector.frame.stages();
        let failures = collector.failures.get(place / stages)?;
        let alike = if place.is_multiple_of(stages) { 0 } else { collector.alike() };
        let (refused, unknown) = (failures.measured_refused, failures.measured_unknown);
        let missing = missing(collector, place, latencies).saturating_sub(refused + unknown);
        Some(Ranked { latencies, refused, unknown, missing, alike })
    }

    /// The value below which the percentile's share of all events lies.
    pub fn percentile(&self, percentile: Percentile) -> Result<Duration, Without> {
        let (came, all) = (self.latencies.count(), self.all());
        let rank = (percentile.quantile() * all as f64).ceil() as u64;
        if self.alike > 0 {
            let detail = format!("{} requests had the same link as another", self.alike);
            return Err(Without::Doubt("none".to_owned(), Reason::NoPositiveControl { detail }));
        }
        if rank > came + self.unknown + self.missing {
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

    fn all(&self) -> u64 {
        self.latencies.count() + self.refused + self.unknown + self.missing
    }

    /// Whether the percentile is beyond `limit` whatever still comes, if there are at most `most` events in the end.
    pub fn is_beyond(&self, percentile: Percentile, limit: Duration, most: u64) -> bool {
        let slower = self.latencies.count() - self.latencies.count_up_to(limit) + self.refused;
        let rank = (percentile.quantile() * most as f64).ceil() as u64;
        slower > most.saturating_sub(rank)
    }

    /// The longest that came, and what else there was.
    pub fn max(&self) -> (Option<Duration>, Option<Without>) {
        let max = (self.latencies.count() > 0).then(|| self.latencies.max());
        let without = match (self.refused, self.unknown + self.missing) {
            (0, 0) => None,
            (0, _) => Some(self.of_unknown_outcome()),
            _ => Some(Without::Refused(self.told())),
        };
        (max, without)
    }

    fn of_unknown_outcome(&self) -> Without {
        let detail = format!("{}, so it may be anything beyond what came", self.told());
        Without::Doubt("none".to_owned(), Reason::NoPositiveControl { detail })
    }

    fn told(&self) -> String {
        let all = self.all();
        let missing = match self.missing {
            0 => String::new(),
            missing => format!(", and {missing} had not come when the run ended"),
        };
        format!("{} of {all} were refused and {} have an unknown outcome{missing}", self.refused, self.unknown)
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
