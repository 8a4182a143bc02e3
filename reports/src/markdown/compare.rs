//! Two load results side by side, as a table in Markdown.

use super::cell;
use crate::model::{Change, Comparison, Figure, Side};
use crate::text::{change_of, shown, within};

/// A heading, the table, and what could not be told.
pub fn markdown_compare(comparison: &Comparison) -> String {
    let mut text = format!("## {}: {}\n\n", cell(&comparison.title), headline(comparison));
    text.push_str(&format!("- before: {}\n- after: {}\n", side(&comparison.before), side(&comparison.after)));
    comparison.notes.iter().for_each(|note| text.push_str(&format!("- {}\n", cell(note))));
    if !comparison.refused.is_empty() {
        comparison.refused.iter().for_each(|why| text.push_str(&format!("- **{}**\n", cell(why))));
        return text;
    }
    text.push_str("\n| figure | before | after | change | 95 % interval | |\n|---|--:|--:|--:|---|---|\n");
    for figure in &comparison.figures {
        text.push_str(&row(figure));
    }
    for count in &comparison.counts {
        let (before, after) = (cell(&count.before), cell(&count.after));
        text.push_str(&format!(
            "| `{}` | {before} | {after} | | exact | {} |\n",
            cell(&count.name),
            verdict(count.change)
        ));
    }
    let tolerance = &comparison.tolerance;
    text.push_str(&format!("\nTolerance: {} %", tolerance.percent));
    if tolerance.floor_ms > 0.0 {
        text.push_str(&format!(" or {} ms", tolerance.floor_ms));
    }
    text.push_str(". Figures in brackets are limited by no objective and decide nothing.\n");
    for figure in comparison.figures.iter().filter(|figure| figure.decides && !figure.why.is_empty()) {
        text.push_str(&format!("\n`{}`: {}\n", cell(&figure.name), cell(&figure.why)));
    }
    text
}

/// In words, for a heading.
pub(crate) fn headline(comparison: &Comparison) -> &'static str {
    match comparison.worst() {
        _ if !comparison.refused.is_empty() => "not results of the same load",
        Change::Worse => "worse",
        Change::CannotTell => "the data do not tell",
        Change::Better | Change::Same | Change::NotWorse => "not worse",
    }
}

fn side(of: &Side) -> String {
    format!("`{}`, {}, on the {}, {} intervals", cell(&of.file), of.started_at, cell(&of.broker.label), of.intervals)
}

fn row(figure: &Figure) -> String {
    let (before, after) = shown(figure);
    let (name, change) = (format!("`{}`", cell(&figure.name)), verdict(figure.change));
    let (name, change) = if figure.decides { (name, change) } else { (format!("({name})"), format!("({change})")) };
    format!("| {name} | {before} | {after} | {} | {} | {change} |\n", change_of(figure), within(figure))
}

fn verdict(change: Change) -> String {
    if change == Change::Worse { format!("**{}**", change.word()) } else { change.word().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::comparison;

    #[test]
    fn a_comparison_is_a_table() {
        insta::assert_snapshot!(markdown_compare(&comparison()));
    }
}
