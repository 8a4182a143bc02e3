//! What all scenarios of a run share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventproof_reports::model::{Conformance, ScenarioResult};
use eventproof_system::Rig;

use super::holds::Holds;
use crate::pack::Pack;
use crate::plan::{Plan, PlannedScenario};

/// How long one step may take before it is ended.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(180);

/// Which scenarios to run; everything if nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Parts of names; one must be in the scenario's.
    pub names: Vec<String>,
    /// Tags without `@`; the scenario must have one of them.
    pub tags: Vec<String>,
}

impl Choice {
    /// Whether a scenario is chosen.
    pub fn takes(&self, scenario: &PlannedScenario) -> bool {
        let by_name = self.names.is_empty() || self.names.iter().any(|part| scenario.name.contains(part.as_str()));
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
        })
    }

    /// The results so far, in the order of the plan.
    pub fn report(&self) -> RunReport {
        let mut scenarios = self.lock_results().clone();
        let place = |result: &ScenarioResult| {
            self.plan.scenarios.iter().position(|planned| planned.file == result.file && planned.line == result.line)
        };
        scenarios.sort_by_key(place);
        RunReport { scenarios, conformance: super::conformance::judge(&self.pack.contract, &self.rig.journal) }
    }

    pub(super) fn lock_results(&self) -> MutexGuard<'_, Vec<ScenarioResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
