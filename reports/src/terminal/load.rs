//! A load run in a terminal.

use super::{Style, footer, indented, tally, word};
use crate::model::{LoadResult, Outcome};
use crate::text::{clean, grouped, latency, millis};

/// Objectives, stages, delivery, and what did not hold.
pub fn terminal_load(result: &LoadResult, style: Style) -> String {
    let mut text = format!("\n{}\n{}\n\n", clean(&result.title), clean(&result.plan));
    text.push_str(&objectives(result, style));
    text.push_str(&stages(result));
    text.push_str(&legs(result));
    for finding in &result.findings {
        text.push_str(&format!("\n{}\n{}", style.paint(finding.outcome, word(finding.outcome)), indented(finding)));
    }
    for one in &result.disturbed {
        text.push_str(&format!("\n{} {}: {}\n", millis(one.at_ms), clean(&one.text), clean(&one.outcome)));
    }
    if let Some(why) = &result.generator.saturated {
        text.push_str(&format!("\nthe generator did not keep its plan: {}\n", clean(why)));
    }
    text.push_str(&summary(result, style));
    text
}

fn objectives(result: &LoadResult, style: Style) -> String {
    let widest = result.objectives.iter().map(|objective| objective.text.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for objective in &result.objectives {
        let finding = &objective.finding;
        let verdict = style.paint(finding.outcome, &format!("{:<10}", word(finding.outcome)));
        text.push_str(&format!("{verdict} {:<widest$}  {}\n", clean(&objective.text), clean(&objective.actual)));
        if finding.outcome == Outcome::NoVerdict {
            text.push_str(&indented(finding));
        }
    }
    text
}

fn stages(result: &LoadResult) -> String {
    let widest = result.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
    let mut text = format!("\n{:<widest$} {:>9}", "stage", "events");
    let percentiles = result.stages.first().map(|stage| stage.distribution.percentiles.as_slice()).unwrap_or_default();
    percentiles.iter().for_each(|figure| text.push_str(&format!(" {:>9}", format!("p{}", figure.percentile))));
    text.push_str(&format!(" {:>9}\n", "max"));
    for stage in &result.stages {
        let of = &stage.distribution;
        text.push_str(&format!("{:<widest$} {:>9}", clean(&stage.name), grouped(of.count)));
        for figure in &of.percentiles {
            let doubt = if figure.doubt.is_some() { "?" } else { "" };
            text.push_str(&format!(" {:>9}", format!("{}{doubt}", latency(figure.value_ms))));
        }
        text.push_str(&format!(" {:>9}\n", latency(of.max_ms)));
    }
    let doubts = result.stages.iter().flat_map(|stage| &stage.distribution.percentiles);
    if doubts.into_iter().any(|figure| figure.doubt.is_some()) {
        text.push_str("? from too few events to say anything\n");
    }
    text
}

fn legs(result: &LoadResult) -> String {
    let widest = result.legs.iter().map(|leg| leg.name.chars().count()).max().unwrap_or(0).max(5);
    let names = ["seen", "lost", "duplicated", "reordered", "phantom", "corrupted", "unknown"];
    let mut text = format!("\n{:<widest$}", "leg");
    names.iter().for_each(|name| text.push_str(&format!(" {name:>10}")));
    text.push('\n');
    for leg in &result.legs {
        let of = &leg.counts;
        text.push_str(&format!("{:<widest$}", clean(&leg.name)));
        for count in [of.seen, of.lost, of.duplicated, of.reordered, of.phantom, of.corrupted, of.unknown] {
            text.push_str(&format!(" {:>10}", grouped(count)));
        }
        text.push('\n');
    }
    text
}

fn summary(result: &LoadResult, style: Style) -> String {
    let counted = tally(result.objectives.iter().map(|objective| objective.finding.outcome), style);
    format!("\n{} objectives: {counted}\n{}", result.objectives.len(), footer(&result.provenance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;

    const PLAIN: Style = Style { color: false, width: 120 };

    #[test]
    fn the_summary_shows_objectives_stages_and_legs() {
        insta::assert_snapshot!(terminal_load(&load(), PLAIN));
    }
}
