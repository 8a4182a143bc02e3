//! A load run in a terminal.

use super::{Style, footer, indented, tally, word};
use crate::model::{Interval, LoadResult, Outcome, StageSlice};
use crate::text::{clean, grouped, latency, millis};

/// Steps of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Intervals that the live line shows.
const SHOWN: usize = 24;

/// One line while a load goes on: time, pace, p95 of each stage, and the last intervals' p95 of the last stage as bars.
/// Bars only where they fit.
pub fn load_line(so_far: &[Interval], style: Style) -> String {
    let Some(last) = so_far.last() else { return String::new() };
    let seconds = (last.to_ms - last.from_ms) / 1e3;
    let rate = if seconds > 0.0 { last.acknowledged as f64 / seconds } else { 0.0 };
    let stage = |slice: &StageSlice| format!("{} p95 {}", clean(&slice.name), latency(slice.p95_ms));
    let stages: Vec<String> = last.stages.iter().filter(|slice| slice.count > 0).map(stage).collect();
    let phase = if last.warm_up { "warm-up".to_owned() } else { stages.join(", ") };
    let lag: i64 = last.lag.iter().map(|point| point.records).sum();
    let text = format!("{:>6} {:>6.0}/s  lag {lag:<5} {phase}", millis(last.to_ms), rate);
    let bars = sparkline(so_far);
    match text.chars().count() + bars.chars().count() + 2 <= style.width {
        true => format!("{text}  {bars}"),
        false => text.chars().take(style.width).collect(),
    }
}

fn sparkline(intervals: &[Interval]) -> String {
    let p95 = |interval: &Interval| interval.stages.last().filter(|slice| slice.count > 0).map(|slice| slice.p95_ms);
    let values: Vec<f64> = intervals.iter().rev().take(SHOWN).rev().filter_map(p95).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| if most > 0.0 { BARS[((value / most) * 7.0).round() as usize] } else { BARS[0] };
    values.iter().map(bar).collect()
}

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

    #[test]
    fn the_live_line_fits_its_terminal() {
        let intervals = load().intervals;
        insta::assert_snapshot!(load_line(&intervals, PLAIN));
        assert!(load_line(&intervals, Style { color: false, width: 40 }).chars().count() <= 40);
        assert_eq!(load_line(&[], PLAIN), "");
    }
}
