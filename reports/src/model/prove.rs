//! The result of `prove`: which seeded faults were caught, and whether a healthy system was accused.

use serde::{Deserialize, Serialize};

use super::common::{Outcome, Provenance};

/// A whole proof of the gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProveResult {
    pub packs: Vec<String>,
    pub provenance: Provenance,
    pub faults: Vec<FaultRow>,
    pub healthy: Healthy,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRow {
    pub pack: String,
    /// `feed-service:skip-dedup`.
    pub fault: String,
    pub meaning: String,
    /// Held: it was caught by somebody who is meant to. Broken: it was not.
    pub outcome: Outcome,
    /// Who caught it and was meant to: scenario, diagnosis, words.
    pub caught_by: Vec<Catch>,
    /// Who was meant to catch it, and did not.
    pub missed_by: Vec<String>,
    /// Who broke besides: scenario and diagnosis.
    pub also: Vec<Catch>,
    /// How many controls held, of how many.
    pub controls_held: usize,
    pub controls: usize,
    /// Why there is no verdict, if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Why the first run had no verdict, where the fault was tried twice for that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_time: String,
}

/// A scenario that broke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Catch {
    pub scenario: String,
    pub code: String,
    pub text: String,
}

/// The same packs without any fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Healthy {
    /// Scenarios that were run, every repeat counted.
    pub executions: u64,
    /// How many of them while all processors were kept busy.
    pub executions_busy: u64,
    /// Scenarios that were accused.
    pub accused: Vec<Catch>,
    /// Scenarios that ended without a verdict.
    pub no_verdict: Vec<Catch>,
}

impl Healthy {
    /// With 95 % confidence fewer than this share of healthy scenarios are accused: 1 - 0.05^(1/n) for n executions of which
    /// none was (Clopper and Pearson's bound). `None` where some were, or nothing ran.
    pub fn bound(&self) -> Option<f64> {
        let none = self.accused.is_empty() && self.executions > 0;
        none.then(|| 1.0 - 0.05f64.powf(1.0 / self.executions as f64))
    }
}

impl ProveResult {
    /// How many faults were caught.
    pub fn caught(&self) -> usize {
        self.faults.iter().filter(|row| row.outcome == Outcome::Held).count()
    }

    /// The worst of all.
    pub fn outcome(&self) -> Outcome {
        let accused = if self.healthy.accused.is_empty() { Outcome::Held } else { Outcome::Broken };
        let open = if self.healthy.no_verdict.is_empty() { Outcome::Held } else { Outcome::NoVerdict };
        self.faults.iter().map(|row| row.outcome).chain([accused, open]).max().unwrap_or(Outcome::NoVerdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_rule_of_three() {
        let healthy = Healthy { executions: 3000, ..Healthy::default() };
        assert!((healthy.bound().unwrap() - 3.0 / 3000.0).abs() < 1e-5);
        assert_eq!(Healthy::default().bound(), None);
    }
}
