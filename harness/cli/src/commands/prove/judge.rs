//! What a run says of a fault, or of a healthy system.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use eventproof_reports::model::{Catch, FaultRow, Finding, Healthy, Outcome, RunResult, ScenarioResult};
use eventproof_scenarios::{Catcher, SeededFault};

/// What the check of every record is called in a table.
const RECORDS: &str = "every record";

/// A run, or why there is none.
pub enum Judged {
    Run(Box<RunResult>),
    Nothing(String),
}

/// Whether a fault was caught by those who are meant to.
pub fn fault(pack: &str, fault: &SeededFault, controls: &[String], ran: &Judged) -> FaultRow {
    let mut row = FaultRow {
        pack: pack.to_owned(),
        fault: fault.argument(),
        meaning: fault.meaning.clone(),
        outcome: Outcome::NoVerdict,
        caught_by: Vec::new(),
        missed_by: Vec::new(),
        also: Vec::new(),
        controls_held: 0,
        controls: 0,
        why: String::new(),
        first_time: String::new(),
    };
    let run = match ran {
        Judged::Run(run) => run,
        Judged::Nothing(why) => return FaultRow { why: why.clone(), ..row },
    };
    let broken = broken(run);
    for catcher in &fault.caught_by {
        match broken.iter().find(|one| is_meant(catcher, one)) {
            Some(found) => row.caught_by.push(found.clone()),
            None => row.missed_by.push(named(catcher)),
        }
    }
    row.also =
        broken.into_iter().filter(|one| row.caught_by.iter().all(|caught| caught.scenario != one.scenario)).collect();
    let meant = |name: &str| fault.caught_by.iter().any(|catcher| catcher.scenario.as_deref() == Some(name));
    let control = |one: &&ScenarioResult| controls.contains(&one.name) && !meant(&one.name);
    row.controls = run.scenarios.iter().filter(control).count();
    row.controls_held = run.scenarios.iter().filter(control).filter(|one| one.outcome == Outcome::Held).count();
    let open =
        run.scenarios.iter().filter(|one| one.outcome == Outcome::NoVerdict && meant(&one.name)).map(caught).next();
    (row.outcome, row.why) = match open {
        _ if !row.caught_by.is_empty() => (Outcome::Held, String::new()),
        // Who could not tell has missed nothing.
        Some(open) => (Outcome::NoVerdict, format!("\"{}\" had no verdict: {}", open.scenario, open.text)),
        None => (Outcome::Broken, String::new()),
    };
    row
}

/// What broke: scenarios, records that depart from the contract, and what was found of the run as a whole.
fn broken(run: &RunResult) -> Vec<Catch> {
    let scenarios = run.scenarios.iter().filter(|one| one.outcome == Outcome::Broken).map(caught);
    let records = run.conformance.findings.iter().map(|finding| of_finding(RECORDS, finding));
    let whole = run.findings.iter().filter(|one| one.outcome == Outcome::Broken);
    scenarios.chain(records).chain(whole.map(|finding| of_finding("the run as a whole", finding))).collect()
}

fn caught(scenario: &ScenarioResult) -> Catch {
    let step = scenario.steps.iter().find(|step| step.outcome == scenario.outcome);
    match step.and_then(|step| step.finding.as_ref()) {
        Some(finding) => of_finding(&scenario.name, finding),
        None => Catch { scenario: scenario.name.clone(), code: String::new(), text: String::new() },
    }
}

fn of_finding(scenario: &str, finding: &Finding) -> Catch {
    Catch { scenario: scenario.to_owned(), code: finding.code.clone(), text: finding.text.clone() }
}

fn is_meant(catcher: &Catcher, broken: &Catch) -> bool {
    let scenario = catcher.scenario.as_deref().unwrap_or(RECORDS);
    scenario == broken.scenario && catcher.code.as_ref().is_none_or(|code| *code == broken.code)
}

fn named(catcher: &Catcher) -> String {
    let scenario = catcher.scenario.as_deref().unwrap_or(RECORDS);
    catcher.code.as_ref().map_or_else(|| scenario.to_owned(), |code| format!("{scenario} [{code}]"))
}

/// Counts what a run of a healthy system says; gives a line of progress.
pub fn healthy(pack: &str, busy: bool, ran: Judged, sum: &mut Healthy) -> String {
    let how = if busy { " on busy processors" } else { "" };
    let run = match ran {
        Judged::Run(run) => run,
        Judged::Nothing(why) => {
            let line = format!("{pack}, healthy{how}: {why}");
            sum.no_verdict.push(Catch { scenario: pack.to_owned(), code: "no-run".to_owned(), text: why });
            return line;
        }
    };
    let count = run.scenarios.iter().filter(|one| one.outcome != Outcome::Skipped).count() as u64;
    sum.executions += count;
    sum.executions_busy += if busy { count } else { 0 };
    let accused = broken(&run);
    let open = run.scenarios.iter().filter(|one| one.outcome == Outcome::NoVerdict).map(caught);
    sum.no_verdict.extend(open);
    let line = format!("{pack}, healthy{how}: {count} scenarios, {} accused", accused.len());
    sum.accused.extend(accused);
    line
}

