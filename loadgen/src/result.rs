//! From the collector's state to the result: stages, legs, objectives.

use std::time::Duration;

use eventproof_evidence::ledger::LegCounts;
use eventproof_evidence::{Cause, Latencies, Proof, Reason, Verdict};
use eventproof_reports::model::{ConsumerLeg, Distribution, Finding, Objective as Judged, Stage};
use eventproof_source::units::format_duration;

use crate::collector::Collector;
use crate::objective::{Count, Metric, Objective};

/// The acknowledged rate over the measured events: from the first planned instant to the last acknowledgement.
pub(crate) fn throughput(collector: &Collector) -> f64 {
    match (collector.first_acknowledged, collector.last_acknowledged) {
        (Some(first), Some(last)) if last > first => {
            collector.acknowledged_measured as f64 / last.since(first).as_secs_f64()
        }
        _ => 0.0,
    }
}

/// Every stage with its meaning and error.
pub(crate) fn stages(collector: &Collector, effect_error: Duration, linger: Duration) -> Vec<Stage> {
    let waits = format!("the producer's linger of up to {} included", format_duration(linger));
    let meaning = |index: usize| match index {
        0 => (format!("planned to acknowledged by the broker, {waits}"), Duration::ZERO),
        1 => (format!("planned to visible on the topic, {waits}"), Duration::ZERO),
        _ => ("planned to its effect seen in the service's journal view".to_owned(), effect_error),
    };
    let stage = |(index, (name, latencies)): (usize, (String, &Latencies))| {
        let (meaning, error) = meaning(index);
        Stage { name, meaning, error_ms: error.as_secs_f64() * 1e3, distribution: Distribution::of(latencies) }
    };
    collector.stage_names().into_iter().zip(&collector.stages).enumerate().map(stage).collect()
}

/// Every leg with what counts as arrived.
pub(crate) fn legs(collector: &Collector, views: &[String]) -> Vec<ConsumerLeg> {
    let meaning = |index: usize| match index.checked_sub(1).and_then(|index| views.get(index)) {
        None => "acknowledged, and seen on the topic".to_owned(),
        Some(view) => format!("on the topic, and its effect seen in view \"{view}\""),
    };
    let leg = |(index, (name, counts))| ConsumerLeg { name, meaning: meaning(index), counts };
    collector.ledger.legs().into_iter().enumerate().map(leg).collect()
}

/// Judges every objective. `saturated`: why the generator's figures are none.
pub(crate) fn judge(objectives: &[Objective], collector: &Collector, saturated: Option<&str>) -> Vec<Judged> {
    objectives.iter().map(|objective| judge_one(objective, collector, saturated)).collect()
}

fn judge_one(objective: &Objective, collector: &Collector, saturated: Option<&str>) -> Judged {
    let (actual, verdict) = measured(objective, collector);
    let verdict = match saturated {
        // A count of what was lost stands whatever the pace was; a figure of time or rate does not.
        Some(detail) if !matches!(objective.metric, Metric::Count { .. }) => {
            Verdict::CannotTell(Reason::GeneratorSaturated { detail: detail.to_owned() })
        }
        _ => blind_to_loss(objective, collector).unwrap_or(verdict),
    };
    let (stage, limit) = match &objective.metric {
        Metric::Percentile { stage, below, .. } | Metric::Max { stage, below } => (Some(stage), Some(below)),
        Metric::Throughput { .. } | Metric::Count { .. } | Metric::Lag { .. } => (None, None),
    };
    Judged {
        text: objective.text.clone(),
        actual,
        stage: stage.cloned(),
        percentile: match &objective.metric {
            Metric::Percentile { percentile, .. } => Some(percentile.0),
            _ => None,
        },
        limit_ms: limit.map(|limit| limit.as_secs_f64() * 1e3),
        finding: Finding::of(&verdict),
    }
}

