//! The report of a load run.

use maud::{Markup, html};

use super::chart::{Line, Mark, Picture, Threshold, bars, lines};
use super::parts::{badge, class, finding, page, provenance, services};
use crate::model::{
    ClientSpan, ConsumerLeg, Interval, LagPoint, LegFigure, LoadResult, LoadShards, Outcome, Stage, figures_of,
};
use crate::text::{clean, grouped, latency, millis};

/// Rows of the table under the pictures; a longer run shows every n-th interval.
const ROWS: usize = 120;
/// Classes of the lines of groups.
const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

/// A page: the verdict first, then objectives, then latency, delivery, pace and lag.
pub fn html_load(result: &LoadResult) -> String {
    let body = html! {
        (verdict(result))
        @for one in &result.findings { article class=(class(one.outcome)) { (badge(one.outcome)) " the run as a whole" (finding(one)) } }
        (objectives(result))
        h2 { "Latency" }
        p class="soft" { "Counted from " (counted_from(result)) ", after the warm-up." }
        (stages("Stage", &result.stages))
        (stations(&result.spans))
        (client(&result.client))
        @for stage in &result.stages { (over_time(result, stage)) (distribution(stage)) }
        (disturbed(result))
        (delivery(result))
        h2 { "Pace" }
        (pace(result))
        @if let Some(together) = &result.shards { (shards(together)) }
        (generator(result))
        @if result.intervals.iter().any(|interval| !interval.lag.is_empty()) { h2 { "Lag" } (lag(result)) }
        (intervals(result))
        (services(&result.services))
        (provenance(&result.provenance))
    };
    page(&format!("eventproof: {}", result.title), &body)
}

/// From when on latencies count.
fn counted_from(result: &LoadResult) -> &'static str {
    match result.is_planned() {
        true => "the planned instant of each event (open loop)",
        false => "the send of each event (without a plan, as fast as they were taken)",
    }
}

fn verdict(result: &LoadResult) -> Markup {
    let outcome = result.outcome();
    let sentence = match outcome {
        Outcome::Held => "every objective was met",
        Outcome::Broken => "an objective was missed",
        Outcome::NoVerdict | Outcome::Skipped => "there is no verdict",
    };
    let met = result.objectives.iter().filter(|objective| objective.finding.outcome == Outcome::Held).count();
    html! {
        header class={ "verdict " (class(outcome)) } {
            h1 { (badge(outcome)) (clean(&result.title)) ": " (sentence) }
            p { (clean(&result.plan)) }
            p class="soft" {
                (met) " of " (result.objectives.len()) " objectives met; on the " strong { (clean(&result.provenance.broker.label)) }
                ", in " (millis(result.provenance.duration_ms))
                @if result.provenance.interrupted { "; interrupted: this is what was done until then" }
            }
            @if let Some(why) = &result.generator.saturated { p { strong { "The generator did not keep its plan: " } (clean(why)) } }
        }
    }
}

fn objectives(result: &LoadResult) -> Markup {
    html! {
        h2 { "Objectives" }
        div class="scroll" { table {
            thead { tr { th { "Verdict" } th { "Objective" } th class="n" { "Measured" } } }
            tbody {
                @for objective in &result.objectives {
                    tr {
                        td { (badge(objective.finding.outcome)) }
                        th scope="row" { code { (clean(&objective.text)) }
                            @if objective.finding.outcome != Outcome::Held { (finding(&objective.finding)) } }
                        td class="n" { (clean(&objective.actual)) }
                    }
                }
            }
        } }
    }
}

/// The parts of the way, from station to station.
fn stations(spans: &[Stage]) -> Markup {
    html! {
        @if !spans.is_empty() {
            h3 { "The same way, from station to station" }
            (stages("Part", spans))
        }
    }
}

fn stages(what: &str, stages: &[Stage]) -> Markup {
    let shown: Vec<f64> = stages
        .first()
        .map_or_else(Vec::new, |stage| stage.distribution.percentiles.iter().map(|figure| figure.percentile).collect());
    html! {
        div class="scroll" { table {
            thead { tr { th { (what) } th class="n" { "Events" } th class="n" { "min" } th class="n" { "mean" }
                @for percentile in &shown { th class="n" { "p" (percentile) } } th class="n" { "max" } } }
            tbody { @for stage in stages { (stage_row(stage)) } }
        } }
        @if stages.iter().any(|stage| stage.never_came > 0) {
            p class="soft" { "Percentiles are of what came; for objectives what never came is slower than all of it." }
        }
        @for (doubt, names) in doubts(stages) {
            p class="soft" { @for (index, name) in names.iter().enumerate() { @if index > 0 { ", " } (clean(name)) } ": " (clean(doubt)) }
        }
    }
}

