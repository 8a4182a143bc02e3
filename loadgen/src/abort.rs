//! Ending a load early: once an objective that says so is missed for certain, there is nothing to gain from more load.
//!
//! Certain means that nothing that may still come could mend it: a count that only rises is over its limit, or so many events of
//! a stage were too slow that the percentile is missed even if all others that the plan has were quick. What could recover ends
//! nothing: what has not come yet is not lost, and a lag's slope is known at the end.

use std::time::Duration;

use eventproof_reports::model::{Aborted, Finding, Objective as Judged, Outcome};
use eventproof_source::units::format_duration;

use crate::collector::Collector;
use crate::objective::{Count, Metric, Objective};
use crate::ranked::Ranked;
use crate::result::judge_one;
use eventproof_evidence::{Cause, Reason, Verdict};

/// Which objective ended a load, when, and at what value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Abort {
    /// Its place among the profile's objectives.
    index: usize,
    /// Since the first planned instant.
    at: Duration,
    actual: String,
    /// Events sent until then.
    sent: u64,
}

/// Why an objective can end no load: it is not known before the end. None if it can.
pub(crate) fn known_at_the_end_only(metric: &Metric, requests: bool) -> Option<&'static str> {
    match metric {
        Metric::Count { what: Count::Lost, .. } => Some("what has not come yet may still come"),
        Metric::Count { what: Count::DeadLettered | Count::Undecided, .. } => Some("its effect may still come"),
        Metric::Count { what: Count::Phantom, leg, .. } if requests && leg == "topic" => {
            Some("a record may follow from a request whose answer is still under way")
        }
        Metric::Throughput { .. } | Metric::Drained { .. } => Some("it is a figure of the whole run"),
        Metric::Slope { .. } | Metric::Difference { .. } => Some("it may still recover"),
        Metric::Count { .. }
        | Metric::Failed { .. }
        | Metric::Percentile { .. }
        | Metric::Max { .. }
        | Metric::Lag { .. } => None,
    }
}

/// The first objective that ends the load now, if any. `events` is how many are measured in the whole plan; `saturated` says why the
/// generator's figures are none.
pub(crate) fn missed(
    objectives: &[Objective],
    collector: &Collector,
    events: u64,
    saturated: Option<&str>,
) -> Option<Abort> {
    let now = Duration::from_secs_f64(collector.intervals.last()?.to_ms / 1e3);
    let measured = now.saturating_sub(collector.frame.measured_from.since(collector.frame.start));
    let watched = objectives.iter().enumerate().filter_map(|(index, objective)| {
        objective.abort_after.filter(|grace| measured >= *grace && !measured.is_zero()).map(|_| (index, objective))
    });
    let ending = |(index, objective): (usize, &Objective)| {
        let judged = judge_one(objective, collector, saturated);
        let ends = judged.finding.outcome == Outcome::Broken && is_certain(&objective.metric, collector, events);
        let sent = collector.ledger.counts().planned;
        ends.then_some(Abort { index, at: now, actual: judged.actual, sent })
    };
    watched.into_iter().find_map(ending)
}

/// Whether what is missed now is missed whatever comes.
fn is_certain(metric: &Metric, collector: &Collector, events: u64) -> bool {
    match metric {
        // By a position that is committed now and then an event may look later than it was.
        Metric::Percentile { stage, .. } | Metric::Max { stage, .. } if collector.commit_step(stage).is_some() => false,
        Metric::Percentile { percentile, stage, below } => {
            // Arms take turns, so none has more than its share.
            let most = events.div_ceil(collector.frame.arms.len().max(1) as u64);
            Ranked::of(collector, stage).is_some_and(|stage| stage.is_beyond(*percentile, *below, most))
        }
        metric => known_at_the_end_only(metric, collector.frame.linked).is_none(),
    }
}

impl Abort {
    /// As the result tells it.
    pub fn told(&self, objectives: &[Objective]) -> Aborted {
        let objective = objectives.get(self.index).map(|objective| objective.text.clone()).unwrap_or_default();
        Aborted { objective, at_ms: self.at.as_secs_f64() * 1e3, actual: self.actual.clone(), sent: self.sent }
    }

    /// What became of the objectives of a load that ended early: the one that ended it stands as it was then, and what held until
    /// then might not have held to the end.
    pub fn amend(&self, judged: &mut [Judged]) {
        let text = judged.get(self.index).map(|ending| ending.text.clone()).unwrap_or_default();
        for (index, objective) in judged.iter_mut().enumerate() {
            if index == self.index {
                objective.actual.clone_from(&self.actual);
                let (objective_text, actual) = (text.clone(), self.actual.clone());
                objective.finding = Finding::broken(&Cause::ObjectiveMissed { objective: objective_text, actual });
            } else if objective.finding.outcome == Outcome::Held {
                let ended = format_duration(self.at);
                let detail = format!("the load was ended after {ended} by `{text}`; it held until then");
                objective.finding = Finding::of(&Verdict::CannotTell(Reason::OwnDoing { detail }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
