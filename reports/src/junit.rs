//! JUnit XML: broken is a failure, no verdict an error, skipped skipped.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite};

use crate::model::{Finding, LoadResult, Objective, Outcome, ProveResult, RunResult, ScenarioResult};
use crate::text::clean;

/// A suite for each feature, a case for each scenario, and one for what every record says of the contract.
pub fn junit(result: &RunResult) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("eventproof {}", result.pack));
    let mut files: Vec<&str> = result.scenarios.iter().map(|scenario| scenario.file.as_str()).collect();
    files.dedup();
    for file in files {
        let scenarios: Vec<_> = result.scenarios.iter().filter(|scenario| scenario.file == file).collect();
        let mut suite = TestSuite::new(scenarios.first().map_or(file, |scenario| scenario.feature.as_str()));
        suite.add_property(("broker", result.provenance.broker.label.as_str()));
        suite.add_test_cases(scenarios.into_iter().map(case));
        report.add_test_suite(suite);
    }
    report.add_test_suite(run_suite(result));
    report.to_string()
}

/// A suite with a case for each objective and each finding of a load run.
pub fn junit_load(result: &LoadResult) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("eventproof {}", result.title));
    let mut suite = TestSuite::new(result.title.as_str());
    suite.add_property(("broker", result.provenance.broker.label.as_str()));
    suite.add_property(("profile", result.profile.as_str()));
    suite.add_test_cases(result.objectives.iter().map(objective));
    for finding in &result.findings {
        suite.add_test_case(TestCase::new(finding.code.as_str(), status(finding.outcome, Some(finding), None)));
    }
    let plan = result.generator.saturated.as_ref().map(|why| Finding {
        outcome: Outcome::NoVerdict,
        code: "generator-saturated".to_owned(),
        text: why.clone(),
        took_ms: None,
    });
    let kept = plan.as_ref().map_or(Outcome::Held, |finding| finding.outcome);
    suite.add_test_case(TestCase::new("the generator kept its plan", status(kept, plan.as_ref(), None)));
    if result.provenance.interrupted {
        suite.add_test_case(interrupted("the load is whole", "it was interrupted before its plan was done".to_owned()));
    }
    report.add_test_suite(suite);
    report.to_string()
}

/// A suite with a case for each fault, and one for the healthy runs.
pub fn junit_prove(result: &ProveResult) -> Result<String, SerializeError> {
    let mut report = Report::new("eventproof prove");
    let mut suite = TestSuite::new("seeded faults");
    for row in &result.faults {
        let text = match row.outcome {
            Outcome::Broken => format!("not caught by {}", row.missed_by.join("; ")),
            _ => row.why.clone(),
        };
        let finding = Finding { outcome: row.outcome, code: "fault-missed".to_owned(), text, took_ms: None };
        suite.add_test_case(TestCase::new(
            format!("{} {}", row.pack, row.fault),
            status(row.outcome, Some(&finding), Some(row.meaning.clone())),
        ));
    }
    let accused = result.healthy.accused.first().or(result.healthy.no_verdict.first());
    let outcome = match (result.healthy.accused.is_empty(), result.healthy.no_verdict.is_empty()) {
        (false, _) => Outcome::Broken,
        (true, false) => Outcome::NoVerdict,
        (true, true) => Outcome::Held,
    };
    let finding = accused.map(|one| Finding { outcome, code: one.code.clone(), text: one.text.clone(), took_ms: None });
    let place = accused.map(|one| one.scenario.clone());
    suite.add_test_case(TestCase::new("a healthy system is not accused", status(outcome, finding.as_ref(), place)));
    if result.provenance.interrupted {
        let text = match result.untried {
            0 => "it was interrupted before all healthy repeats were done".to_owned(),
            untried => format!("it was interrupted: {untried} faults were not tried"),
        };
        suite.add_test_case(interrupted("the proof is whole", text));
    }
    report.add_test_suite(suite);
    report.to_string()
}

/// What was ended before its time is no pass, whatever held until then.
fn interrupted(name: &str, text: String) -> TestCase {
    let finding = Finding { outcome: Outcome::NoVerdict, code: "interrupted".to_owned(), text, took_ms: None };
    TestCase::new(name, status(Outcome::NoVerdict, Some(&finding), None))
}

fn objective(objective: &Objective) -> TestCase {
    let place = format!("measured: {}", objective.actual);
    let mut case = TestCase::new(
        clean(&objective.text),
        status(objective.finding.outcome, Some(&objective.finding), Some(place.clone())),
    );
    case.set_system_out(clean(&place));
    case
}

