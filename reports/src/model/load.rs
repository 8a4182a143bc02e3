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
    /// The parts of that way, from station to station.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Stage>,
    /// Where the Kafka client says that the time until the acknowledgement went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<ClientSpan>,
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
    /// Who sent it, where it was sent by several processes and this is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<LoadShards>,
    /// Which objective ended the load before its plan was done, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted: Option<Aborted>,
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

impl LoadResult {
    /// Whether events had planned instants, from which latencies count; at `rate: max` they count from the send, as its stages say.
    pub fn is_planned(&self) -> bool {
        self.stages.first().is_none_or(|stage| !stage.meaning.starts_with("sent"))
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

/// An objective that ended its load, once it was missed for certain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aborted {
    /// As written.
    pub objective: String,
    /// Since the start of the load, warm-up included. Milliseconds.
    pub at_ms: f64,
    /// What was measured then, for people.
    pub actual: String,
    /// Events sent until then.
    pub sent: u64,
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

/// A way of events or a part of it, with its latencies after the warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// As objectives name it: `end_to_end`, `acknowledgement`, `processed(feed-service-group)`.
    pub name: String,
    /// `planned to visible on the topic`.
    pub meaning: String,
    /// How far the figures may be off by the way they are taken. Milliseconds.
    pub error_ms: f64,
    pub distribution: Distribution,
    /// How many measured events had to come there and did not: refused, of unknown outcome, or not come when the run ended. Objectives
    /// count them as slower than all that came; the distribution is that of the others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub never_came: u64,
}

/// Whether there is nothing to tell.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A part of the way to the acknowledgement, by the client's own statistics, the warm-up included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientSpan {
    /// `queue`, `requests`, `wire`, `throttle`.
    pub name: String,
    /// What it is the time of.
    pub meaning: String,
    /// Records or requests.
    pub count: u64,
    pub mean_ms: f64,
    /// The 99th percentile of the second in which it was the greatest: the client tells percentiles of seconds only.
    pub worst_p99_ms: f64,
    pub max_ms: f64,
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

/// A figure of a leg, by its name.
pub type LegFigure = (&'static str, fn(&LegCounts) -> u64);

/// What is shown of legs: what was seen, then what is wrong; given up, undecided and late only where there is any.
pub fn figures_of(legs: &[ConsumerLeg]) -> Vec<LegFigure> {
    const ALL: [LegFigure; 13] = [
        ("seen", |counts| counts.seen),
        ("lost", |counts| counts.lost),
        ("dead-lettered", |counts| counts.dead_lettered),
        ("undecided", |counts| counts.undecided),
        ("late", |counts| counts.late),
        ("duplicated", |counts| counts.duplicated),
        ("copied on topic", |counts| counts.duplicated_on_topic),
        ("reordered", |counts| counts.reordered),
        ("partition changed", |counts| counts.reordered_by_partition),
        ("so on topic", |counts| counts.reordered_on_topic),
        ("phantom", |counts| counts.phantom),
        ("corrupted", |counts| counts.corrupted),
        ("unknown", |counts| counts.unknown),
    ];
    let is_shown = |(name, of): &LegFigure| {
        let always = ["seen", "lost", "duplicated", "reordered", "phantom", "corrupted", "unknown"];
        always.contains(name) || legs.iter().any(|leg| of(&leg.counts) > 0)
    };
    ALL.into_iter().filter(is_shown).collect()
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
    /// The parts of the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<StageSlice>,
    /// Lag of each observed group at the end of the interval.
    pub lag: Vec<LagPoint>,
    /// What became of all events so far.
    #[serde(default)]
    pub counts: Counts,
    /// Every leg so far.
    #[serde(default)]
    pub legs: Vec<LegPoint>,
    /// By how much sends slipped behind their plan within the interval, after the warm-up.
    #[serde(default)]
    pub slip: StageSlice,
    /// Memory of the whole process at the end of the interval (with the embedded broker in it, that too). Megabytes.
    #[serde(default)]
    pub resident_mb: f64,
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
    /// Sent and not there yet, acknowledged or not: lost only if it never comes.
    pub owed: u64,
    /// Given up: in a dead-letter topic.
    #[serde(default)]
    pub dead_lettered: u64,
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
            owed: counts.lost + counts.undecided,
            dead_lettered: counts.dead_lettered,
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
    /// Records that it can see and has not committed.
    pub records: i64,
    /// Offsets between its position and the end: more than records where there are markers of transactions, or records of
    /// aborted ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<i64>,
    /// When the group was asked for its position, since the start of the load: before the end of the interval. Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<f64>,
}

impl LagPoint {
    /// Of the same group in other partitions, together with this.
    pub fn and(self, other: &LagPoint) -> LagPoint {
        let offsets = self.offsets.zip(other.offsets).map(|(one, other)| one + other);
        // Looks of different moments are of none.
        let at_ms = self.at_ms.filter(|at| other.at_ms == Some(*at));
        LagPoint { group: self.group, records: self.records + other.records, offsets, at_ms }
    }
}

/// An entry of a load's timeline, as it was carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Disturbed {
    /// `broker: delay api=Fetch by=200ms`.
    pub text: String,
    /// Since the start of the load. Milliseconds.
    pub at_ms: f64,
    pub until_ms: Option<f64>,
    /// How long after its end no more was owed on any leg than before it, to within an interval. Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_after_ms: Option<f64>,
    /// Whether it was done, and met anything.
    pub done: bool,
    /// What came of it: `it met 12 requests`, `not done: …`.
    pub outcome: String,
}

/// The processes that sent one load together. Latencies need no common clock: each is measured by the shard that sent the event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadShards {
    /// By how much two of them may have begun apart, at most, by the bounds of their clocks against the broker's. Milliseconds.
    pub apart_ms: f64,
    /// All of them, also those that left nothing.
    pub parts: Vec<LoadShard>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadShard {
    /// From 1.
    pub number: u64,
    /// The machine that it ran on.
    pub host: String,
    /// `ended`, `interrupted`, or what is known of one without a result.
    pub state: String,
    pub planned: u64,
    pub acknowledged: u64,
    /// By how much 99 % of its sends slipped at most. Milliseconds.
    pub slip_p99_ms: Option<f64>,
    /// Share of one core.
    pub cpu_share: f64,
    /// How exactly it knew the common start: so much earlier or later. Milliseconds.
    pub start_error_ms: f64,
}

/// How well the generator kept its own plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Actual minus planned send.
    pub slip: Distribution,
    /// Share of one core that the whole process used (with the embedded broker in it, that too).
    pub cpu_share: f64,
    /// Memory of the whole process at the end, and the most that it ever was. Megabytes.
    pub resident_mb: f64,
    #[serde(default)]
    pub resident_peak_mb: f64,
    /// Sends that had to wait because the producer's queue was full.
    pub backpressure: u64,
    /// Why the figures are none, if the generator did not keep its plan.
    pub saturated: Option<String>,
}
