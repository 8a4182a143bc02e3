//! A scenario run in a terminal.

use super::{Style, footer, indented, tally, word};
use crate::model::{Outcome, RunResult, ScenarioResult};
use crate::text::{clean, millis};

/// Records that depart from the contract: so many are shown, the others counted.
const SHOWN: usize = 3;

/// One line when a scenario ends.
pub fn scenario_line(scenario: &ScenarioResult, style: Style) -> String {
    let outcome = style.paint(scenario.outcome, &format!("{:<10}", word(scenario.outcome)));
    let again = if scenario.is_flaky() { format!(", flaky: attempt {}", scenario.attempts) } else { String::new() };
    format!("{outcome} {} ({}{again})", clean(&scenario.name), millis(scenario.duration_ms))
}

/// Everything that did not hold, then the counts.
pub fn terminal_run(result: &RunResult, style: Style) -> String {
    let mut text = String::new();
    for scenario in
        result.scenarios.iter().filter(|scenario| scenario.outcome != Outcome::Held || scenario.note.is_some())
    {
        text.push_str(&not_held(scenario, style));
    }
    let records = &result.conformance.findings;
    for finding in result.findings.iter().chain(records.iter().take(SHOWN)) {
        text.push_str(&format!("\n{}\n{}", style.paint(finding.outcome, word(finding.outcome)), indented(finding)));
    }
    let more = result.conformance.nonconforming.saturating_sub(SHOWN as u64);
    if more > 0 {
        text.push_str(&format!("\nand {more} more records that depart from the contract\n"));
    }
    text.push_str(&summary(result, style));
    text
}

fn not_held(scenario: &ScenarioResult, style: Style) -> String {
    let title = format!("{} {}:{} {}", word(scenario.outcome), scenario.file, scenario.line, clean(&scenario.name));
    let mut text = format!("\n{}\n", style.paint(scenario.outcome, &title));
    text.push_str(&scenario.note.as_ref().map(indented).unwrap_or_default());
    let decides = |outcome: Outcome| matches!(outcome, Outcome::Broken | Outcome::NoVerdict) || scenario.note.is_none();
    for step in scenario.steps.iter().filter(|step| step.outcome == scenario.outcome && decides(step.outcome)) {
        text.push_str(&format!("  line {}: {} {}\n", step.line, step.keyword, clean(&step.text)));
        let sub = step.under.iter().find(|sub| sub.outcome == step.outcome);
        if let Some(sub) = sub {
            text.push_str(&format!("    that is: {}\n", clean(&sub.text)));
        }
        text.push_str(&step.finding.as_ref().map(indented).unwrap_or_default());
    }
    text
}

fn summary(result: &RunResult, style: Style) -> String {
    let conformance = &result.conformance;
    let records = match conformance.nonconforming {
        0 => format!("{} records, all as the contract says", conformance.records),
        n => style.paint(Outcome::Broken, &format!("{n} of {} records depart from the contract", conformance.records)),
    };
    let counted = tally(result.scenarios.iter().map(|scenario| scenario.outcome), style);
    let coverage = &result.coverage;
    let covered = match coverage.rows.len() {
        0 => String::new(),
        all => format!("{} of {all} promises of the contract touched ({} %)\n", coverage.touched(), coverage.percent()),
    };
    format!("\n{} scenarios: {counted}; {records}\n{covered}{}", result.scenarios.len(), footer(&result.provenance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mixed;

    #[test]
    fn the_summary_says_what_broke_where_and_why() {
        insta::assert_snapshot!(terminal_run(&mixed(), Style { color: false, width: 100 }));
    }

    #[test]
    fn colours_only_where_they_are_welcome() {
        let plain = terminal_run(&mixed(), Style { color: false, width: 100 });
        let coloured = terminal_run(&mixed(), Style { color: true, width: 100 });
        assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[31m"));
    }
}
