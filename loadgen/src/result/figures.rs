//! What a load measured, for reports: stages and spans with their errors, legs, sizes of payloads, the rate.

use std::time::Duration;

use eventproof_evidence::Latencies;
use eventproof_evidence::ledger::LegCounts;
use eventproof_reports::model::{ConsumerLeg, Distribution, Sizes, Stage};
use eventproof_source::units::format_duration;
use serde::{Deserialize, Serialize};

use crate::collector::{Collector, WINDOW};
use crate::ranked::Ranked;
use crate::stages::SLIP;

/// The acknowledged rate over the measured time: from the first planned instant to the last acknowledgement, or to the last planned
/// instant where that is later. Time in which nothing was acknowledged counts.
pub(crate) fn throughput(collector: &Collector) -> f64 {
    let last = collector.last_acknowledged.map(|last| last.max(collector.last_planned.unwrap_or(last)));
    match (collector.first_planned, last) {
        (Some(first), Some(last)) if last > first => {
            collector.acknowledged_measured as f64 / last.since(first).as_secs_f64()
        }
        _ => 0.0,
    }
}

/// How far figures may be off, and from when they count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// How late an effect may be seen.
    pub effect_error: Duration,
    /// The producer's linger, where there is one.
    pub linger: Option<Duration>,
    /// Whether instants are planned; otherwise figures count from the send.
    pub planned: bool,
}

/// Every stage with its meaning and error.
pub(crate) fn stages(collector: &Collector, taken: &Taken) -> Vec<Stage> {
    let waits = match taken.linger {
        Some(linger) => format!(", the producer's linger of up to {} included", format_duration(linger)),
        None => String::new(),
    };
    let from = if taken.planned { "planned" } else { "sent (there is no plan at `rate: max`)" };
    let first = if taken.linger.is_some() { "acknowledged by the broker" } else { "answered by the service" };
    let by_view = 2 + collector.frame.groups.len();
    let meaning = |stage: usize| match stage {
        0 => (format!("{from} to {first}{waits}"), Duration::ZERO),
        1 => (format!("{from} to visible on the topic{waits}"), Duration::ZERO),
        _ if stage >= by_view => (
            format!(
                "{from} to behind the position that the group commits; 95 % of the events may have been processed sooner, by at most the error"
            ),
            collector.commits.step(stage - by_view),
        ),
        _ if follows(collector, stage - 2) => {
            (format!("{from} to the event that follows from it seen on its topic"), Duration::ZERO)
        }
        _ => (format!("{from} to its effect seen in the service's journal view"), taken.effect_error),
    };
    owed(collector, collector.stage_names(), &collector.stages, meaning)
}

/// Those of the stages or spans that any event can pass, by what each of an arm's means and how far it may be off.
fn owed(
    collector: &Collector,
    names: Vec<String>,
    all: &[Latencies],
    meaning: impl Fn(usize) -> (String, Duration),
) -> Vec<Stage> {
    let of_arm = collector.frame.stages();
    let stage = |(index, (name, latencies)): (usize, (String, &Latencies))| {
        let (meaning, error) = meaning(index % of_arm);
        let never_came = Ranked::of(collector, &name).map_or(0, |stage| stage.never_came());
        let (error_ms, distribution) = (error.as_secs_f64() * 1e3, Distribution::of(latencies));
        Stage { name, meaning, error_ms, distribution, never_came }
    };
    let all = names.into_iter().zip(all).enumerate().map(stage);
    all.zip(collector.owed_stages()).filter(|(_, owed)| *owed).map(|(stage, _)| stage).collect()
}

/// The spans: for each stage the last part of the way there.
pub(crate) fn spans(collector: &Collector, taken: &Taken) -> Vec<Stage> {
    let groups = collector.frame.groups.len();
    let linger = taken.linger.map(|linger| format!(", its linger of up to {} included", format_duration(linger)));
    let meaning = |stage: usize| match stage {
        0 if taken.linger.is_some() => {
            (format!("handed to the producer to acknowledged{}", linger.clone().unwrap_or_default()), Duration::ZERO)
        }
        0 => ("really made to answered".to_owned(), Duration::ZERO),
        1 => ("from there to read from its topic; 0 where it was read sooner".to_owned(), Duration::ZERO),
        _ if stage >= 2 + groups => (
            "read from its topic to behind the group's position".to_owned(),
            collector.commits.step(stage - 2 - groups),
        ),
        _ if follows(collector, stage - 2) => {
            ("read from its topic to the event that follows".to_owned(), Duration::ZERO)
        }
        _ => ("read from its topic to its effect seen".to_owned(), taken.effect_error),
    };
    let all = owed(collector, collector.span_names(), &collector.spans, meaning);
    slip(collector, taken).into_iter().chain(all).collect()
}

/// The part that the generator is to blame for.
fn slip(collector: &Collector, taken: &Taken) -> Option<Stage> {
    let meaning = "by how much the generator was behind its plan".to_owned();
    let distribution = Distribution::of(&collector.slip);
    taken.planned.then(|| Stage { name: SLIP.to_owned(), meaning, error_ms: 0.0, distribution, never_came: 0 })
}

/// Whether what is owed there is no group's effect but another event.
fn follows(collector: &Collector, group: usize) -> bool {
    collector.frame.groups.get(group).is_some_and(|group| collector.frame.is_message(&group.name))
}

/// Sizes of the payloads seen.
pub(crate) fn sizes(collector: &Collector) -> Option<Sizes> {
    let sizes = &collector.sizes;
    (!sizes.is_empty()).then(|| Sizes {
        count: sizes.len(),
        min: sizes.min(),
        p50: sizes.value_at_quantile(0.5),
        p99: sizes.value_at_quantile(0.99),
        max: sizes.max(),
    })
}

/// Every leg with what counts as arrived.
pub(crate) fn legs(collector: &Collector, views: &[String]) -> Vec<ConsumerLeg> {
    let meaning = |index: usize| match index.checked_sub(1).and_then(|index| views.get(index)) {
        None if collector.frame.linked => {
            format!(
                "answered, and the event that follows seen on the topic; duplicates within the latest {WINDOW} requests"
            )
        }
        None if index.checked_sub(1).is_some_and(|group| follows(collector, group)) => {
            "on the topic, and the event seen that follows from it".to_owned()
        }
        None => "acknowledged, and seen on the topic".to_owned(),
        Some(view) => format!("on the topic, and its effect seen in view \"{view}\""),
    };
    let leg = |(index, (name, counts)): (usize, (String, LegCounts))| {
        let phantom = if index == 0 { counts.phantom + collector.strangers() } else { counts.phantom };
        ConsumerLeg { name, meaning: meaning(index), counts: LegCounts { phantom, ..counts } }
    };
    collector.legs().into_iter().enumerate().map(leg).collect()
}
