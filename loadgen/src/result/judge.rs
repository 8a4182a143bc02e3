//! An objective and what became of it.

use eventproof_evidence::{Cause, Proof, Reason, Verdict};
use eventproof_reports::model::{Finding, Objective as Judged};

use super::counts;
use super::figures::throughput;
use super::lags;
use super::sight::{blind_to_loss, seen_late};
use super::times;
use crate::collector::{Collector, Failures};
use crate::objective::{Count, Metric, Objective};
use crate::stages::with_arm;

/// Judges every objective. `saturated`: why the generator's figures are none.
pub(crate) fn judge(objectives: &[Objective], collector: &Collector, saturated: Option<&str>) -> Vec<Judged> {
    objectives.iter().map(|objective| judge_one(objective, collector, saturated)).collect()
}

/// Judges one objective, as far as everything went.
pub(crate) fn judge_one(objective: &Objective, collector: &Collector, saturated: Option<&str>) -> Judged {
    let (actual, verdict) = measured(objective, collector);
    let verdict = match saturated {
        // A count of what was lost stands whatever the pace was; a figure of time or rate does not.
        Some(detail) if is_of_time(&objective.metric) => {
            Verdict::CannotTell(Reason::GeneratorSaturated { detail: detail.to_owned() })
        }
        _ => {
            blind_to_loss(objective, collector).or_else(|| seen_late(objective, collector, &verdict)).unwrap_or(verdict)
        }
    };
    let (stage, limit) = match &objective.metric {
        Metric::Percentile { stage, below, .. } | Metric::Max { stage, below } => (Some(stage), Some(below)),
        _ => (None, None),
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

/// Whether a figure is of time or rate.
pub(crate) fn is_of_time(metric: &Metric) -> bool {
    match metric {
        Metric::Count { what, .. } => *what == Count::Late,
        Metric::Failed { .. } => false,
        _ => true,
    }
}

/// A figure for people, and the verdict on it.
pub(super) type Figure = (String, Verdict);

fn measured(objective: &Objective, collector: &Collector) -> Figure {
    match &objective.metric {
        Metric::Throughput { least } => {
            let rate = throughput(collector);
            verdict(objective, format!("{rate:.1}/s"), rate >= *least)
        }
        Metric::Percentile { percentile, stage, below } => {
            times::percentile(objective, collector, *percentile, (stage, *below))
        }
        Metric::Max { stage, below } => times::max(objective, collector, (stage, *below)),
        Metric::Difference { percentile, stage, less, other, below } => {
            times::difference(objective, collector, (*percentile, stage), (*less, other), *below)
        }
        Metric::Drained { group, below } => times::drained(objective, collector, (group, *below)),
        Metric::Failed { stage, most } => failures(objective, collector, (stage, *most)),
        Metric::Count { what, leg, most } => counts::count(objective, collector, *what, (leg, *most)),
        Metric::Slope { group, below } => lags::slope(objective, collector, (group, *below)),
        Metric::Lag { group, below, lasting } => lags::lag(objective, collector, (group, *below), *lasting),
    }
}

fn failures(objective: &Objective, collector: &Collector, (stage, most): (&str, u64)) -> Figure {
    let arms = collector.frame.arms.iter();
    let of = arms.zip(&collector.failures).find(|(arm, _)| with_arm(collector.frame.first_stage, arm) == stage);
    let Some((_, failures)) = of.filter(|(_, failures)| failures.planned > 0) else { return no_such(stage) };
    verdict(objective, failed(failures), failures.all() <= most)
}

/// `3 of 1000: 2 refused, 1 without an answer; status 500: …`
fn failed(failures: &Failures) -> String {
    let counts = format!("{} of {}", failures.all(), failures.planned);
    if failures.all() == 0 {
        return counts;
    }
    let (refused, unknown) = (failures.refused, failures.unknown);
    format!("{counts}: {refused} refused, {unknown} of unknown outcome; {}", failures.reasons.join("; "))
}

pub(super) fn verdict(objective: &Objective, actual: String, held: bool) -> Figure {
    let verdict = match held {
        true => Verdict::Held(Proof::of(actual.clone())),
        false => Verdict::Broken(Cause::ObjectiveMissed { objective: objective.text.clone(), actual: actual.clone() }),
    };
    (actual, verdict)
}

pub(super) fn no_such(name: &str) -> Figure {
    let detail = format!("nothing was measured of {name}");
    ("none".to_owned(), Verdict::CannotTell(Reason::NoPositiveControl { detail }))
}
