//! Two load results side by side: what changed, by how much, and whether the data can tell.

use serde::{Deserialize, Serialize};

use super::common::{BrokerInfo, Outcome, Provenance};
use super::distribution::Distribution;

/// What may be judged, and how strictly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// A change of so much is none: 5 for 5 %.
    pub percent: f64,
    /// A change of latency of less than this is none either. Milliseconds.
    pub floor_ms: f64,
}

/// A whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub title: String,
    pub before: Side,
    pub after: Side,
    pub tolerance: Tolerance,
    /// Why the two cannot be compared; then there is nothing else.
    pub refused: Vec<String>,
    /// What else is to be known: another machine, a run that was cut off.
    pub notes: Vec<String>,
    pub figures: Vec<Figure>,
    pub counts: Vec<CountChange>,
    /// Both distributions of each stage.
    pub stages: Vec<StagePair>,
}

/// One of the two results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The file, as it was given.
    pub file: String,
    pub started_at: String,
    pub version: String,
    pub machine: String,
    pub broker: BrokerInfo,
    pub command: String,
    /// Intervals after the warm-up.
    pub intervals: usize,
}

impl Side {
    /// What is shown of where a result comes from.
    pub fn of(file: &str, provenance: &Provenance, intervals: usize) -> Side {
        Side {
            file: file.to_owned(),
            started_at: provenance.started_at.clone(),
            version: provenance.version.clone(),
            machine: provenance.machine.clone(),
            broker: provenance.broker.clone(),
            command: provenance.command.clone(),
            intervals,
        }
    }
}

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// By more than the tolerance.
    Better,
    /// Neither better nor worse by more than the tolerance.
    Same,
    /// Not worse by more than the tolerance; whether it is better the data do not tell.
    NotWorse,
    CannotTell,
    /// By more than the tolerance.
    Worse,
}

impl Change {
    /// As a verdict on whether it got worse.
    pub fn outcome(self) -> Outcome {
        match self {
            Change::Better | Change::Same | Change::NotWorse => Outcome::Held,
            Change::CannotTell => Outcome::NoVerdict,
            Change::Worse => Outcome::Broken,
        }
    }

    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Change::Better => "better",
            Change::Same => "no difference beyond tolerance",
            Change::NotWorse => "not worse",
            Change::CannotTell => "cannot tell",
            Change::Worse => "WORSE",
        }
    }
}

/// A percentile of a stage, or the throughput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// As objectives name it: `p95(end_to_end)`, `throughput`.
    pub name: String,
    /// `ms` or `/s`.
    pub unit: String,
    /// Whether it decides: it is limited by an objective of the profile.
    pub decides: bool,
    pub before: f64,
    pub after: f64,
    /// By how many percent it changed, and the 95 % confidence interval of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
    pub change: Change,
    /// Why it cannot be told, and what would help.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A value and its confidence interval. Percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// A limit that is met or not: a count on a leg, or any other objective that has no interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountChange {
    /// `lost(topic)`, or the whole objective.
    pub name: String,
    pub before: String,
    pub after: String,
    pub change: Change,
}

/// A stage's distributions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePair {
    pub name: String,
    pub before: Distribution,
    pub after: Distribution,
}

impl Comparison {
    /// Every change that decides. Nothing that decides is told by nothing.
    pub fn deciding(&self) -> impl Iterator<Item = Change> + '_ {
        let figures = self.figures.iter().filter(|figure| figure.decides).map(|figure| figure.change);
        figures.chain(self.counts.iter().map(|count| count.change))
    }

    /// The gravest of what decides; nothing is "cannot tell".
    pub fn worst(&self) -> Change {
        self.deciding().max().unwrap_or(Change::CannotTell)
    }
}
