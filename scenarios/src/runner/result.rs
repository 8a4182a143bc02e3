//! What is told of a scenario: of one that ran, and of one that could not.

use eventproof_evidence::Reason;
use eventproof_reports::model::{Attachments, Finding, Outcome, ScenarioResult, StepResult};

use super::carry_out::unmet_needs;
use super::context::RunContext;
use super::outcome::NOT_BEGUN;
use super::queue::Places;
use super::world::Running;
use crate::plan::{PlannedScenario, PlannedStep};

impl RunContext {
    /// Scenarios that were to run and left no result have no verdict: they are never just absent.
    pub(super) fn tell_missed(&self, places: &Places) {
        let ended = self.run.ended();
        for planned in places.difference(&ended).filter_map(|(file, line)| self.plan.find(file, *line)) {
            self.tell_no_verdict(planned, "it left no result: a defect in eventproof, please report it".to_owned());
        }
    }

    /// A system that did not come back after an earlier scenario disturbed it is not blamed for what it does not do now.
    pub(super) fn tell_without_system(&self, planned: &PlannedScenario, why: &str) {
        let detail = format!("after an earlier scenario disturbed it the system is not ready again: {why}");
        self.tell_no_verdict(planned, detail);
    }

    /// A scenario that is not begun, since an earlier one did not hold.
    pub(super) fn tell_not_begun(&self, planned: &PlannedScenario) {
        let text = "an earlier scenario did not hold, and nothing more begins then (--fail-fast)".to_owned();
        let note = Finding { outcome: Outcome::Skipped, code: NOT_BEGUN.to_owned(), text, took_ms: None };
        self.run.lock_results().push(self.hide(not_run(planned, note)));
        self.run.has_ended(planned);
    }

    /// The run is ended now: what was chosen and has no result yet has no verdict. It is never just absent.
    pub fn tell_cut_short(&self, why: &str) {
        let ended = self.run.ended();
        let open = |one: &&PlannedScenario| self.run.choice.takes(one) && !ended.contains(&one.place());
        for planned in self.plan.scenarios.iter().filter(open) {
            let detail = format!("the run was ended before this had its verdict: {why}");
            let note = Finding::no_verdict(&Reason::Environment { detail });
            self.run.lock_results().push(self.hide(not_run(planned, note)));
            self.run.has_ended(planned);
        }
    }

    fn tell_no_verdict(&self, planned: &PlannedScenario, detail: String) {
        let result = self.hide(not_run(planned, Finding::no_verdict(&Reason::Environment { detail })));
        let result = self.keep(planned, result);
        self.run.listener.ended(&result);
    }
}

impl Running {
    /// What came of the scenario. `panicked`: what its last step said when it gave up.
    pub(super) fn result(&mut self, panicked: Option<&str>) -> ScenarioResult {
        let mut steps = std::mem::take(&mut self.steps);
        if self.next_step > steps.len() {
            // Only a panic leaves a step that was begun without a result.
            steps.extend(self.scenario.steps.get(steps.len()).map(|step| given_up(step, panicked)));
        }
        let outcome = steps.iter().map(|step| step.outcome).max().unwrap_or(Outcome::NoVerdict);
        let held = outcome == Outcome::Held;
        // What leaked into a log must not get into the report with it.
        let leaked = steps.iter().filter_map(|step| step.finding.as_ref()).any(|finding| finding.code == "leaked");
        let done = steps.len();
        steps.extend(self.scenario.steps.iter().skip(done).map(skipped));
        self.hide(ScenarioResult {
            outcome,
            duration_ms: self.now().since(self.began).as_secs_f64() * 1e3,
            waited_ms: self.waited.as_secs_f64() * 1e3,
            steps,
            timeline: if held { Vec::new() } else { self.timeline() },
            logs: if held || leaked { Vec::new() } else { self.logs() },
            attachments: if held || leaked { Attachments::default() } else { self.attachments() },
            unmet: unmet_needs(&self.scenario, &self.context.rig.broker).map(str::to_owned).collect(),
            ..empty(&self.scenario)
        })
    }
}

/// A scenario of which no step was done, and why.
fn not_run(planned: &PlannedScenario, note: Finding) -> ScenarioResult {
    let steps = planned.steps.iter().map(skipped).collect();
    ScenarioResult { outcome: note.outcome, note: Some(note), steps, ..empty(planned) }
}

fn empty(scenario: &PlannedScenario) -> ScenarioResult {
    ScenarioResult {
        feature: scenario.feature.clone(),
        file: scenario.file.clone(),
        line: scenario.line,
        name: scenario.name.clone(),
        language: scenario.language.clone(),
        tags: scenario.tags.clone(),
        outcome: Outcome::Skipped,
        unmet: Vec::new(),
        attempts: 1,
        note: None,
        duration_ms: 0.0,
        waited_ms: 0.0,
        steps: Vec::new(),
        timeline: Vec::new(),
        logs: Vec::new(),
        attachments: Attachments::default(),
    }
}

fn given_up(step: &PlannedStep, panicked: Option<&str>) -> StepResult {
    let said = panicked.map_or_else(String::new, |text| format!(" ({text})"));
    let detail = format!("the step panicked{said}, which says nothing of the system");
    let finding = Finding::no_verdict(&Reason::Environment { detail });
    StepResult { outcome: Outcome::NoVerdict, finding: Some(finding), ..skipped(step) }
}

fn skipped(step: &PlannedStep) -> StepResult {
    StepResult {
        keyword: step.keyword.clone(),
        text: step.text.clone(),
        line: step.line,
        table: step.table.clone(),
        outcome: Outcome::Skipped,
        duration_ms: 0.0,
        finding: None,
        under: Vec::new(),
    }
}
