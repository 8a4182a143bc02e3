//! A load run in a terminal.

use super::{Style, footer, indented, tally, word};
use crate::model::{ClientSpan, LoadResult, Outcome, Stage, figures_of};
use crate::text::{clean, grouped, latency, millis};

/// Objectives, stages, delivery, and what did not hold.
pub fn terminal_load(result: &LoadResult, style: Style) -> String {
    let mut text = format!("\n{}\n{}\n\n", clean(&result.title), clean(&result.plan));
    text.push_str(&objectives(result, style));
    text.push_str(&stages("stage", &result.stages));
    text.push_str(&stages("part", &result.spans));
    text.push_str(&client(&result.client));
    text.push_str(&legs(result));
    text.push_str(&shards_text(result));
    text.push_str(&machine(result));
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

/// A table of stages, or of the parts of the way; nothing if there is none.
fn stages(what: &str, stages: &[Stage]) -> String {
    let Some(widest) = stages.iter().map(|stage| stage.name.chars().count()).max() else { return String::new() };
    let widest = widest.max(5);
    let mut text = format!("\n{what:<widest$} {:>9}", "events");
    let percentiles = stages.first().map(|stage| stage.distribution.percentiles.as_slice()).unwrap_or_default();
    percentiles.iter().for_each(|figure| text.push_str(&format!(" {:>9}", format!("p{}", figure.percentile))));
    text.push_str(&format!(" {:>9}\n", "max"));
    for stage in stages {
        let of = &stage.distribution;
        text.push_str(&format!("{:<widest$} {:>9}", clean(&stage.name), grouped(of.count)));
        for figure in &of.percentiles {
            let doubt = if figure.doubt.is_some() { "?" } else { "" };
            text.push_str(&format!(" {:>9}", format!("{}{doubt}", latency(figure.value_ms))));
        }
        text.push_str(&format!(" {:>9}{}\n", latency(of.max_ms), never_came(stage)));
    }
    if stages.iter().any(|stage| stage.never_came > 0) {
        text.push_str("percentiles are of what came; for objectives what never came is slower than all of it\n");
    }
    let doubts = stages.iter().flat_map(|stage| &stage.distribution.percentiles);
    if doubts.into_iter().any(|figure| figure.doubt.is_some()) {
        text.push_str("? from too few events to say anything\n");
    }
    text
}

fn never_came(stage: &Stage) -> String {
    match stage.never_came {
        0 => String::new(),
        count => format!("  {} never came", grouped(count)),
    }
}

/// Where the client says that the time went; what never was (a throttle) is left out.
fn client(spans: &[ClientSpan]) -> String {
    let shown = spans.iter().filter(|span| span.count > 0);
    let told = shown.map(|span| {
        let worst = latency(span.worst_p99_ms);
        format!("{} {} (p99 of the worst second {worst})", clean(&span.name), latency(span.mean_ms))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("in the client, mean: {}\n", told.join(", ")) }
}

fn legs(result: &LoadResult) -> String {
    let widest = result.legs.iter().map(|leg| leg.name.chars().count()).max().unwrap_or(0).max(5);
    let figures = figures_of(&result.legs);
    let mut text = format!("\n{:<widest$}", "leg");
    figures.iter().for_each(|(name, _)| text.push_str(&format!(" {name:>10}")));
    text.push('\n');
    for leg in &result.legs {
        text.push_str(&format!("{:<widest$}", clean(&leg.name)));
        for (name, of) in &figures {
            let width = name.len().max(10);
            text.push_str(&format!(" {:>width$}", grouped(of(&leg.counts))));
        }
        text.push('\n');
    }
    text
}

/// Who sent it, where several processes did.
fn shards_text(result: &LoadResult) -> String {
    let Some(shards) = &result.shards else { return String::new() };
    let apart = latency(shards.apart_ms);
    let mut text = format!("\n{} shards, which began within {apart} of each other\n", shards.parts.len());
    text.push_str(&format!("{:<5} {:>10} {:>12} {:>9}  machine\n", "shard", "planned", "acknowledged", "slip p99"));
    for one in &shards.parts {
        let slip = one.slip_p99_ms.map_or_else(|| "?".to_owned(), latency);
        let (planned, acknowledged) = (grouped(one.planned), grouped(one.acknowledged));
        let state = if one.state == "ended" { String::new() } else { format!("  {}", clean(&one.state)) };
        text.push_str(&format!(
            "{:<5} {planned:>10} {acknowledged:>12} {slip:>9}  {}{state}\n",
            one.number,
            clean(&one.host)
        ));
    }
    text
}

/// What the generator itself took of the machine.
fn machine(result: &LoadResult) -> String {
    let of = &result.generator;
    // What is left of a load that was killed does not say it.
    let core = if of.cpu_share > 0.0 { format!("{:.0} % of a core, ", of.cpu_share * 100.0) } else { String::new() };
    let (end, most) = (of.resident_mb, of.resident_peak_mb);
    let is_kept = of.slip.count > 0 && result.is_planned();
    let slip = of.slip.percentiles.iter().find(|figure| figure.percentile == 99.0).filter(|_| is_kept);
    let slip = slip.map(|figure| format!("99 % sent within {} of the plan, ", latency(figure.value_ms)));
    let slip = slip.unwrap_or_default();
    format!("\ngenerator: {slip}{core}{end:.0} MB of memory at the end, {most:.0} MB at most\n")
}

fn summary(result: &LoadResult, style: Style) -> String {
    let counted = tally(result.objectives.iter().map(|objective| objective.finding.outcome), style);
    format!("\n{} objectives: {counted}\n{}", result.objectives.len(), footer(&result.provenance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;
    use crate::model::{LoadShard, LoadShards};

    const PLAIN: Style = Style { color: false, width: 120 };

    #[test]
    fn the_summary_shows_objectives_stages_and_legs() {
        insta::assert_snapshot!(terminal_load(&load(), PLAIN));
    }

    #[test]
    fn what_never_came_to_a_stage_is_told_beside_the_percentiles_of_the_others() {
        let mut result = load();
        assert!(!terminal_load(&result, PLAIN).contains("never came"));
        result.stages[0].never_came = 1060;
        let text = terminal_load(&result, PLAIN);
        let line = text.lines().find(|line| line.starts_with("end_to_end")).unwrap();
        assert!(line.ends_with("  1,060 never came"), "{line}");
        assert!(text.contains("percentiles are of what came"), "{text}");
    }

    #[test]
    fn a_load_of_several_shards_shows_each_of_them() {
        let one = LoadShard {
            number: 1,
            host: "machine-a".to_owned(),
            state: "ended".to_owned(),
            planned: 5_000,
            acknowledged: 4_998,
            slip_p99_ms: Some(0.4),
            ..LoadShard::default()
        };
        let gone = LoadShard { number: 2, state: "its last sign was interval 3".to_owned(), ..LoadShard::default() };
        let shards = LoadShards { apart_ms: 2.5, parts: vec![one, gone] };
        insta::assert_snapshot!(shards_of(Some(shards)));
    }

    #[test]
    fn the_client_tells_where_its_time_went_and_nothing_of_what_never_was() {
        let span = |name: &str, count, mean_ms| ClientSpan {
            name: name.to_owned(),
            count,
            mean_ms,
            worst_p99_ms: 9.5,
            max_ms: 10.0,
            ..ClientSpan::default()
        };
        let spans = [span("queue", 40, 2.5), span("wire", 7, 1.5), span("throttle", 0, 0.0)];
        assert_eq!(
            client(&spans),
            "in the client, mean: queue 2.5 ms (p99 of the worst second 9.5 ms), wire 1.5 ms (p99 of the worst second 9.5 ms)\n"
        );
        assert_eq!(client(&[]), "");
    }

    fn shards_of(shards: Option<LoadShards>) -> String {
        shards_text(&LoadResult { shards, ..load() })
    }
}
