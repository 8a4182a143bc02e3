//! The result of `run`: scenarios, their steps, and what every record said of the contract.

use eventproof_evidence::Cause;
use serde::{Deserialize, Serialize};

use super::common::{Finding, Outcome, Provenance, ServiceInfo, Tally};
use super::coverage::Coverage;

/// A whole scenario run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub pack: String,
    pub provenance: Provenance,
    pub scenarios: Vec<ScenarioResult>,
    pub conformance: Conformance,
    /// Which promises of the contract were touched.
    #[serde(default)]
    pub coverage: Coverage,
    pub services: Vec<ServiceInfo>,
    /// Findings about the run as a whole: a service that died unasked, an environment that failed.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Which part of the pack this is, if it was run in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Which scenarios were chosen for all parts together, in a word that is the same for the same ones; only where it is a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// Needs for whose lack a scenario may be skipped without losing the verdict.
    #[serde(default)]
    pub allow_skipped: Vec<String>,
    /// The least share of promises that should be touched, in percent, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_coverage: Option<u8>,
}

/// One part of so many: `2/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: u64,
    pub of: u64,
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl RunResult {
    /// That scenarios touch fewer promises than was asked for.
    pub fn too_little_coverage(&self) -> Option<Finding> {
        let (least, coverage) = (self.min_coverage?, &self.coverage);
        let actual = coverage.percent();
        let untouched = coverage.rows.iter().filter(|row| row.by.is_empty());
        let first: Vec<String> =
            untouched.take(5).map(|row| format!("{} of \"{}\"", row.property, row.message)).collect();
        let missed = Cause::ObjectiveMissed {
            objective: format!("coverage >= {least} %"),
            actual: format!(
                "{actual} % ({} of {} promises); untouched are: {}, …",
                coverage.touched(),
                coverage.rows.len(),
                first.join(", ")
            ),
        };
        (actual < least).then(|| Finding::broken(&missed))
    }

    /// How many scenarios had which outcome.
    pub fn tally(&self) -> Tally {
        Tally::of(self.scenarios.iter().map(|scenario| scenario.outcome))
    }
}

/// One scenario (one row of an outline).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioResult {
    pub feature: String,
    /// Path of the feature file as given, and the line of the scenario.
    pub file: String,
    pub line: usize,
    pub name: String,
    /// The language of the feature: `en`, `zh-CN`.
    pub language: String,
    pub tags: Vec<String>,
    pub outcome: Outcome,
    /// What it needs (`@needs:…`) and the broker does not have: for that it was skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<String>,
    /// How often it was run: more than once where it was tried again.
    #[serde(default = "once")]
    pub attempts: u32,
    /// What is to be said of it as a whole: flaky, a known issue, not begun.
    #[serde(default)]
    pub note: Option<Finding>,
    pub duration_ms: f64,
    /// Time spent waiting for what it needs for itself alone, before it began. Milliseconds.
    pub waited_ms: f64,
    pub steps: Vec<StepResult>,
    /// What happened, in order; kept where the scenario did not hold.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
    /// What the services printed meanwhile, the last lines of each; kept where the scenario did not hold.
    #[serde(default)]
    pub logs: Vec<ServiceLog>,
    /// Its records and its HTTP exchanges in full; kept where the scenario did not hold.
    #[serde(default)]
    pub attachments: Attachments,
}

/// What went over the wires in a scenario. Sensitive fields are not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attachments {
    pub records: Vec<KeptRecord>,
    pub exchanges: Vec<Exchange>,
    /// How views were asked, and what they answered.
    #[serde(default)]
    pub looks: Vec<KeptLook>,
}

/// Looks at a view that were answered the same, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptLook {
    /// The first of them, since the scenario began. Milliseconds.
    pub at_ms: f64,
    pub view: String,
    /// Method and address.
    pub question: String,
    /// Whether it showed what was looked for; `None` where the answer could not be understood.
    pub shown: Option<bool>,
    /// The answer's body, or why there is none.
    pub answer: String,
    /// How many there were.
    pub times: u64,
    /// The first of them. Milliseconds.
    pub took_ms: f64,
}

/// A record as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// Since the scenario began. Milliseconds.
    pub at_ms: f64,
    /// Topic, partition and offset.
    pub place: String,
    /// What the contract calls it, where it knows it.
    pub message: Option<String>,
    pub id: Option<String>,
    pub correlation: Option<String>,
    pub key: Option<String>,
    /// Its fields: JSON pointer and text.
    pub fields: Vec<(String, String)>,
    /// How it departs from the contract.
    pub violations: Vec<String>,
    /// The record's own timestamp, where it has one. Milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<i64>,
    /// The event that never came and that this record is like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_to: Option<String>,
}

/// A request that an action made, and what it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Since the scenario began. Milliseconds.
    pub at_ms: f64,
    pub action: String,
    /// Method and address.
    pub request: String,
    /// What was sent with it; empty where nothing was.
    pub sent: String,
    /// `None`: it was not answered.
    pub status: Option<u16>,
    /// The answer's body, or why there is none.
    pub answer: String,
    pub took_ms: f64,
}

/// Lines that a service printed while a scenario ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceLog {
    pub service: String,
    pub lines: Vec<String>,
}

/// The code of the note of a scenario that failed as its tags say that it may.
pub const KNOWN_ISSUE: &str = "known-issue";

fn once() -> u32 {
    1
}

impl ScenarioResult {
    /// Whether it held only when it was tried again.
    pub fn is_flaky(&self) -> bool {
        self.outcome == Outcome::Held && self.attempts > 1
    }

    /// Whether it failed as its tags say that it may.
    pub fn is_known_issue(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.code == KNOWN_ISSUE)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// As written: `Given `, `当`.
    pub keyword: String,
    pub text: String,
    pub line: usize,
    /// The step's table, rows of cells.
    #[serde(default)]
    pub table: Vec<Vec<String>>,
    pub outcome: Outcome,
    pub duration_ms: f64,
    /// What was concluded; `None` for a step that only acts and for one that was skipped.
    pub finding: Option<Finding>,
    /// What a phrase did: the built-in sentences under it.
    #[serde(default)]
    pub under: Vec<SubStep>,
}

/// A built-in sentence that a phrase stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubStep {
    pub text: String,
    pub outcome: Outcome,
    pub finding: Option<Finding>,
}

/// One line of a scenario's time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Since the scenario began. Milliseconds.
    pub at_ms: f64,
    /// `published`, `seen`, `committed`, `view`, `effect`, `service`, `group`, `note`.
    pub kind: String,
    pub text: String,
}

/// How the records of the run kept to the contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conformance {
    /// Records read from the contract's topics.
    pub records: u64,
    /// Records that departed from it, and were not meant to.
    pub nonconforming: u64,
    /// The first few, each with its place.
    pub findings: Vec<Finding>,
    /// Messages of the contract, and how many records of each were seen.
    pub seen: Vec<(String, u64)>,
}

impl Conformance {
    /// What was seen elsewhere, by another shard or on another copy of the system, counts as well.
    pub fn add(&mut self, more: Conformance) {
        self.records += more.records;
        self.nonconforming += more.nonconforming;
        self.findings.extend(more.findings);
        for (message, count) in more.seen {
            match self.seen.iter_mut().find(|(known, _)| *known == message) {
                Some((_, sum)) => *sum += count,
                None => self.seen.push((message, count)),
            }
        }
    }
}
