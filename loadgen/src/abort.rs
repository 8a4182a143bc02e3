//! Ending a load early: once an objective that says so is missed for certain, there is nothing to gain from more load.
//!
//! Certain means that nothing that may still come could mend it: a count that only rises is over its limit, or so many events of
//! a stage were too slow that the percentile is missed even if all others that the plan has were quick. What could recover ends
//! nothing: what has not come yet is not lost, and a lag's slope is known at the end.
//!
//! What is certain of a shard's part is certain of the whole: counts and lags of parts add up and none is negative, a maximum is that
//! of some part, and a percentile is judged against the events of the whole plan. So a shard that finds it out ends all of them.

use std::time::Duration;

use eventproof_reports::model::{Aborted, Finding, Objective as Judged, Outcome, Shard};
use eventproof_source::units::format_duration;

use crate::collector::Collector;
use crate::objective::{Count, Metric, Objective};
use crate::ranked::Ranked;
use crate::result::{is_of_time, judge_one};
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
        // A record in a retry topic may still come, and say that the event was put off.
        Metric::Count { what: Count::Reordered, leg, .. } if collector.may_put_off(leg) => false,
        metric => known_at_the_end_only(metric, collector.frame.linked).is_none(),
    }
}

impl Abort {
    /// What ended a load, read from what was told of it; none if no objective says so.
    pub fn heard(told: Aborted, objectives: &[Objective]) -> Option<Abort> {
        let index = objectives.iter().position(|objective| objective.text == told.objective)?;
        let at = Duration::try_from_secs_f64(told.at_ms / 1e3).unwrap_or_default();
        Some(Abort { index, at, actual: told.actual, sent: told.sent })
    }

    /// The same, with where it was found out.
    pub fn on(self, shard: Shard) -> Abort {
        Abort { actual: format!("{} on shard {}", self.actual, shard.number), ..self }
    }

    /// As the result tells it.
    pub fn told(&self, objectives: &[Objective]) -> Aborted {
        let objective = objectives.get(self.index).map(|objective| objective.text.clone()).unwrap_or_default();
        Aborted { objective, at_ms: self.at.as_secs_f64() * 1e3, actual: self.actual.clone(), sent: self.sent }
    }

    /// What became of the objectives of a load that ended early: the one that ended it stands as it was then, and what held until
    /// then might not have held to the end.
    pub fn amend(&self, judged: &mut [Judged]) {
        if let Some(ending) = judged.get_mut(self.index) {
            ending.actual.clone_from(&self.actual);
            let (objective, actual) = (ending.text.clone(), self.actual.clone());
            ending.finding = Finding::broken(&Cause::ObjectiveMissed { objective, actual });
        }
        self.doubt(judged);
    }

    /// Rates of a load that shards sent together are of a time in which some of them sent no more: each hears of the end when it does.
    pub fn doubt_rates(&self, judged: &mut [Judged], objectives: &[Objective]) {
        let text = judged.get(self.index).map(|ending| ending.text.clone()).unwrap_or_default();
        let is_rate = |metric: &Metric| matches!(metric, Metric::Throughput { .. } | Metric::Slope { .. });
        let rates = judged.iter_mut().zip(objectives).filter(|(_, objective)| is_rate(&objective.metric));
        for (rate, _) in rates.filter(|(rate, _)| rate.finding.outcome == Outcome::Broken) {
            let ended = format_duration(self.at);
            let detail = format!("the load was ended after {ended} by `{text}`, and not on all shards at once");
            rate.finding = Finding::of(&Verdict::CannotTell(Reason::OwnDoing { detail }));
        }
    }

    /// Whether what ended the load is a figure of time or rate.
    pub fn is_of_time(&self, objectives: &[Objective]) -> bool {
        objectives.get(self.index).is_some_and(|objective| is_of_time(&objective.metric))
    }

    /// What held until the load was ended has no verdict.
    pub fn doubt(&self, judged: &mut [Judged]) {
        let text = judged.get(self.index).map(|ending| ending.text.clone()).unwrap_or_default();
        for objective in judged.iter_mut().filter(|objective| objective.finding.outcome == Outcome::Held) {
            let ended = format_duration(self.at);
            let detail = format!("the load was ended after {ended} by `{text}`; it held until then");
            objective.finding = Finding::of(&Verdict::CannotTell(Reason::OwnDoing { detail }));
        }
    }
}

#[cfg(test)]
mod tests;
