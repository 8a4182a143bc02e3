//! The report of a scenario run.

use maud::{Markup, html};

use super::parts::{badge, class, finding, page, provenance, services};
use crate::model::{
    Conformance, Coverage, CoverageRow, Exchange, KeptLook, KeptRecord, Outcome, RunResult, ScenarioResult, ServiceLog,
    StepResult,
};
use crate::text::{clean, millis};

/// A page: the verdict first, then what broke and why, then the rest.
pub fn html_run(result: &RunResult) -> String {
    let with = |outcome: Outcome| result.scenarios.iter().filter(move |scenario| scenario.outcome == outcome);
    let body = html! {
        (verdict(result))
        @for one in &result.findings { article class=(class(one.outcome)) { (badge(one.outcome)) " the run as a whole" (finding(one)) } }
        @for outcome in [Outcome::Broken, Outcome::NoVerdict, Outcome::Skipped] {
            @for scenario in with(outcome) { (in_full(scenario, &result.provenance.broker.label)) }
        }
        (conformance(&result.conformance))
        (coverage(&result.coverage))
        @if with(Outcome::Held).next().is_some() {
            h2 { "Held" }
            @for scenario in with(Outcome::Held) { (folded(scenario)) }
        }
        (services(&result.services))
        (provenance(&result.provenance))
    };
    page(&format!("eventproof: {}", result.pack), &body)
}

fn verdict(result: &RunResult) -> Markup {
    let tally = result.tally();
    let outcome = match result.provenance.exit_code {
        0 => Outcome::Held,
        1 => Outcome::Broken,
        _ => Outcome::NoVerdict,
    };
    let sentence = match outcome {
        Outcome::Held => "Every promise was kept",
        Outcome::Broken => "A promise was broken",
        Outcome::NoVerdict | Outcome::Skipped => "There is no verdict",
    };
    html! {
        header class={ "verdict " (class(outcome)) } {
            h1 { (badge(outcome)) (clean(&result.pack)) ": " (sentence) }
            p class="soft" {
                (tally.held) " held, " (tally.broken) " broken, " (tally.no_verdict) " without verdict, " (tally.skipped)
                " skipped; on the " strong { (clean(&result.provenance.broker.label)) } ", in " (millis(result.provenance.duration_ms))
                @if result.provenance.interrupted { "; interrupted: this is what was done until then" }
            }
        }
    }
}

fn in_full(scenario: &ScenarioResult, broker: &str) -> Markup {
    html! {
        article class=(class(scenario.outcome)) lang=(scenario.language) {
            h3 { (badge(scenario.outcome)) (clean(&scenario.name)) }
            p class="soft" { (scenario.file) ":" (scenario.line) ", " (millis(scenario.duration_ms)) ", on the " (clean(broker)) }
            @if let Some(note) = &scenario.note { (finding(note)) }
            (steps(scenario))
            @if !scenario.timeline.is_empty() { (timeline(scenario)) }
            (records(&scenario.attachments.records))
            (exchanges(&scenario.attachments.exchanges))
            (looks(&scenario.attachments.looks))
            @for log in &scenario.logs { (service_log(log)) }
        }
    }
}

fn folded(scenario: &ScenarioResult) -> Markup {
    html! {
        details class="card" lang=(scenario.language) {
            summary { (badge(scenario.outcome)) (clean(&scenario.name)) " " span class="soft" { (millis(scenario.duration_ms)) @if scenario.is_flaky() { ", flaky: attempt " (scenario.attempts) } } }
            p class="soft" { (scenario.file) ":" (scenario.line) }
            @if let Some(note) = &scenario.note { (finding(note)) }
            (steps(scenario))
        }
    }
}

fn steps(scenario: &ScenarioResult) -> Markup {
    html! { ol { @for one in &scenario.steps { (step(one)) } } }
}

fn step(step: &StepResult) -> Markup {
    html! {
        li class={ "step " (class(step.outcome)) } {
            (badge(step.outcome)) strong { (step.keyword) } " " (clean(&step.text))
            " " span class="soft" { (millis(step.duration_ms)) }
            @for sub in &step.under { div class="under" { (clean(&sub.text)) } }
            @if let Some(found) = &step.finding { @if !found.text.is_empty() { (finding(found)) } }
        }
    }
}

fn timeline(scenario: &ScenarioResult) -> Markup {
    html! {
        details {
            summary { "Time line: " (scenario.timeline.len()) " observations" }
            table {
                caption { "What was observed, since the scenario began" }
                tbody {
                    @for entry in &scenario.timeline {
                        tr { td class="n" { (format!("{:.1} ms", entry.at_ms)) } th scope="row" { (entry.kind) } td { (clean(&entry.text)) } }
                    }
                }
            }
        }
    }
}