fn case(scenario: &ScenarioResult) -> TestCase {
    let decisive = scenario.steps.iter().find(|step| step.outcome == scenario.outcome);
    let finding = scenario.note.as_ref().or_else(|| decisive.and_then(|step| step.finding.as_ref()));
    let place = decisive.map(|step| format!("{}:{}: {} {}", scenario.file, step.line, step.keyword, step.text));
    let mut told = status(scenario.outcome, finding, place);
    if scenario.is_flaky() {
        // What the format has for it: a pass, with the tries before it that were none.
        for number in 1..scenario.attempts {
            let mut earlier = TestRerun::new(NonSuccessKind::Failure);
            earlier.set_type("flaky").set_message(format!("attempt {number} of {} did not hold", scenario.attempts));
            // Why is kept of the last of them only.
            if let Some(note) = scenario.note.as_ref().filter(|_| number + 1 == scenario.attempts) {
                earlier.set_description(clean(&note.text));
            }
            told.add_rerun(earlier);
        }
    }
    let mut case = TestCase::new(scenario.name.as_str(), told);
    case.set_classname(scenario.feature.as_str());
    case.set_time(Duration::from_secs_f64(scenario.duration_ms.max(0.0) / 1e3));
    case.extra.insert("file".into(), scenario.file.as_str().into());
    case.extra.insert("line".into(), scenario.line.to_string().into());
    case.set_system_out(steps(scenario));
    case
}

fn status(outcome: Outcome, finding: Option<&Finding>, place: Option<String>) -> TestCaseStatus {
    let mut status = match outcome {
        Outcome::Held => return TestCaseStatus::success(),
        Outcome::Skipped => {
            let mut skipped = TestCaseStatus::skipped();
            if let Some(finding) = finding {
                skipped.set_message(clean(&finding.text));
            }
            return skipped;
        }
        Outcome::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::NoVerdict => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if let Some(finding) = finding {
        status.set_type(finding.code.as_str());
        status.set_message(clean(finding.text.lines().next().unwrap_or_default()));
        status.set_description(clean(&format!("{}\n{}", place.unwrap_or_default(), finding.text)));
    }
    status
}

fn steps(scenario: &ScenarioResult) -> String {
    let line = |step: &crate::model::StepResult| format!("{:?}: {} {}\n", step.outcome, step.keyword, step.text);
    clean(&scenario.steps.iter().map(line).collect::<String>())
}

/// What holds of the run as a whole.
fn run_suite(result: &RunResult) -> TestSuite {
    let mut suite = TestSuite::new("the run as a whole");
    let conformance = &result.conformance;
    let outcome = if conformance.nonconforming > 0 { Outcome::Broken } else { Outcome::Held };
    let place = format!("{} of {} records depart from the contract", conformance.nonconforming, conformance.records);
    let status_of_records = status(outcome, conformance.findings.first(), Some(place));
    suite.add_test_case(TestCase::new("every record conforms to the contract", status_of_records));
    for finding in &result.findings {
        suite.add_test_case(TestCase::new(finding.code.as_str(), status(finding.outcome, Some(finding), None)));
    }
    suite
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{load, mixed, proof};

    #[test]
    fn broken_is_a_failure_and_no_verdict_an_error() {
        insta::assert_snapshot!(junit(&mixed()).unwrap());
    }

    #[test]
    fn what_held_only_when_it_was_tried_again_passes_and_is_flaky() {
        let mut run = mixed();
        let held = run.scenarios.iter().find(|one| one.outcome == Outcome::Held).cloned().unwrap();
        let mut given_up = run.scenarios.iter().find(|one| one.outcome == Outcome::Broken).cloned().unwrap();
        let note = "it held only on attempt 3; before: [late] it came <late>".to_owned();
        let note = Finding { outcome: Outcome::Held, code: "flaky".to_owned(), text: note, took_ms: None };
        let mut tried = held.clone();
        (tried.name, tried.attempts, tried.note) = ("tried three times".to_owned(), 3, Some(note));
        given_up.attempts = 3;
        run.scenarios = vec![held, tried, given_up];
        insta::assert_snapshot!(junit(&run).unwrap());
    }

    #[test]
    fn every_fault_is_a_case_of_its_own() {
        insta::assert_snapshot!(junit_prove(&proof()).unwrap());
    }

    #[test]
    fn a_load_that_was_interrupted_is_not_green() {
        let mut whole = load();
        let errors = |result: &LoadResult| junit_load(result).unwrap().matches("<error").count();
        let before = errors(&whole);
        whole.provenance.interrupted = true;
        assert_eq!(errors(&whole), before + 1);
        assert!(junit_load(&whole).unwrap().contains("it was interrupted before its plan was done"));
    }

    #[test]
    fn every_objective_is_a_case_of_its_own() {
        insta::assert_snapshot!(junit_load(&load()).unwrap());
    }
}
