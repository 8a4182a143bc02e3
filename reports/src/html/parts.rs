//! Pieces of pages.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::model::{Finding, Outcome, Provenance, ServiceInfo};
use crate::terminal::word;
use crate::text::clean;

/// A whole page.
pub(super) fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (clean(title)) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}

/// The class of an outcome.
pub(super) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "held",
        Outcome::Broken => "broken",
        Outcome::NoVerdict => "no_verdict",
        Outcome::Skipped => "skipped",
    }
}

/// Sign and word: colour is never the only sign.
pub(super) fn badge(outcome: Outcome) -> Markup {
    html! { span class={ "badge " (class(outcome)) } { (sign(outcome)) " " (word(outcome)) } }
}

/// The sign of an outcome.
pub(super) fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "✓",
        Outcome::Broken => "✗",
        Outcome::NoVerdict => "?",
        Outcome::Skipped => "–",
    }
}

/// What was found.
pub(super) fn finding(finding: &Finding) -> Markup {
    html! { div class="finding" { (clean(&finding.text)) @if !finding.code.is_empty() { " [" (finding.code) "]" } } }
}

/// Where the result comes from and how to get it again.
pub(super) fn provenance(of: &Provenance) -> Markup {
    let seed = match of.merged {
        0 => of.seed.to_string(),
        parts => format!("merged from {parts} results, each with its own (see the commands)"),
    };
    let rows = [
        ("Broker", of.broker.label.clone()),
        ("Started", of.started_at.clone()),
        ("Seed", seed),
        ("Run", of.run_id.clone()),
        ("eventproof", of.version.clone()),
        ("Machine", of.machine.clone()),
        ("Exit code", of.exit_code.to_string()),
    ];
    html! {
        h2 { "How to get this again" }
        pre { (clean(&of.command)) }
        table {
            caption { "Where this result comes from" }
            tbody { @for (name, value) in &rows { tr { th scope="row" { (name) } td { (clean(value)) } } } }
        }
    }
}

/// Services as they were at the end.
pub(super) fn services(services: &[ServiceInfo]) -> Markup {
    html! {
        @if !services.is_empty() { h2 { "Services" } }
        @for service in services {
            details class="card" {
                summary { strong { (clean(&service.name)) } ": " (clean(&service.state)) ", started " (service.starts) " time(s)"
                    @if !service.faults.is_empty() { ", with faults: " (service.faults.join(", ")) } }
                pre { (clean(&service.last_lines.join("\n"))) }
            }
        }
    }
}
