//! What scenario runs and load runs have in common.

use eventproof_evidence::{Cause, Reason, Verdict};
use serde::{Deserialize, Serialize};

/// The result of one thing that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The promise was kept.
    Held,
    /// Left out, by a rule that the configuration names or because an earlier step did not hold.
    Skipped,
    /// The evidence shows neither.
    NoVerdict,
    /// The promise was broken.
    Broken,
}

/// What was found, in words, with a stable code to filter by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub outcome: Outcome,
    /// Stable, kebab case: `late`, `group-behind`, `duplicate-not-handled`; empty where it held.
    pub code: String,
    /// For people; may have several lines.
    pub text: String,
    /// How long the thing took, where the promise is one of time. Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_ms: Option<f64>,
}

impl Finding {
    /// A verdict in the words of a report. A verdict that is still open is none.
    pub fn of(verdict: &Verdict) -> Finding {
        match verdict {
            Verdict::Held(proof) => Finding {
                outcome: Outcome::Held,
                code: String::new(),
                text: proof.text.clone(),
                took_ms: proof.took.map(|took| took.as_secs_f64() * 1e3),
            },
            Verdict::Broken(cause) => Finding::broken(cause),
            Verdict::CannotTell(reason) => Finding::no_verdict(reason),
            Verdict::NotYet => Finding::no_verdict(&Reason::Environment {
                detail: "the run ended before there was a verdict".to_owned(),
            }),
        }
    }

    /// A broken promise.
    pub fn broken(cause: &Cause) -> Finding {
        Finding { outcome: Outcome::Broken, code: cause.code().to_owned(), text: cause.to_string(), took_ms: None }
    }

    /// No verdict, with the reason.
    pub fn no_verdict(reason: &Reason) -> Finding {
        Finding { outcome: Outcome::NoVerdict, code: reason.code().to_owned(), text: reason.to_string(), took_ms: None }
    }
}

/// Which broker the verdicts were reached on. Every verdict line names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BrokerInfo {
    /// `embedded`, `container` or `external`.
    pub kind: String,
    /// For people: `embedded broker`, `Apache Kafka 4.2.0 (container)`.
    pub label: String,
}

/// Where a result comes from, and how to get it again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of eventproof.
    pub version: String,
    /// The command line that repeats it, seed included.
    pub command: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub duration_ms: f64,
    pub seed: u64,
    /// Identities of this run derive from it.
    pub run_id: String,
    pub broker: BrokerInfo,
    /// Operating system, processors.
    pub machine: String,
    pub exit_code: i32,
    /// Whether the run was interrupted: what is here is what was done until then.
    #[serde(default)]
    pub interrupted: bool,
    /// How many results this one was merged from; 0 where it is one run's own.
    #[serde(default)]
    pub merged: usize,
}

/// A service under test, as it was when the run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceInfo {
    pub name: String,
    /// `ready`, `ended by eventproof`, `died: exit status 101`.
    pub state: String,
    pub starts: u32,
    /// Its named faults that were switched on, for `prove`.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Its last lines; kept where it died or something was broken.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// How many of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub held: usize,
    pub broken: usize,
    pub no_verdict: usize,
    pub skipped: usize,
}

impl Tally {
    /// Counts outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Tally {
        let mut tally = Tally::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Held => &mut tally.held,
                Outcome::Broken => &mut tally.broken,
                Outcome::NoVerdict => &mut tally.no_verdict,
                Outcome::Skipped => &mut tally.skipped,
            } += 1;
        }
        tally
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.held + self.broken + self.no_verdict + self.skipped
    }
}