fn records(records: &[KeptRecord]) -> Markup {
    html! {
        @if !records.is_empty() {
            details {
                summary { "Records: " (records.len()) }
                @for record in records { (kept_record(record)) }
            }
        }
    }
}

fn kept_record(record: &KeptRecord) -> Markup {
    let facts = [("id", &record.id), ("correlation", &record.correlation), ("key", &record.key)];
    html! {
        table {
            caption {
                (clean(record.message.as_deref().unwrap_or("a record that the contract does not know"))) " at " (clean(&record.place))
                ", after " (format!("{:.1} ms", record.at_ms))
                @if let Some(event) = &record.nearest_to { ": the nearest to " (clean(event)) }
            }
            tbody {
                @for (name, value) in facts {
                    @if let Some(value) = value { tr { th scope="row" { (name) } td { (clean(value)) } } }
                }
                @if let Some(time) = record.time_ms.and_then(chrono::DateTime::from_timestamp_millis) {
                    tr { th scope="row" { "timestamp" } td { (time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)) } }
                }
                @for (pointer, text) in &record.fields { tr { th scope="row" { (clean(pointer)) } td { (clean(text)) } } }
                @for text in &record.violations { tr { th scope="row" { "departs" } td { (clean(text)) } } }
            }
        }
    }
}

fn exchanges(exchanges: &[Exchange]) -> Markup {
    html! {
        @if !exchanges.is_empty() {
            details {
                summary { "HTTP: " (exchanges.len()) " exchanges" }
                @for one in exchanges {
                    pre {
                        (clean(&one.request)) "\n"
                        @if !one.sent.is_empty() { (clean(&one.sent)) "\n" }
                        "→ " @match one.status { Some(status) => { (status) }, None => { "no answer" } } " in " (millis(one.took_ms)) "\n"
                        (clean(&one.answer))
                    }
                }
            }
        }
    }
}

fn looks(looks: &[KeptLook]) -> Markup {
    html! {
        @if !looks.is_empty() {
            details {
                summary { "Looks at views: " (looks.len()) " answers" }
                @for one in looks {
                    pre {
                        "view " (clean(&one.view)) ", after " (millis(one.at_ms))
                        @if one.times > 1 { ", " (one.times) " times the same" } "\n"
                        (clean(&one.question)) "\n"
                        "→ " @match one.shown { Some(true) => "shown", Some(false) => "not shown", None => "not understood" } " in " (millis(one.took_ms)) "\n"
                        (clean(&one.answer))
                    }
                }
            }
        }
    }
}

fn service_log(log: &ServiceLog) -> Markup {
    html! {
        details {
            summary { "Log of " (clean(&log.service)) ": the last " (log.lines.len()) " lines" }
            pre { @for line in &log.lines { (clean(line)) "\n" } }
        }
    }
}

fn conformance(of: &Conformance) -> Markup {
    html! {
        h2 { "Records and the contract" }
        p { (of.records) " records were read; " (of.nonconforming) " depart from the contract." }
        @for one in &of.findings { (finding(one)) }
        table {
            caption { "Messages of the contract; one that was never seen is not proved by this run" }
            tbody {
                @for (name, count) in &of.seen {
                    tr { th scope="row" { (clean(name)) } td class="n" { (count) @if *count == 0 { " (never seen)" } } }
                }
            }
        }
    }
}

fn coverage(of: &Coverage) -> Markup {
    let rows = of.by_message();
    html! {
        @if !of.rows.is_empty() {
            h2 { "Coverage" }
            p { (of.touched()) " of " (of.rows.len()) " promises of the contract (" (of.percent()) " %) were touched by a scenario with a verdict." }
            table class="coverage" {
                caption { "Each message, what the contract promises of it, and how many scenarios looked at that" }
                tbody {
                    @for (message, promises) in &rows {
                        tr {
                            th scope="row" { (clean(message)) }
                            td { @for one in promises { (promise(one)) " " } }
                        }
                    }
                }
            }
        }
    }
}

fn promise(row: &CoverageRow) -> Markup {
    let touched = !row.by.is_empty();
    let title = if touched { row.by.join("; ") } else { "no scenario looked at it".to_owned() };
    html! {
        span class=(if touched { "badge held" } else { "badge skipped" }) title=(clean(&title)) {
            @if touched { "✓ " } @else { "– " } (row.property) @if touched { " " (row.by.len()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mixed;

    #[test]
    fn a_page_shows_the_verdict_first_and_escapes_what_it_shows() {
        let page = html_run(&mixed());
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(at("A promise was broken") < at("重复的 event_id 被忽略"));
        assert!(at("behind by 2 records") < at("post.created reaches feed"));
        assert!(page.contains("a &lt;b&gt;post&lt;/b&gt; &amp; \\u{202e}more"));
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    }

    #[test]
    fn a_page_reads_the_same() {
        insta::assert_snapshot!(html_run(&mixed()).split("</style>").nth(1).unwrap());
    }
}
