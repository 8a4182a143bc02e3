//! Exit codes: the one place where they are named, and where what was found becomes one.

use eventproof_reports::model::{Comparison, Finding, LoadResult, Outcome, RunResult, ScenarioResult};

/// Everything held.
pub const HELD: u8 = 0;
/// A contract or an objective was broken.
pub const BROKEN: u8 = 1;
/// The command line, a contract or a feature file is wrong.
pub const USAGE: u8 = 2;
/// No verdict: nothing ran, the environment was down, the generator was saturated, an oracle cannot tell.
pub const NO_VERDICT: u8 = 3;
/// A defect in eventproof.
pub const DEFECT: u8 = 4;

/// The code of a scenario run. Broken comes before no verdict; nothing run is no verdict.
/// `allowed`: needs (`@needs:…`) for whose lack a scenario may be skipped.
pub fn of_run(result: &RunResult, allowed: &[String]) -> u8 {
    let may_skip = |scenario: &ScenarioResult| {
        let may_lack = !scenario.unmet.is_empty() && scenario.unmet.iter().all(|need| allowed.contains(need));
        scenario.outcome == Outcome::Skipped && (may_lack || scenario.is_known_issue())
    };
    let outcomes = result.scenarios.iter().filter(|one| !may_skip(one)).map(|scenario| scenario.outcome);
    let conformance = result.conformance.findings.iter().map(|finding| finding.outcome);
    let code = of_outcomes(outcomes.chain(conformance).chain(findings(&result.findings)));
    let ran = result.scenarios.iter().any(|scenario| scenario.outcome != Outcome::Skipped);
    // What an interrupted run did not get to has no verdict.
    if (!ran || result.provenance.interrupted) && code == HELD { NO_VERDICT } else { code }
}

/// The code of a load run.
pub fn of_load(result: &LoadResult) -> u8 {
    of_outcomes([result.outcome()])
}

/// The code of a comparison: results of different loads are a fault of usage.
pub fn of_comparison(comparison: &Comparison) -> u8 {
    if comparison.refused.is_empty() { of_outcomes([comparison.worst().outcome()]) } else { USAGE }
}

/// The code of several commands done in one: the gravest.
pub fn gravest(codes: impl IntoIterator<Item = u8>) -> u8 {
    let order = [HELD, NO_VERDICT, BROKEN, USAGE, DEFECT];
    let rank = |code: &u8| order.iter().position(|known| known == code).unwrap_or(order.len());
    codes.into_iter().max_by_key(rank).unwrap_or(NO_VERDICT)
}

/// The code of some outcomes. A skip is not green unless something says that it may be.
pub fn of_outcomes(outcomes: impl IntoIterator<Item = Outcome>) -> u8 {
    let worst = outcomes.into_iter().max().unwrap_or(Outcome::Held);
    match worst {
        Outcome::Held => HELD,
        Outcome::Broken => BROKEN,
        Outcome::NoVerdict | Outcome::Skipped => NO_VERDICT,
    }
}

fn findings(findings: &[Finding]) -> impl Iterator<Item = Outcome> + '_ {
    findings.iter().map(|finding| finding.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_comes_before_no_verdict_and_a_skip_is_not_green() {
        assert_eq!(of_outcomes([Outcome::Held, Outcome::NoVerdict, Outcome::Broken]), BROKEN);
        assert_eq!(of_outcomes([Outcome::Held, Outcome::NoVerdict]), NO_VERDICT);
        assert_eq!(of_outcomes([Outcome::Held, Outcome::Skipped]), NO_VERDICT);
        assert_eq!(of_outcomes([Outcome::Held]), HELD);
    }

    fn scenario(tags: &[&str], outcome: Outcome) -> ScenarioResult {
        ScenarioResult {
            feature: String::new(),
            file: String::new(),
            line: 1,
            name: String::new(),
            language: "en".to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            outcome,
            unmet: Vec::new(),
            attempts: 1,
            note: None,
            duration_ms: 0.0,
            waited_ms: 0.0,
            steps: Vec::new(),
            timeline: Vec::new(),
            logs: Vec::new(),
            attachments: Default::default(),
        }
    }

    fn run_of_one_that_held() -> RunResult {
        RunResult { scenarios: vec![scenario(&[], Outcome::Held)], ..RunResult::default() }
    }

    #[test]
    fn a_skip_is_green_only_where_its_need_may_be_unmet_and_something_ran() {
        let lacking = |unmet: &[&str]| {
            let unmet = unmet.iter().map(|need| (*need).to_owned()).collect();
            ScenarioResult { unmet, ..scenario(&["needs:x", "needs:y"], Outcome::Skipped) }
        };
        let skipped = || lacking(&["x"]);
        let run = |scenarios| RunResult { scenarios, ..RunResult::default() };
        let allowed = ["x".to_owned()];
        let held = || scenario(&[], Outcome::Held);
        assert_eq!(of_run(&run(vec![held(), skipped()]), &allowed), HELD);
        assert_eq!(of_run(&run(vec![held(), skipped()]), &[]), NO_VERDICT);
        assert_eq!(of_run(&run(vec![held(), skipped()]), &["y".to_owned()]), NO_VERDICT);
        assert_eq!(of_run(&run(vec![skipped()]), &allowed), NO_VERDICT);
        assert_eq!(of_run(&run(vec![held(), lacking(&["y"])]), &allowed), NO_VERDICT, "what is lacking is another");
        assert_eq!(of_run(&run(vec![held(), lacking(&["x", "y"])]), &allowed), NO_VERDICT);
    }

    #[test]
    fn the_gravest_of_several_is_the_code() {
        assert_eq!(gravest([HELD, NO_VERDICT, BROKEN]), BROKEN);
        assert_eq!(gravest([USAGE, BROKEN, HELD]), USAGE);
        assert_eq!(gravest([HELD, NO_VERDICT]), NO_VERDICT);
        assert_eq!(gravest([]), NO_VERDICT);
    }

    #[test]
    fn a_run_of_nothing_is_no_verdict() {
        assert_eq!(of_run(&RunResult::default(), &[]), NO_VERDICT);
        let mut interrupted = run_of_one_that_held();
        assert_eq!(of_run(&interrupted, &[]), HELD);
        interrupted.provenance.interrupted = true;
        assert_eq!(of_run(&interrupted, &[]), NO_VERDICT);
    }
}