/// Keeps every processor busy until it is dropped.
pub struct Busy {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Busy {
    pub fn begin() -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let spin = |_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..count).map(spin).collect();
        Busy { stop, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // They only spin.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(name: &str, outcome: Outcome, code: &str) -> ScenarioResult {
        let finding = Finding { outcome, code: code.to_owned(), text: "words".to_owned(), took_ms: None };
        let step = eventproof_reports::model::StepResult {
            keyword: "Then".to_owned(),
            text: "x".to_owned(),
            line: 2,
            table: Vec::new(),
            outcome,
            duration_ms: 1.0,
            finding: Some(finding),
            under: Vec::new(),
        };
        ScenarioResult {
            feature: String::new(),
            file: String::new(),
            line: 1,
            name: name.to_owned(),
            language: "en".to_owned(),
            tags: Vec::new(),
            outcome,
            unmet: Vec::new(),
            attempts: 1,
            note: None,
            duration_ms: 1.0,
            waited_ms: 0.0,
            steps: vec![step],
            timeline: Vec::new(),
            logs: Vec::new(),
            attachments: Default::default(),
        }
    }

    fn seeded(catchers: &[(&str, Option<&str>)]) -> SeededFault {
        let catcher = |(scenario, code): &(&str, Option<&str>)| Catcher {
            scenario: Some((*scenario).to_owned()),
            code: code.map(str::to_owned),
        };
        SeededFault {
            service: "feed".to_owned(),
            name: "late".to_owned(),
            meaning: "waits".to_owned(),
            caught_by: catchers.iter().map(catcher).collect(),
        }
    }

    fn run(scenarios: Vec<ScenarioResult>) -> Judged {
        Judged::Run(Box::new(RunResult { scenarios, ..RunResult::default() }))
    }

    #[test]
    fn a_fault_is_caught_by_whom_it_should_and_with_its_diagnosis() {
        let controls = ["c".to_owned()];
        let ran = || run(vec![scenario("a", Outcome::Broken, "late"), scenario("c", Outcome::Held, "")]);
        let row = fault("p", &seeded(&[("a", Some("late"))]), &controls, &ran());
        assert_eq!((row.outcome, row.controls_held, row.controls), (Outcome::Held, 1, 1));
        let other_code = fault("p", &seeded(&[("a", Some("lost"))]), &controls, &ran());
        assert_eq!(other_code.outcome, Outcome::Broken, "another diagnosis is none");
        assert_eq!((other_code.missed_by, other_code.also.len()), (vec!["a [lost]".to_owned()], 1));
        let other = fault("p", &seeded(&[("b", None)]), &controls, &ran());
        assert_eq!(other.outcome, Outcome::Broken, "caught by chance is not caught");
        let open =
            || run(vec![scenario("a", Outcome::NoVerdict, "between-samples"), scenario("b", Outcome::Broken, "late")]);
        let row = fault("p", &seeded(&[("a", None)]), &controls, &open());
        assert_eq!((row.outcome, row.why.as_str()), (Outcome::NoVerdict, "\"a\" had no verdict: words"));
        let row = fault("p", &seeded(&[("a", None), ("b", None)]), &controls, &open());
        assert_eq!((row.outcome, row.missed_by), (Outcome::Held, vec!["a".to_owned()]), "another one is enough");
        let none = fault("p", &seeded(&[("a", None)]), &controls, &Judged::Nothing("no broker".to_owned()));
        assert_eq!((none.outcome, none.why.as_str()), (Outcome::NoVerdict, "no broker"));
    }

    #[test]
    fn healthy_runs_are_counted_and_whoever_breaks_is_accused() {
        let mut sum = Healthy::default();
        healthy("p", false, run(vec![scenario("a", Outcome::Held, ""), scenario("s", Outcome::Skipped, "")]), &mut sum);
        healthy(
            "p",
            true,
            run(vec![scenario("a", Outcome::Broken, "late"), scenario("b", Outcome::NoVerdict, "x")]),
            &mut sum,
        );
        assert_eq!((sum.executions, sum.executions_busy), (3, 2));
        assert_eq!((sum.accused.len(), sum.no_verdict.len()), (1, 1));
        assert_eq!(sum.bound(), None);
    }
}
