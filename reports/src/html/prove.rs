//! The report of `prove`.

use maud::{Markup, html};

use super::parts::{badge, class, page, provenance};
use crate::model::{Catch, FaultRow, Healthy, Outcome, ProveResult};
use crate::text::clean;

/// A page: the verdict, the table of faults, then the healthy runs.
pub fn html_prove(result: &ProveResult) -> String {
    let body = html! {
        (verdict(result))
        (healthy(&result.healthy))
        h2 { "Faults" }
        @for outcome in [Outcome::Broken, Outcome::NoVerdict] {
            @for row in result.faults.iter().filter(|row| row.outcome == outcome) { (in_full(row)) }
        }
        table class="halves" {
            caption { "Every fault that was switched on, and who caught it with which diagnosis" }
            thead { tr { th { "Fault, and what it does" } th { "Caught by" } } }
            tbody { @for row in &result.faults { (line(row)) } }
        }
        (provenance(&result.provenance))
    };
    page(&format!("eventproof: proof of {}", result.packs.join(", ")), &body)
}

fn verdict(result: &ProveResult) -> Markup {
    let outcome = result.outcome();
    let sentence = match outcome {
        Outcome::Held => "The gate catches every fault",
        Outcome::Broken => "The gate is not to be trusted",
        Outcome::NoVerdict | Outcome::Skipped => "There is no verdict",
    };
    html! {
        header class={ "verdict " (class(outcome)) } {
            h1 { (badge(outcome)) (clean(&result.packs.join(", "))) ": " (sentence) }
            @if !result.faults.is_empty() { p class="soft" { (result.caught()) " of " (result.faults.len()) " faults were caught by a scenario meant for them." } }
            @if result.provenance.interrupted {
                p { "Interrupted: this is what was done until then."
                    @if result.untried > 0 { " " (result.untried) " more faults were to be tried." } }
            }
        }
    }
}

fn healthy(healthy: &Healthy) -> Markup {
    html! {
        h2 { "Healthy" }
        p { (healthy.executions) " scenarios were run without any fault, " (healthy.executions_busy) " of them while all processors were busy; "
            (healthy.accused.len()) " were accused, " (healthy.no_verdict.len()) " had no verdict"
            @if let Some(bound) = healthy.bound() { ". With 95 % confidence fewer than " (format!("{:.3} %", bound * 100.0)) " of healthy scenarios are accused" }
            "." }
        @for one in &healthy.accused { article class=(class(Outcome::Broken)) { h3 { (clean(&one.scenario)) } (caught(one)) } }
        @for one in &healthy.no_verdict { article class=(class(Outcome::NoVerdict)) { h3 { (clean(&one.scenario)) } (caught(one)) } }
    }
}

fn in_full(row: &FaultRow) -> Markup {
    html! {
        article class=(class(row.outcome)) {
            h3 { (caught_badge(row.outcome)) (clean(&row.pack)) " " (clean(&row.fault)) ": " (clean(&row.meaning)) }
            @if !row.why.is_empty() { p { (clean(&row.why)) } }
            @if !row.first_time.is_empty() { p { "tried twice; the first time: " (clean(&row.first_time)) } }
            @if !row.missed_by.is_empty() { p { "Not caught by: " (clean(&row.missed_by.join("; "))) } }
            @for one in &row.also { p { "Broken besides: " (clean(&one.scenario)) } (caught(one)) }
        }
    }
}

fn line(row: &FaultRow) -> Markup {
    html! {
        tr {
            th scope="row" { (caught_badge(row.outcome)) (clean(&row.fault)) div class="soft" { (clean(&row.meaning)) } }
            td {
                @for one in &row.caught_by { div { (clean(&one.scenario)) " [" (one.code) "]" } }
                div class="soft" { (row.controls_held) " of " (row.controls) " controls held" }
            }
        }
    }
}

/// A fault that is caught is well; the sign is the same as of a promise that was kept.
fn caught_badge(outcome: Outcome) -> Markup {
    let text = match outcome {
        Outcome::Held => "✓ caught",
        Outcome::Broken => "✗ missed",
        Outcome::NoVerdict | Outcome::Skipped => return badge(outcome),
    };
    html! { span class={ "badge " (class(outcome)) } { (text) } }
}

fn caught(one: &Catch) -> Markup {
    html! { div class="finding" { (clean(&one.text)) " [" (one.code) "]" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::proof;

    #[test]
    fn a_page_of_a_proof_reads_the_same() {
        insta::assert_snapshot!(html_prove(&proof()).split("</style>").nth(1).unwrap().replace("><", ">\n<"));
    }
}
