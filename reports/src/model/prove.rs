//! The result of `prove`: which seeded faults were caught, and whether a healthy system was accused.

use serde::{Deserialize, Serialize};

use super::common::{Outcome, Provenance};

/// A whole proof of the gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProveResult {
    pub packs: Vec<String>,
    pub provenance: Provenance,
    pub faults: Vec<FaultRow>,
    /// How many faults were to be tried besides, and were not: the proof was ended before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untried: u64,
    pub healthy: Healthy,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks by reference
fn is_zero(count: &u64) -> bool {
    *count == 0
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

    /// The worst of all; nothing run is no verdict.
    pub fn outcome(&self) -> Outcome {
        let accused = if self.healthy.accused.is_empty() { Outcome::Held } else { Outcome::Broken };
        let nothing_ran = self.faults.is_empty() && self.healthy.executions == 0;
        let is_open = nothing_ran || !self.healthy.no_verdict.is_empty() || self.provenance.interrupted;
        let open = if is_open { Outcome::NoVerdict } else { Outcome::Held };
        self.faults.iter().map(|row| row.outcome).fold(accused.max(open), Outcome::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ended_before_its_time_is_no_proof_but_an_accusation_stands() {
        let mut result = ProveResult::default();
        assert_eq!(result.outcome(), Outcome::NoVerdict, "nothing ran");
        result.healthy.executions = 5;
        assert_eq!(result.outcome(), Outcome::Held);
        result.provenance.interrupted = true;
        assert_eq!(result.outcome(), Outcome::NoVerdict);
        result.healthy.accused.push(Catch { scenario: "s".into(), code: "late".into(), text: String::new() });
        assert_eq!(result.outcome(), Outcome::Broken);
    }

    #[test]
    fn the_bound_is_the_rule_of_three() {
        let healthy = Healthy { executions: 3000, ..Healthy::default() };
        assert!((healthy.bound().unwrap() - 3.0 / 3000.0).abs() < 1e-5);
        assert_eq!(Healthy::default().bound(), None);
    }
}
