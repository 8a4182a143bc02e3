//! A proof in a terminal.

use super::{Style, footer, word};
use crate::model::{FaultRow, Outcome, ProveResult};
use crate::text::clean;

/// One line when a fault has been tried.
pub fn fault_line(row: &FaultRow, style: Style) -> String {
    let said = match row.outcome {
        Outcome::Held => "caught",
        Outcome::Broken => "MISSED",
        other => word(other),
    };
    let by: Vec<String> = row.caught_by.iter().map(|one| format!("{} [{}]", clean(&one.scenario), one.code)).collect();
    let how = match row.outcome {
        Outcome::Held => format!("by {}", by.join("; ")),
        Outcome::Broken => format!("not by {}", clean(&row.missed_by.join("; "))),
        _ => clean(&row.why).to_string(),
    };
    format!("{} {} {} {how}", style.paint(row.outcome, &format!("{said:<10}")), clean(&row.pack), clean(&row.fault))
}

/// The table, and what healthy systems say of the gate.
pub fn terminal_prove(result: &ProveResult, style: Style) -> String {
    let mut text = String::new();
    for row in &result.faults {
        text.push_str(&format!("{}\n", fault_line(row, style)));
    }
    let healthy = &result.healthy;
    for (outcome, list) in [(Outcome::Broken, &healthy.accused), (Outcome::NoVerdict, &healthy.no_verdict)] {
        for one in list {
            let what = if outcome == Outcome::Broken { "accused though healthy" } else { "no verdict though healthy" };
            text.push_str(&format!(
                "{} {}\n    {}\n    [{}]\n",
                style.paint(outcome, what),
                clean(&one.scenario),
                clean(&one.text),
                one.code
            ));
        }
    }
    text.push('\n');
    if !result.faults.is_empty() {
        text.push_str(&format!("{} of {} faults caught; ", result.caught(), result.faults.len()));
    }
    if result.untried > 0 {
        text.push_str(&format!("{} more were to be tried; ", result.untried));
    }
    text.push_str(&format!(
        "healthy: {} scenarios run ({} of them on busy processors), {} accused, {} without a verdict",
        healthy.executions,
        healthy.executions_busy,
        healthy.accused.len(),
        healthy.no_verdict.len()
    ));
    if let Some(bound) = healthy.bound() {
        text.push_str(&format!("; with 95 % confidence fewer than {:.3} % of healthy ones are accused", bound * 100.0));
    }
    format!("{text}\n{}", footer(&result.provenance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::proof;

    #[test]
    fn what_was_not_tried_is_told() {
        let mut cut = ProveResult { untried: 7, ..proof() };
        cut.provenance.interrupted = true;
        let text = terminal_prove(&cut, Style { color: false, width: 100 });
        assert!(text.contains("; 7 more were to be tried; healthy: "), "{text}");
        assert!(text.trim_end().ends_with(", interrupted"), "{text}");
    }

    #[test]
    fn the_table_says_who_caught_what() {
        insta::assert_snapshot!(terminal_prove(&proof(), Style { color: false, width: 100 }));
    }
}