/// Why figures say nothing, each reason once with the stages that it is about.
fn doubts(stages: &[Stage]) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for stage in stages {
        for doubt in stage.distribution.percentiles.iter().filter_map(|figure| figure.doubt.as_deref()) {
            match found.iter_mut().find(|(known, _)| *known == doubt) {
                Some((_, names)) if names.contains(&stage.name.as_str()) => {}
                Some((_, names)) => names.push(&stage.name),
                None => found.push((doubt, vec![&stage.name])),
            }
        }
    }
    found
}

/// The way to the acknowledgement, as the client itself tells it.
fn client(spans: &[ClientSpan]) -> Markup {
    html! {
        @if spans.iter().any(|span| span.count > 0) {
            h3 { "Until the acknowledgement, as the Kafka client tells it" }
            div class="scroll" { table {
                thead { tr { th { "Part" } th class="n" { "Of" } th class="n" { "mean" } th class="n" { "p99 of the worst second" } th class="n" { "max" } } }
                tbody { @for span in spans {
                    tr {
                        th scope="row" { code { (clean(&span.name)) } div class="soft" { (clean(&span.meaning)) } }
                        td class="n" { (grouped(span.count)) }
                        @if span.count == 0 { td class="n" colspan="3" { "none" } }
                        @else { td class="n" { (latency(span.mean_ms)) } td class="n" { (latency(span.worst_p99_ms)) } td class="n" { (latency(span.max_ms)) } }
                    }
                } }
            } }
            p class="soft" { "Told once a second, the warm-up included; of the last second nothing is known." }
        }
    }
}

fn stage_row(stage: &Stage) -> Markup {
    let of = &stage.distribution;
    html! {
        tr {
            th scope="row" { code { (clean(&stage.name)) } div class="soft" { (clean(&stage.meaning))
                @if stage.error_ms > 0.0 { "; up to " (latency(stage.error_ms)) " late by the way it is watched" }
                @if of.out_of_range > 0 { "; " (grouped(of.out_of_range)) " longer than can be counted" } } }
            td class="n" { (grouped(of.count)) @if stage.never_came > 0 { div class="soft" { (grouped(stage.never_came)) " never came" } } }
            @if of.count == 0 { td class="n" colspan="7" { "nothing was measured" } }
            @else {
                td class="n" { (latency(of.min_ms)) } td class="n" { (latency(of.mean_ms)) }
                @for figure in &of.percentiles { td class="n" { (latency(figure.value_ms)) @if figure.doubt.is_some() { " ?" } } }
                td class="n" { (latency(of.max_ms)) }
            }
        }
    }
}

fn over_time(result: &LoadResult, stage: &Stage) -> Markup {
    let figures = |pick: fn(&crate::model::StageSlice) -> f64| {
        let of = |interval: &Interval| {
            let slice = interval.stages.iter().find(|slice| slice.name == stage.name && slice.count > 0)?;
            Some((interval.to_ms / 1e3, pick(slice)))
        };
        result.intervals.iter().filter_map(of).collect::<Vec<_>>()
    };
    let here = result.objectives.iter().filter(|objective| objective.stage.as_deref() == Some(&stage.name));
    let threshold = |objective: &crate::model::Objective| {
        Some(Threshold { text: clean(&objective.text), value: objective.limit_ms? })
    };
    lines(&Picture {
        title: format!("{} over time", stage.name),
        unit: "ms",
        logarithmic: true,
        lines: vec![
            Line::new("p50", "a", figures(|slice| slice.p50_ms)),
            Line::new("p95", "b", figures(|slice| slice.p95_ms)),
            Line::new("p99", "c", figures(|slice| slice.p99_ms)),
            Line::new("max", "d", figures(|slice| slice.max_ms)),
        ],
        thresholds: here.filter_map(threshold).collect(),
        ..frame(result)
    })
}

fn distribution(stage: &Stage) -> Markup {
    let mark = |figure: &crate::model::PercentileFigure| Mark {
        name: format!("p{}{}", figure.percentile, if figure.doubt.is_some() { "?" } else { "" }),
        value: figure.value_ms,
    };
    let marks: Vec<Mark> = stage.distribution.percentiles.iter().map(mark).collect();
    html! {
        @if stage.distribution.count > 0 { (bars(&format!("{}: distribution", stage.name), &stage.distribution.bins, &marks)) }
    }
}

/// What all pictures of a run have in common: its warm-up, disturbances and end.
fn frame(result: &LoadResult) -> Picture {
    let until = result.intervals.last().map_or(0.0, |interval| interval.to_ms / 1e3);
    Picture { warm_up_to: warm_up_to(result), spans: spans(result), until, ..Picture::default() }
}

