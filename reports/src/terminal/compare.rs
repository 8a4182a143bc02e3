//! Two load results side by side in a terminal.

use super::Style;
use crate::model::{Change, Comparison, CountChange, Figure, Outcome, Side};
use crate::text::{change_of, clean, shown, within};

/// The table, what could not be told, and the sum of it.
pub fn terminal_compare(comparison: &Comparison, style: Style) -> String {
    let mut text = format!("\n{}\n", clean(&comparison.title));
    text.push_str(&format!("before  {}\nafter   {}\n", side(&comparison.before), side(&comparison.after)));
    if !comparison.refused.is_empty() {
        text.push_str(&style.paint(Outcome::NoVerdict, "\nthese are not results of the same load:\n"));
        comparison.refused.iter().for_each(|why| text.push_str(&format!("  {why}\n")));
        return text;
    }
    comparison.notes.iter().for_each(|note| text.push_str(&format!("note    {note}\n")));
    text.push_str(&table(comparison, style));
    for figure in comparison.figures.iter().filter(|figure| figure.decides && !figure.why.is_empty()) {
        text.push_str(&format!("\n{}: {}\n", clean(&figure.name), clean(&figure.why)));
    }
    text.push_str(&format!("\n{}\n", sum(comparison, style)));
    text
}

fn side(of: &Side) -> String {
    format!("{}: {}, on the {}, {} intervals", clean(&of.file), of.started_at, clean(&of.broker.label), of.intervals)
}

fn table(comparison: &Comparison, style: Style) -> String {
    let names = comparison.figures.iter().map(|figure| &figure.name);
    let widest = names.chain(comparison.counts.iter().map(|count| &count.name));
    let widest = widest.map(|name| name.chars().count()).max().unwrap_or(0).max(6);
    let row = |name: &str, before: &str, after: &str, change: &str, interval: &str, verdict: &str| {
        format!("{name:<widest$}  {before:>10} {after:>10} {change:>9}  {interval:<20} {verdict}\n")
    };
    let mut text = format!("\n{}", row("figure", "before", "after", "change", "95 % interval", ""));
    for figure in comparison.figures.iter().filter(|figure| figure.decides) {
        let (before, after) = shown(figure);
        let verdict = paint(figure.change, style);
        text.push_str(&row(&clean(&figure.name), &before, &after, &change_of(figure), &within(figure), &verdict));
    }
    for CountChange { name, before, after, change } in &comparison.counts {
        let verdict = if *change == Change::Same { "no difference".to_owned() } else { paint(*change, style) };
        text.push_str(&row(&clean(name), &clean(before), &clean(after), "", "exact", &verdict));
    }
    let others: Vec<&Figure> = comparison.figures.iter().filter(|figure| !figure.decides).collect();
    if !others.is_empty() {
        text.push_str("beside these, without a say (no objective limits them):\n");
    }
    for figure in others {
        let (before, after) = shown(figure);
        let verdict = figure.change.word();
        text.push_str(&row(&clean(&figure.name), &before, &after, &change_of(figure), &within(figure), verdict));
    }
    text
}

fn paint(change: Change, style: Style) -> String {
    style.paint(change.outcome(), change.word())
}

fn sum(comparison: &Comparison, style: Style) -> String {
    let worst = comparison.worst();
    let told = match worst {
        Change::Worse => "worse by more than the tolerance",
        Change::CannotTell => "the data do not tell whether it is worse",
        Change::Better | Change::Same | Change::NotWorse => "not worse",
    };
    let floor = match comparison.tolerance.floor_ms {
        0.0 => String::new(),
        floor => format!(" or {floor} ms"),
    };
    let told = style.paint(worst.outcome(), told);
    format!(
        "{told} (tolerance {} %{floor}, {} figures decide)",
        comparison.tolerance.percent,
        comparison.deciding().count()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::comparison;

    const PLAIN: Style = Style { color: false, width: 120 };

    #[test]
    fn a_comparison_shows_what_changed_and_what_is_not_known() {
        insta::assert_snapshot!(terminal_compare(&comparison(), PLAIN));
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let refused = vec!["another rate: \"1000/s\" before, \"500/s\" after".to_owned()];
        insta::assert_snapshot!(terminal_compare(&Comparison { refused, ..comparison() }, PLAIN));
    }
}
