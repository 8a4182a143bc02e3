//! The result of `load`: objectives, stages, legs, and how they went over time.

use std::collections::BTreeMap;

use eventproof_evidence::ledger::{Counts, LegCounts};
use serde::{Deserialize, Serialize};

use super::common::{Finding, Outcome, Provenance, ServiceInfo};
use super::distribution::Distribution;

/// A whole load run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    pub profile: String,
    pub title: String,
    pub pack: String,
    pub provenance: Provenance,
    /// What was asked for, for people: `10,000 events of 1000 B at 1000/s, 2 s warm-up`.
    pub plan: String,
    pub objectives: Vec<Objective>,
    pub stages: Vec<Stage>,
    pub counts: Counts,
    /// What was sent and how, setting by setting as the profile writes it: results of other settings are not compared.
    #[serde(default)]
    pub workload: BTreeMap<String, String>,
    /// Every leg of delivery, in order: `topic`, then groups.
    pub legs: Vec<ConsumerLeg>,
    pub intervals: Vec<Interval>,
    pub generator: Generator,
    /// How long the payloads were that were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payloads: Option<Sizes>,
    /// How the highest rate was searched, if it was; the rest of the result is the last run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchResult>,
    /// What was done to broker and services meanwhile.
    #[serde(default)]
    pub disturbed: Vec<Disturbed>,
    #[serde(default)]
    pub services: Vec<ServiceInfo>,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

impl LoadResult {
    /// The worst of objectives and findings. Nothing judged is no verdict, and an interrupted or saturated run has none
    /// unless something was broken.
    pub fn outcome(&self) -> Outcome {
        let outcomes = self.objectives.iter().map(|objective| &objective.finding).chain(&self.findings);
        let worst = outcomes.map(|finding| finding.outcome).max().unwrap_or(Outcome::NoVerdict);
        let doubtful = self.generator.saturated.is_some() || self.provenance.interrupted;
        if doubtful { worst.max(Outcome::NoVerdict) } else { worst }
    }
}

/// An objective of the profile and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// As written: `p95(end_to_end) < 100ms`.
    pub text: String,
    /// What was measured, for people: `12.3 ms`.
    pub actual: String,
    /// The stage that it limits, if it is about latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The percentile that it limits there: 95 for p95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// The limit on that stage. Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<f64>,
    pub finding: Finding,
}

/// The highest rate at which the objectives hold, and how it was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// Events per second, confirmed by a soak; none if nothing held.
    pub rate: Option<f64>,
    /// What kept it from being higher.
    pub limit: Option<String>,
    pub steps: Vec<SearchStep>,
}

/// One run of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchStep {
    /// Events per second.
    pub rate: f64,
    /// Whether it was a confirming run.
    pub soak: bool,
    /// What kept it from holding; none if it held.
    pub limit: Option<String>,
}

/// Lengths of payloads. Bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    pub count: u64,
    pub min: u64,
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// A span of an event's way, with its latencies after the warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// As objectives name it: `end_to_end`, `acknowledgement`, `processed(feed-service-group)`.
    pub name: String,
    /// `planned to visible on the topic`.
    pub meaning: String,
    /// How far the figures may be off by the way they are taken. Milliseconds.
    pub error_ms: f64,
    pub distribution: Distribution,
}

/// Delivery on one leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsumerLeg {
    /// `topic`, or the group.
    pub name: String,
    /// What counts as arrived: `on the log`, `effect in view "handled"`.
    pub meaning: String,
    pub counts: LegCounts,
}

/// One interval of the run (a second, unless the run is long).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Since the start of the load, warm-up included. Milliseconds.
    pub from_ms: f64,
    pub to_ms: f64,
    pub warm_up: bool,
    pub planned: u64,
    pub acknowledged: u64,
    pub seen: u64,
    pub stages: Vec<StageSlice>,
    /// Lag of each observed group at the end of the interval.
    pub lag: Vec<LagPoint>,
    /// What became of all events so far.
    #[serde(default)]
    pub counts: Counts,
    /// Every leg so far.
    #[serde(default)]
    pub legs: Vec<LegPoint>,
}

/// A stage's figures within one interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSlice {
    pub name: String,
    pub count: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Longer than can be counted.
    #[serde(default)]
    pub out_of_range: u64,
    /// The whole distribution in microseconds, in HdrHistogram's compressed V2 form and base64; empty if there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub histogram: String,
}

/// A leg at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegPoint {
    pub name: String,
    /// Sent and not there yet: lost only if it never comes.
    pub owed: u64,
    pub seen: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub phantom: u64,
    pub corrupted: u64,
}

impl LegPoint {
    /// A leg's account as it stands.
    pub fn of(name: String, counts: &LegCounts) -> LegPoint {
        LegPoint {
            name,
            owed: counts.lost,
            seen: counts.seen,
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            phantom: counts.phantom,
            corrupted: counts.corrupted,
        }
    }
}

/// The lag of a group at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LagPoint {
    pub group: String,
    pub records: i64,
}

/// An entry of a load's timeline, as it was carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Disturbed {
    /// `broker: delay api=Fetch by=200ms`.
    pub text: String,
    /// Since the start of the load. Milliseconds.
    pub at_ms: f64,
    pub until_ms: Option<f64>,
    /// Whether it was done, and met anything.
    pub done: bool,
    /// What came of it: `it met 12 requests`, `not done: …`.
    pub outcome: String,
}

/// How well the generator kept its own plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Actual minus planned send.
    pub slip: Distribution,
    /// Share of one core that the whole process used (with the embedded broker in it, that too).
    pub cpu_share: f64,
    pub resident_mb: f64,
    /// Sends that had to wait because the producer's queue was full.
    pub backpressure: u64,
    /// Why the figures are none, if the generator did not keep its plan.
    pub saturated: Option<String>,
}
