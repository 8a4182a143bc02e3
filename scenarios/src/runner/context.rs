//! What all scenarios of a run share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventproof_contract::Message;
use eventproof_evidence::Verdict;
use eventproof_reports::model::{Conformance, Coverage, Outcome, ScenarioResult};
use eventproof_system::Rig;

use super::choice::{Choice, Rules};
use super::holds::Holds;
use crate::coverage::coverage;
use crate::pack::Pack;
use crate::plan::{Plan, PlannedScenario};

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
    pub rules: Rules,
    pub listener: Box<dyn ScenarioListener>,
    pub(super) holds: Holds,
    pub(super) results: Mutex<Vec<ScenarioResult>>,
    /// Which round this is: 0 at first; every repetition and every further try is another one.
    round: AtomicU32,
    /// Whether this round tries again what did not hold.
    again: AtomicBool,
    /// Whether nothing more is to begin.
    stopped: AtomicBool,
    /// Events that were published against the contract on purpose.
    invalid: Mutex<BTreeSet<String>>,
    /// Where in the journal the records begin that are judged.
    records_from: AtomicUsize,
}

impl RunContext {
    /// Everything that scenarios need.
    pub fn new(
        pack: Pack,
        plan: Plan,
        rig: Rig,
        choice: Choice,
        rules: Rules,
        listener: Box<dyn ScenarioListener>,
    ) -> Arc<RunContext> {
        let services: Vec<String> = pack.system.services.iter().map(|service| service.name.clone()).collect();
        Arc::new(RunContext {
            pack,
            plan,
            rig,
            choice,
            rules,
            listener,
            holds: Holds::new(services),
            results: Mutex::default(),
            round: AtomicU32::new(0),
            again: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            invalid: Mutex::default(),
            records_from: AtomicUsize::new(0),
        })
    }

    /// Judges only records that came later than this entry of the journal: on a system that has run scenarios before, those
    /// were judged then.
    pub fn judge_records_from(&self, entry: usize) {
        self.records_from.store(entry, Ordering::Relaxed);
    }

    /// A message of the contract.
    pub(super) fn message(&self, name: &str) -> Result<&Message, Verdict> {
        self.pack.contract.message(name).ok_or_else(|| super::world::environment(format!("no message \"{name}\"")))
    }

    /// Begins another round; `again` tries what did not hold once more.
    pub(super) fn next_round(&self, again: bool) {
        self.round.fetch_add(1, Ordering::Relaxed);
        self.again.store(again, Ordering::Relaxed);
    }

    /// Which round this is.
    pub(super) fn round(&self) -> u32 {
        self.round.load(Ordering::Relaxed)
    }

    /// Whether this round tries again.
    pub(super) fn is_again(&self) -> bool {
        self.again.load(Ordering::Relaxed)
    }

    /// Nothing more begins, if the rules say so.
    pub(super) fn stop_after_failure(&self) {
        self.stopped.store(self.rules.fail_fast, Ordering::Relaxed);
    }

    /// Whether nothing more is to begin.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Notes that an event departs from the contract because the scenario wants it so.
    pub(super) fn on_purpose(&self, event: String) {
        self.invalid.lock().unwrap_or_else(PoisonError::into_inner).insert(event);
    }

    /// The results so far, in the order of the plan.
    pub fn report(&self) -> RunReport {
        let mut scenarios = self.lock_results().clone();
        scenarios.sort_by_key(|result| self.plan.position(&result.file, result.line));
        let invalid = self.invalid.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (conformance, witnessed) = super::conformance::judge(
            &self.pack.contract,
            &self.rig.journal,
            self.records_from.load(Ordering::Relaxed),
            &invalid,
        );
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
