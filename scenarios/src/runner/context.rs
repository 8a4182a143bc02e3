//! What all scenarios of a run share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventproof_contract::Message;
use eventproof_evidence::Verdict;
use eventproof_reports::model::{Conformance, Coverage, Outcome, ScenarioResult};
use eventproof_system::Rig;

use super::holds::Holds;
use crate::coverage::coverage;
use crate::pack::Pack;
use crate::plan::{Plan, PlannedScenario};

/// How long one step may take before it is ended.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(180);

/// Which scenarios to run; everything if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Parts of names; one must be in the scenario's.
    pub names: Vec<String>,
    /// Whole names; one must be the scenario's.
    pub exact: Vec<String>,
    /// Tags without `@`; the scenario must have one of them.
    pub tags: Vec<String>,
}

impl Choice {
    /// Whether a scenario is chosen.
    pub fn takes(&self, scenario: &PlannedScenario) -> bool {
        let by_name = (self.names.is_empty() && self.exact.is_empty())
            || self.exact.contains(&scenario.name)
            || self.names.iter().any(|part| scenario.name.contains(part.as_str()));
        let by_tag = self.tags.is_empty()
            || self.tags.iter().any(|tag| scenario.tags.iter().any(|has| has.trim_start_matches('@') == tag));
        by_name && by_tag
    }
}

/// Is told as scenarios begin and end.
pub trait ScenarioListener: Send + Sync {
    /// A scenario has what it needs and begins.
    fn began(&self, name: &str);
    /// A scenario has ended.
    fn ended(&self, result: &ScenarioResult);
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    pub scenarios: Vec<ScenarioResult>,
    pub conformance: Conformance,
    pub coverage: Coverage,
}

/// A run's pack, plan, running system and results.
pub struct RunContext {
    pub pack: Pack,
    pub plan: Plan,
    pub rig: Rig,
    pub choice: Choice,
    pub listener: Box<dyn ScenarioListener>,
    pub(super) holds: Holds,
    pub(super) results: Mutex<Vec<ScenarioResult>>,
    /// Events that were published against the contract on purpose.
    invalid: Mutex<BTreeSet<String>>,
}

impl RunContext {
    /// Everything that scenarios need.
    pub fn new(
        pack: Pack,
        plan: Plan,
        rig: Rig,
        choice: Choice,
        listener: Box<dyn ScenarioListener>,
    ) -> Arc<RunContext> {
        let services: Vec<String> = pack.system.services.iter().map(|service| service.name.clone()).collect();
        Arc::new(RunContext {
            pack,
            plan,
            rig,
            choice,
            listener,
            holds: Holds::new(services),
            results: Mutex::default(),
            invalid: Mutex::default(),
        })
    }

    /// A message of the contract.
    pub(super) fn message(&self, name: &str) -> Result<&Message, Verdict> {
        self.pack.contract.message(name).ok_or_else(|| super::world::environment(format!("no message \"{name}\"")))
    }

    /// Notes that an event departs from the contract because the scenario wants it so.
    pub(super) fn on_purpose(&self, event: String) {
        self.invalid.lock().unwrap_or_else(PoisonError::into_inner).insert(event);
    }

    /// The results so far, in the order of the plan.
    pub fn report(&self) -> RunReport {
        let mut scenarios = self.lock_results().clone();
        let place = |result: &ScenarioResult| {
            self.plan.scenarios.iter().position(|planned| planned.file == result.file && planned.line == result.line)
        };
        scenarios.sort_by_key(place);
        let invalid = self.invalid.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (conformance, witnessed) = super::conformance::judge(&self.pack.contract, &self.rig.journal, &invalid);
        let judged: BTreeSet<(&str, usize)> = scenarios
            .iter()
            .filter(|result| matches!(result.outcome, Outcome::Held | Outcome::Broken))
            .map(|result| (result.file.as_str(), result.line))
            .collect();
        let counts = |scenario: &PlannedScenario| judged.contains(&(scenario.file.as_str(), scenario.line));
        let coverage = coverage(&self.pack, &self.plan.scenarios, counts, &witnessed);
        RunReport { scenarios, conformance, coverage }
    }

    pub(super) fn lock_results(&self) -> MutexGuard<'_, Vec<ScenarioResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