/// An absence across a span in which the recorder could not see is no verdict.
fn blind_to_loss(objective: &Objective, collector: &Collector) -> Option<Verdict> {
    let Metric::Count { what: Count::Lost, leg, .. } = &objective.metric else { return None };
    let blind = collector.blind.first()?;
    let lost = counts_of(collector, leg).is_some_and(|counts| counts.lost > 0);
    lost.then(|| {
        let lasted = blind.to.map_or(Duration::ZERO, |to| to.since(blind.from));
        Verdict::CannotTell(Reason::Blind { what: leg.clone(), why: blind.why.clone(), lasted })
    })
}

fn measured(objective: &Objective, collector: &Collector) -> (String, Verdict) {
    match &objective.metric {
        Metric::Throughput { least } => {
            let rate = throughput(collector);
            verdict(objective, format!("{rate:.1}/s"), rate >= *least)
        }
        Metric::Percentile { percentile, stage, below } => {
            let Some(latencies) = stage_of(collector, stage) else { return no_such(stage) };
            let found = latencies.percentile(*percentile);
            match found.doubt {
                Some(doubt) => (format_duration(found.value), Verdict::CannotTell(doubt)),
                None => verdict(objective, format_duration(found.value), found.value < *below),
            }
        }
        Metric::Max { stage, below } => {
            let Some(latencies) = stage_of(collector, stage) else { return no_such(stage) };
            if latencies.count() == 0 {
                let detail = "nothing was measured".to_owned();
                return ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }));
            }
            verdict(objective, format_duration(latencies.max()), latencies.max() < *below)
        }
        Metric::Count { what, leg, most } => {
            let Some(counts) = counts_of(collector, leg) else { return no_such(leg) };
            if counts.seen == 0 && collector.ledger.counts().acknowledged == 0 {
                let detail = "no event was acknowledged".to_owned();
                return ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }));
            }
            let actual = counted(*what, &counts);
            verdict(objective, format!("{actual} of {}", collector.ledger.counts().planned), actual <= *most)
        }
        Metric::Lag { group, below } => match collector.greatest_lag.get(group) {
            Some(lag) => match (lag.unsigned_abs() < *below, collector.unseen_lag.get(group)) {
                (true, Some((intervals, why))) => (format!("{lag} records"), unseen(collector, group, *intervals, why)),
                (held, _) => verdict(objective, format!("{lag} records"), held),
            },
            None => no_such(group),
        },
    }
}

fn verdict(objective: &Objective, actual: String, held: bool) -> (String, Verdict) {
    let verdict = match held {
        true => Verdict::Held(Proof::of(actual.clone())),
        false => Verdict::Broken(Cause::ObjectiveMissed { objective: objective.text.clone(), actual: actual.clone() }),
    };
    (actual, verdict)
}

/// A lag that was not seen in some intervals may have been beyond the limit there.
fn unseen(collector: &Collector, group: &str, intervals: u32, why: &str) -> Verdict {
    let lasted = collector.interval() * intervals;
    Verdict::CannotTell(Reason::Blind { what: format!("group \"{group}\""), why: why.to_owned(), lasted })
}

fn no_such(name: &str) -> (String, Verdict) {
    let detail = format!("nothing was measured of {name}");
    ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
}

fn stage_of<'a>(collector: &'a Collector, name: &str) -> Option<&'a Latencies> {
    collector.stage_names().iter().position(|known| known == name).and_then(|index| collector.stages.get(index))
}

fn counts_of(collector: &Collector, leg: &str) -> Option<LegCounts> {
    collector.ledger.legs().into_iter().find(|(name, _)| name == leg).map(|(_, counts)| counts)
}

fn counted(what: Count, counts: &LegCounts) -> u64 {
    match what {
        Count::Lost => counts.lost,
        Count::Duplicated => counts.duplicated,
        Count::Reordered => counts.reordered,
        Count::Phantom => counts.phantom,
        Count::Corrupted => counts.corrupted,
    }
}
