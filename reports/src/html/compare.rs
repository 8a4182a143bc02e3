//! Two load results side by side, as a page.

use maud::{Markup, html};

use super::chart::{Steps, steps, whiskers};
use super::parts::{class, page, sign};
use crate::markdown::headline;
use crate::model::{Change, Comparison, Distribution, Figure, Side, StagePair};
use crate::text::{change_of, clean, grouped, latency, shown, within};

/// A page: the verdict first, then every figure with its interval, then both distributions of each stage.
pub fn html_compare(comparison: &Comparison) -> String {
    let body = html! {
        (verdict(comparison))
        @if comparison.refused.is_empty() {
            h2 { "Figures that an objective limits" }
            (figures(comparison, true))
            (whiskers("Change of each figure", &changes(comparison), comparison.tolerance.percent))
            @if comparison.figures.iter().any(|figure| !figure.decides) {
                h2 { "Others, which decide nothing" }
                (figures(comparison, false))
            }
            h2 { "Latency" }
            @for pair in &comparison.stages { (stage(pair)) }
        }
        h2 { "Where they come from" }
        (sides(comparison))
    };
    page(&format!("eventproof: {} compared", comparison.title), &body)
}

fn verdict(comparison: &Comparison) -> Markup {
    let outcome = comparison.worst().outcome();
    let (tolerance, floor) = (comparison.tolerance.percent, comparison.tolerance.floor_ms);
    html! {
        header class={ "verdict " (class(outcome)) } {
            h1 { span class={ "badge " (class(outcome)) } { (sign(outcome)) " " (headline(comparison)) } (clean(&comparison.title)) }
            @if comparison.refused.is_empty() {
                p class="soft" { "Tolerance " (tolerance) " %" @if floor > 0.0 { " or " (floor) " ms" }
                    ". \"Worse\" is said only where the whole 95 % interval lies beyond it." }
            }
            @for why in &comparison.refused { p { strong { (clean(why)) } } }
            @for note in &comparison.notes { p { (clean(note)) } }
        }
    }
}

fn figures(comparison: &Comparison, decides: bool) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr { th { "Figure" } th class="n" { "before" } th class="n" { "after" } th class="n" { "change" } th class="n" { "95 % interval" } th { "Verdict" } } }
            tbody {
                @for figure in comparison.figures.iter().filter(|figure| figure.decides == decides) { (row(figure)) }
                @for count in comparison.counts.iter().filter(|_| decides) {
                    tr { th scope="row" { code { (clean(&count.name)) } } td class="n" { (clean(&count.before)) } td class="n" { (clean(&count.after)) }
                        td {} td class="n" { "exact" } td { (count_word(count.change)) } }
                }
            }
        } }
    }
}

fn row(figure: &Figure) -> Markup {
    let (before, after) = shown(figure);
    html! {
        tr {
            th scope="row" { code { (clean(&figure.name)) } @if !figure.why.is_empty() { div class="soft" { (clean(&figure.why)) } } }
            td class="n" { (before) } td class="n" { (after) } td class="n" { (change_of(figure)) } td class="n" { (within(figure)) }
            td { (word(figure.change)) }
        }
    }
}

fn word(change: Change) -> Markup {
    let outcome = change.outcome();
    html! { span class={ "badge " (class(outcome)) } { (sign(outcome)) " " (change.word()) } }
}

/// A count has no tolerance.
fn count_word(change: Change) -> Markup {
    let outcome = change.outcome();
    let text = if change == Change::Same { "no difference" } else { change.word() };
    html! { span class={ "badge " (class(outcome)) } { (sign(outcome)) " " (text) } }
}

/// What the picture of changes shows: name, change and interval, whether it decides.
fn changes(comparison: &Comparison) -> Vec<(String, crate::model::Span, &'static str)> {
    let deciding = comparison.figures.iter().filter(|figure| figure.decides);
    deciding.filter_map(|figure| Some((clean(&figure.name), figure.by?, class(figure.change.outcome())))).collect()
}

fn stage(pair: &StagePair) -> Markup {
    let line = |name: &'static str, class: &'static str, of: &Distribution| Steps {
        name,
        class,
        bins: of.bins.clone(),
        count: of.count,
    };
    html! {
        (steps(&format!("{}: both distributions", pair.name), &[line("before", "a", &pair.before), line("after", "b", &pair.after)]))
        div class="scroll" { table {
            thead { tr { th { (clean(&pair.name)) } th class="n" { "events" } th class="n" { "mean" }
                @for figure in &pair.after.percentiles { th class="n" { "p" (figure.percentile) } } th class="n" { "max" } } }
            tbody { (distribution("before", &pair.before)) (distribution("after", &pair.after)) }
        } }
    }
}

fn distribution(name: &str, of: &Distribution) -> Markup {
    html! {
        tr { th scope="row" { (name) } td class="n" { (grouped(of.count)) } td class="n" { (latency(of.mean_ms)) }
            @for figure in &of.percentiles { td class="n" { (latency(figure.value_ms)) @if figure.doubt.is_some() { " ?" } } }
            td class="n" { (latency(of.max_ms)) } }
    }
}

/// A name, and what is shown of a side.
type Row = (&'static str, fn(&Side) -> String);

fn sides(comparison: &Comparison) -> Markup {
    let (before, after) = (&comparison.before, &comparison.after);
    let rows: [Row; 7] = [
        ("File", |of| of.file.clone()),
        ("Started", |of| of.started_at.clone()),
        ("Broker", |of| of.broker.label.clone()),
        ("Machine", |of| of.machine.clone()),
        ("eventproof", |of| of.version.clone()),
        ("Intervals", |of| of.intervals.to_string()),
        ("Command", |of| of.command.clone()),
    ];
    html! {
        div class="scroll" { table {
            thead { tr { th {} th { "before" } th { "after" } } }
            tbody { @for (name, pick) in rows { tr { th scope="row" { (name) } td { (clean(&pick(before))) } td { (clean(&pick(after))) } } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::comparison;

    #[test]
    fn a_page_of_a_comparison_reads_the_same() {
        insta::assert_snapshot!(html_compare(&comparison()).split("</style>").nth(1).unwrap().replace("><", ">\n<"));
    }

    #[test]
    fn what_cannot_be_compared_has_no_figures() {
        let refused = vec!["another rate: \"1000/s\" before, \"500/s\" after".to_owned()];
        let page = html_compare(&Comparison { refused, ..comparison() });
        assert!(
            page.contains("another rate") && !page.contains("<svg") && page.contains("not results of the same load")
        );
    }
}