fn spans(result: &LoadResult) -> Vec<(f64, f64, String)> {
    let end = result.intervals.last().map_or(0.0, |interval| interval.to_ms);
    let done = result.disturbed.iter().filter(|one| one.done);
    done.map(|one| (one.at_ms / 1e3, one.until_ms.unwrap_or(end).min(end) / 1e3, clean(&one.text))).collect()
}

fn warm_up_to(result: &LoadResult) -> f64 {
    result.intervals.iter().take_while(|interval| interval.warm_up).last().map_or(0.0, |interval| interval.to_ms / 1e3)
}

fn disturbed(result: &LoadResult) -> Markup {
    html! {
        @if !result.disturbed.is_empty() {
            h2 { "Time line of disturbances" }
            div class="scroll" { table {
                thead { tr { th class="n" { "from" } th class="n" { "until" } th { "what" } th { "outcome" } } }
                tbody { @for one in &result.disturbed {
                    tr { td class="n" { (millis(one.at_ms)) } td class="n" { (one.until_ms.map_or_else(|| "–".to_owned(), millis)) }
                        th scope="row" { (clean(&one.text)) } td { (clean(&one.outcome)) } }
                } }
            } }
        }
    }
}

fn delivery(result: &LoadResult) -> Markup {
    let counts = &result.counts;
    html! {
        h2 { "Delivery" }
        p { (grouped(counts.planned)) " planned (warm-up included): " (grouped(counts.acknowledged)) " acknowledged, "
            (grouped(counts.refused)) " refused, " (grouped(counts.unknown)) " of unknown fate." }
        div class="scroll" { table {
            thead { tr { th { "Leg" } @for (name, _) in figures_of(&result.legs) { th class="n" { (name) } } } }
            tbody { @for leg in &result.legs { (leg_row(leg, &figures_of(&result.legs))) } }
        } }
    }
}

fn leg_row(leg: &ConsumerLeg, figures: &[LegFigure]) -> Markup {
    let bad = figures.iter().skip(1).map(|(_, of)| of(&leg.counts));
    html! {
        tr {
            th scope="row" { code { (clean(&leg.name)) } div class="soft" { (clean(&leg.meaning)) } }
            td class="n" { (grouped(leg.counts.seen)) }
            @for count in bad { td class={ "n" @if count > 0 { " badge broken" } } { (grouped(count)) } }
        }
    }
}

fn pace(result: &LoadResult) -> Markup {
    let rate = |pick: fn(&Interval) -> u64| {
        let of = |interval: &Interval| {
            let seconds = (interval.to_ms - interval.from_ms) / 1e3;
            (interval.to_ms / 1e3, if seconds > 0.0 { pick(interval) as f64 / seconds } else { 0.0 })
        };
        result.intervals.iter().map(of).collect::<Vec<_>>()
    };
    lines(&Picture {
        title: "Events per second".to_owned(),
        unit: "1/s",
        logarithmic: false,
        lines: vec![
            Line::new("sent", "d", rate(|interval| interval.planned)),
            Line::new("acknowledged", "a", rate(|interval| interval.acknowledged)),
            Line::new("on the topic", "b", rate(|interval| interval.seen)),
        ],
        ..frame(result)
    })
}

fn generator(result: &LoadResult) -> Markup {
    let of = &result.generator;
    if of.slip.count == 0 && result.is_planned() {
        return html! { p class="soft" { "How the generator kept its plan is not known." } };
    }
    html! {
        p { (plan_kept(result))
            // What is left of a load that was killed does not say it.
            @if of.cpu_share > 0.0 {
                ", used " (format!("{:.0} %", of.cpu_share * 100.0)) " of one core"
                @if result.provenance.broker.kind == "embedded" { " (the embedded broker included)" } "; "
                (grouped(of.backpressure)) " sends had to wait for a full queue"
            }
            ". Its memory was " (format!("{:.0} MB", of.resident_mb)) " at the end, " (format!("{:.0} MB", of.resident_peak_mb)) " at most." }
    }
}

/// How the generator kept its plan, where there was one.
fn plan_kept(result: &LoadResult) -> Markup {
    let of = &result.generator.slip;
    let within = of.percentiles.iter().find(|figure| figure.percentile == 99.0);
    html! {
        @if result.is_planned() {
            "The generator sent 99 % of its events within " strong { (within.map_or_else(|| "?".to_owned(), |figure| latency(figure.value_ms))) }
            " of their plan (the latest by " (latency(of.max_ms)) ")"
        } @else { "There was no plan to keep: the generator sent as fast as its events were taken" }
    }
}

