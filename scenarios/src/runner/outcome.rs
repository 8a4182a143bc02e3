//! What becomes of a scenario's outcome: tried again, expected to fail, left out.

use eventproof_reports::model::{Finding, KNOWN_ISSUE, Outcome, ScenarioResult};

use super::context::RunContext;
use crate::plan::PlannedScenario;

impl RunContext {
    /// Keeps a result. Of a scenario that was tried again, the last one counts, and says what came before.
    pub(super) fn keep(&self, scenario: &PlannedScenario, result: ScenarioResult) -> ScenarioResult {
        let mut results = self.run.lock_results();
        let first = self.run.is_again();
        let before = results.iter().rposition(|one| first && one.file == result.file && one.line == result.line);
        let mut result = result;
        if let Some(before) = before {
            let before = results.remove(before);
            result.attempts = before.attempts + 1;
            if result.outcome == Outcome::Held {
                result.note = Some(flaky(&before, result.attempts));
            }
        }
        let result = self.judged_by_tags(scenario, result);
        results.push(result.clone());
        self.run.has_ended(scenario);
        result
    }

    /// A scenario with a known issue may fail until its day; once it holds, or the day is over, that is told.
    fn judged_by_tags(&self, scenario: &PlannedScenario, mut result: ScenarioResult) -> ScenarioResult {
        let Some(issue) = &scenario.asks.known_issue else { return result };
        let over = self.run.rules.today > issue.until;
        let (id, until) = (&issue.id, issue.until);
        let told = |outcome: Outcome, code: &str, text: String| {
            Some(Finding { outcome, code: code.to_owned(), text, took_ms: None })
        };
        match result.outcome {
            Outcome::Broken if !over => {
                let why = decisive(&result).map_or_else(String::new, |finding| format!(": {}", finding.text));
                result.note = told(Outcome::Skipped, KNOWN_ISSUE, format!("issue {id}, known until {until}{why}"));
                result.outcome = Outcome::Skipped;
            }
            Outcome::Broken => {
                let text = format!("issue {id} was to be mended by {until}");
                result.note = told(Outcome::Broken, "known-issue-overdue", text);
            }
            Outcome::Held => {
                let text = format!("issue {id} is mended: it holds, so take @known-issue and @until away");
                result.note = told(Outcome::Broken, "known-issue-holds", text);
                result.outcome = Outcome::Broken;
            }
            Outcome::NoVerdict | Outcome::Skipped => {}
        }
        result
    }

    /// Whether a scenario that did not hold may be tried again.
    pub(super) fn may_try_again(&self, scenario: &PlannedScenario) -> bool {
        let most = scenario.asks.retries.unwrap_or(self.run.rules.retries);
        let results = self.run.lock_results();
        let last = results.iter().rfind(|one| one.file == scenario.file && one.line == scenario.line);
        last.is_some_and(|one| {
            matches!(one.outcome, Outcome::Broken | Outcome::NoVerdict)
                && one.attempts <= most
                && one.note.as_ref().is_none_or(|note| note.code != "known-issue-holds")
        })
    }
}

/// The code of the note of a scenario that held only when it was tried again.
const FLAKY: &str = "flaky";
/// The code of the note of a scenario that was not begun.
pub(super) const NOT_BEGUN: &str = "not-begun";

fn flaky(before: &ScenarioResult, attempts: u32) -> Finding {
    let why =
        decisive(before).map_or_else(String::new, |finding| format!("; before: [{}] {}", finding.code, finding.text));
    let text = format!("it held only on attempt {attempts}{why}");
    Finding { outcome: Outcome::Held, code: FLAKY.to_owned(), text, took_ms: None }
}

fn decisive(result: &ScenarioResult) -> Option<&Finding> {
    result.steps.iter().find(|step| step.outcome == result.outcome)?.finding.as_ref()
}
