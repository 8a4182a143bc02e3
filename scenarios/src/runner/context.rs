//! What all scenarios of a run share, and what those on one copy of the system share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventproof_contract::Message;
use eventproof_evidence::Verdict;
use eventproof_reports::model::{Conformance, Coverage, Outcome, ScenarioResult};
use eventproof_system::{Rig, SystemError};

use super::choice::{Choice, Rules};
use super::hidden::Hidden;
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

/// A run's pack and plan, and one copy of its system, running.
pub struct RunContext {
    pub pack: Arc<Pack>,
    pub plan: Arc<Plan>,
    pub rig: Rig,
    pub(super) run: Arc<Progress>,
    pub(super) holds: Holds,
    /// What must be in no output. Made once: every look at a view is looked through.
    pub(super) hidden: Hidden,
    /// Events that were published against the contract on purpose.
    invalid: Mutex<BTreeSet<String>>,
    /// Where in the journal the records begin that are judged.
    records_from: AtomicUsize,
    /// Services that were disturbed since the system was last seen ready.
    disturbed: tokio::sync::Mutex<BTreeSet<String>>,
}

/// How far a run is, over all copies of its system.
pub(super) struct Progress {
    pub choice: Choice,
    pub rules: Rules,
    pub listener: Box<dyn ScenarioListener>,
    results: Mutex<Vec<ScenarioResult>>,
    /// What was sensitive in any of the scenarios that have ended: services may have printed it.
    pub secrets: Mutex<BTreeSet<String>>,
    /// Which round this is: 0 at first; every repetition and every further try is another one.
    round: AtomicU32,
    /// Whether this round tries again what did not hold.
    again: AtomicBool,
    /// Whether nothing more is to begin.
    stopped: AtomicBool,
    /// What has begun in this round, by file and line: a scenario that several copies could take runs on one of them.
    begun: Mutex<BTreeSet<(String, usize)>>,
    /// What has a result in this round.
    ended: Mutex<BTreeSet<(String, usize)>>,
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
        let run = Progress {
            choice,
            rules,
            listener,
            results: Mutex::default(),
            secrets: Mutex::default(),
            round: AtomicU32::new(0),
            again: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            begun: Mutex::default(),
            ended: Mutex::default(),
        };
        RunContext::on(Arc::new(pack), Arc::new(plan), rig, Arc::new(run))
    }

    /// The same run on another copy of the system, which has its own broker and services.
    pub fn beside(&self, rig: Rig) -> Arc<RunContext> {
        RunContext::on(self.pack.clone(), self.plan.clone(), rig, self.run.clone())
    }

    fn on(pack: Arc<Pack>, plan: Arc<Plan>, rig: Rig, run: Arc<Progress>) -> Arc<RunContext> {
        let services: Vec<String> = pack.system.services.iter().map(|service| service.name.clone()).collect();
        Arc::new(RunContext {
            holds: Holds::new(services),
            hidden: Hidden::of(&pack.contract),
            pack,
            plan,
            rig,
            run,
            invalid: Mutex::default(),
            records_from: AtomicUsize::new(0),
            disturbed: tokio::sync::Mutex::default(),
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

    /// Notes that an event departs from the contract because the scenario wants it so.
    pub(super) fn on_purpose(&self, event: String) {
        self.invalid.lock().unwrap_or_else(PoisonError::into_inner).insert(event);
    }

    /// The results so far, in the order of the plan; records and messages of every copy count.
    pub fn report(&self, beside: &[Arc<RunContext>]) -> RunReport {
        let mut scenarios = self.run.lock_results().clone();
        scenarios.sort_by_key(|result| self.plan.position(&result.file, result.line));
        let (mut conformance, mut witnessed) = self.conformance();
        for copy in beside {
            let (more, names) = copy.conformance();
            conformance.add(more);
            witnessed.extend(names);
        }
        conformance.findings.truncate(super::conformance::SHOWN);
        let judged: BTreeSet<(&str, usize)> = scenarios
            .iter()
            .filter(|result| matches!(result.outcome, Outcome::Held | Outcome::Broken))
            .map(|result| (result.file.as_str(), result.line))
            .collect();
        let counts = |scenario: &PlannedScenario| judged.contains(&(scenario.file.as_str(), scenario.line));
        let coverage = coverage(&self.pack, &self.plan.scenarios, counts, &witnessed);
        RunReport { scenarios, conformance, coverage }
    }

    /// Whatever was ended of these services runs again. For their groups whoever comes next waits.
    pub(super) async fn restore(&self, services: &BTreeSet<String>) {
        let mut disturbed = self.disturbed.lock().await;
        disturbed.extend(services.iter().cloned());
        // What cannot be started is tried again, and told, when it is next needed.
        let _ = self.start_again(&disturbed).await;
    }

    /// Returns once the system is ready again, if an earlier scenario disturbed it.
    pub(super) async fn await_ready_again(&self) -> Result<(), SystemError> {
        let mut disturbed = self.disturbed.lock().await;
        if !disturbed.is_empty() {
            self.start_again(&disturbed).await?;
            self.rig.await_groups_again().await?;
            disturbed.clear();
        }
        Ok(())
    }

    async fn start_again(&self, services: &BTreeSet<String>) -> Result<(), SystemError> {
        for service in services {
            if self.rig.system.spec().service(service).is_some_and(|one| one.later) {
                // It was there for the scenario only; one that never started needs no end.
                let _ = self.rig.system.stop(service).await;
            } else if !self.rig.system.is_running(service).await {
                self.rig.system.start(service).await?;
            }
        }
        Ok(())
    }

    fn conformance(&self) -> (Conformance, BTreeSet<String>) {
        let invalid = self.invalid.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let from = self.records_from.load(Ordering::Relaxed);
        super::conformance::judge(&self.pack.contract, &self.rig.journal, from, &invalid)
    }
}

impl Progress {
    /// Begins a round.
    pub fn begin_round(&self, round: u32, again: bool) {
        self.round.store(round, Ordering::Relaxed);
        self.again.store(again, Ordering::Relaxed);
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A scenario has its result.
    pub fn has_ended(&self, scenario: &PlannedScenario) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(scenario.place());
    }

    /// Everything that has its result in this round.
    pub fn ended(&self) -> BTreeSet<(String, usize)> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which round this is.
    pub fn round(&self) -> u32 {
        self.round.load(Ordering::Relaxed)
    }

    /// Whether this round tries again.
    pub fn is_again(&self) -> bool {
        self.again.load(Ordering::Relaxed)
    }

    /// Whether a scenario is the caller's to run: nobody else has begun it in this round.
    pub fn claim(&self, scenario: &PlannedScenario) -> bool {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(scenario.place())
    }

    /// Nothing more begins, if the rules say so.
    pub fn stop_after_failure(&self) {
        self.stopped.store(self.rules.fail_fast, Ordering::Relaxed);
    }

    /// Whether nothing more is to begin.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub fn lock_results(&self) -> MutexGuard<'_, Vec<ScenarioResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