fn shards(together: &LoadShards) -> Markup {
    html! {
        p { "Sent by " (together.parts.len()) " shards, which began within " strong { (latency(together.apart_ms)) } " of each other." }
        div class="scroll" { table {
            thead { tr { th { "Shard" } th { "Machine" } th class="n" { "Planned" } th class="n" { "Acknowledged" }
                th class="n" { "Slip p99" } th class="n" { "Of one core" } th class="n" { "Start known to" } } }
            tbody { @for one in &together.parts {
                tr {
                    th scope="row" { (one.number) @if one.state != "ended" { div class="soft" { (clean(&one.state)) } } }
                    td { (clean(&one.host)) }
                    td class="n" { (grouped(one.planned)) }
                    td class="n" { (grouped(one.acknowledged)) }
                    td class="n" { (one.slip_p99_ms.map_or_else(|| "?".to_owned(), latency)) }
                    td class="n" { (format!("{:.0} %", one.cpu_share * 100.0)) }
                    td class="n" { "± " (latency(one.start_error_ms)) }
                }
            } }
        } }
    }
}

/// What each group has before it: its records, and its offsets where they are more.
fn lag(result: &LoadResult) -> Markup {
    let all = || result.intervals.iter().flat_map(|interval| &interval.lag);
    let mut groups: Vec<&str> = Vec::new();
    for point in all() {
        if !groups.contains(&point.group.as_str()) {
            groups.push(&point.group);
        }
    }
    let with_offsets =
        |group: &&str| all().any(|one| one.group == **group && one.offsets.is_some_and(|at| at != one.records));
    let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for group in groups {
        let points = |of: fn(&LagPoint) -> Option<i64>| {
            let of = |interval: &Interval| {
                let point = interval.lag.iter().find(|point| point.group == group)?;
                Some((interval.to_ms / 1e3, of(point)? as f64))
            };
            result.intervals.iter().filter_map(of).collect()
        };
        curves.push((clean(group).to_string(), points(|point| Some(point.records))));
        if with_offsets(&group) {
            curves.push((format!("{}, offsets", clean(group)), points(|point| point.offsets)));
        }
    }
    let line = |(index, (name, points)): (usize, (String, Vec<(f64, f64)>))| {
        Line::new(&name, CLASSES[index % CLASSES.len()], points)
    };
    lines(&Picture {
        title: "Records behind the end of the topic, by committed offsets".to_owned(),
        unit: "records",
        logarithmic: false,
        lines: curves.into_iter().enumerate().map(line).collect(),
        ..frame(result)
    })
}

fn intervals(result: &LoadResult) -> Markup {
    let every = result.intervals.len().div_ceil(ROWS).max(1);
    html! {
        details class="card" {
            summary { "Figures of the pictures" @if every > 1 { " (every " (every) "th interval; all are in result.json)" } }
            div class="scroll" { table {
                thead { tr { th class="n" { "until" } th class="n" { "sent" } th class="n" { "acknowledged" } th class="n" { "on the topic" } th class="n" { "MB" }
                    @for stage in &result.stages { th class="n" { "p95 " (clean(&stage.name)) } } } }
                tbody { @for interval in result.intervals.iter().step_by(every) {
                    tr { td class="n" { (millis(interval.to_ms)) @if interval.warm_up { " (warm-up)" } } td class="n" { (interval.planned) }
                        td class="n" { (interval.acknowledged) } td class="n" { (interval.seen) } td class="n" { (format!("{:.0}", interval.resident_mb)) }
                        @for slice in &interval.stages { td class="n" { @if slice.count > 0 { (latency(slice.p95_ms)) } @else { "–" } } } }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load;

    #[test]
    fn a_load_page_reads_the_same() {
        insta::assert_snapshot!(html_load(&load()).split("</style>").nth(1).unwrap().replace("><", ">\n<"));
    }

    #[test]
    fn a_load_without_a_plan_claims_none() {
        let mut result = load();
        result.stages[0].meaning = "sent (there is no plan at `rate: max`) to visible".to_owned();
        let page = html_load(&result);
        assert!(page.contains("Counted from the send of each event") && !page.contains("planned instant"));
        assert!(page.contains("sent as fast as its events were taken, used 31 % of one core"));
    }

    #[test]
    fn what_never_came_to_a_stage_is_told_beside_the_percentiles_of_the_others() {
        let mut result = load();
        assert!(!html_load(&result).contains("never came"));
        result.stages[0].never_came = 1060;
        let page = html_load(&result);
        assert!(page.contains("1,060 never came") && page.contains("Percentiles are of what came"));
    }

    #[test]
    fn a_run_without_a_single_interval_can_be_shown() {
        let page = html_load(&LoadResult::default());
        assert!(page.contains("there is no verdict") && !page.contains("NaN") && !page.contains("inf"));
    }
}
