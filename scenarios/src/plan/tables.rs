//! Tables of a feature file, before Gherkin reads them: it cuts what a row has too much, and says little of what it lacks.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics, Source, Span, nearest};
use gherkin::{Examples, Feature, Scenario};

use super::feature::{blank, line_span};
use crate::lint::argument_lines;

/// Checks that all rows of each table have as many cells as its first. Returns the text without the rows that do not, each line
/// at its place.
pub(super) fn shapes(source: &Source, faults: &mut Diagnostics) -> String {
    let (mut first, mut text_block, mut start) = (None, None, 0);
    let mut text = source.text().trim_start_matches('\u{feff}').to_owned();
    for (index, line) in source.text().split_inclusive('\n').enumerate() {
        let bare = line.trim_start_matches('\u{feff}').trim();
        let begin = start + line.len() - line.trim_start().len();
        let at = Span { start: begin, end: begin + bare.len() };
        start += line.len();
        let mark = ["\"\"\"", "```"].into_iter().find(|mark| bare.starts_with(mark));
        match (text_block, mark) {
            (Some(open), Some(mark)) if open == mark => text_block = None,
            (None, Some(mark)) if bare.len() == mark.len() || !bare[mark.len()..].contains(mark) => {
                text_block = Some(mark)
            }
            _ => {}
        }
        if text_block.is_some() || bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if !bare.starts_with('|') {
            first = None;
            continue;
        }
        match cells(bare) {
            None => {
                text = blank(&text, index + 1);
                let fault = Diagnostic::error("feature/table-row", "this row does not end with `|`");
                faults.push(
                    fault
                        .at(source, at)
                        .help("every cell stands between two `|`; a `|` within a cell is written `\\|`"),
                );
            }
            Some(count) if count != *first.get_or_insert(count) => {
                text = blank(&text, index + 1);
                let expected = first.unwrap_or_default();
                let message = format!("this row has {count} cell(s), the first row of its table has {expected}");
                let help = "write an empty cell as `|  |`; a `|` within a cell is written `\\|`";
                faults.push(Diagnostic::error("feature/table-shape", message).at(source, at).help(help));
            }
            Some(_) => {}
        }
    }
    text
}

/// How many cells a row has; `None` if it does not end as one.
fn cells(row: &str) -> Option<usize> {
    let (mut bars, mut escaped, mut last) = (0, false, 0);
    for (at, letter) in row.char_indices() {
        if letter == '|' && !escaped {
            (bars, last) = (bars + 1, at);
        }
        escaped = letter == '\\' && !escaped;
    }
    let rest = row[last + 1..].trim();
    (bars > 1 && (rest.is_empty() || rest.starts_with('#'))).then_some(bars - 1)
}

/// Words for an outline, in the languages that sentences have.
const OUTLINE: [&str; 6] = ["Outline", "Template", "大纲", "大綱", "剧本大纲", "場景大綱"];

/// Checks that outlines and their Examples fit each other. Those that do not are taken out, since what they would be is not known;
/// whether there were any is returned.
pub(super) fn outlines(source: &Source, feature: &mut Feature, faults: &mut Diagnostics) -> bool {
    let background = feature.background.iter().chain(feature.rules.iter().filter_map(|rule| rule.background.as_ref()));
    for step in background.flat_map(|background| &background.steps) {
        for name in placeholders(&step.value) {
            let message = format!("a Background has no rows, so <{name}> stands for nothing");
            faults.push(
                Diagnostic::warning("feature/background-placeholder", message)
                    .at(source, word_in(source, step.position.line, &format!("<{name}>")))
                    .help("move the step into the outline"),
            );
        }
    }
    let mut some_are_out = false;
    let mut fits = |scenario: &Scenario| {
        let before = faults.errors();
        outline(source, scenario, faults);
        // Examples whose rows were all told to be wrong have none left.
        let fits = faults.errors() == before && scenario.examples.iter().all(has_rows);
        some_are_out |= !fits;
        fits
    };
    feature.scenarios.retain(&mut fits);
    feature.rules.iter_mut().for_each(|rule| rule.scenarios.retain(&mut fits));
    some_are_out
}

fn outline(source: &Source, scenario: &Scenario, faults: &mut Diagnostics) {
    let at = line_span(source, scenario.position.line);
    let is_outline = OUTLINE.iter().any(|word| scenario.keyword.contains(word));
    if scenario.examples.is_empty() && is_outline {
        let message = format!("outline \"{}\" has no Examples, so there is nothing to run", scenario.name);
        let help = "add `Examples:` with a header and at least one row, or write `Scenario:`";
        faults.push(Diagnostic::error("feature/outline-no-examples", message).at(source, at).help(help));
    }
    // Without Examples `<x>` is a text like any other, which nobody meant: what must be absent is absent then, whatever happens.
    let mut told = BTreeSet::new();
    let unfilled = used(scenario).into_iter().filter(|_| scenario.examples.is_empty() && !is_outline);
    for (line, name) in unfilled.filter(|(_, name)| told.insert(name.clone())) {
        let message = format!("<{name}> stands for nothing: scenario \"{}\" has no Examples", scenario.name);
        let at = placeholder_in(source, line, &name);
        let help = "add Examples with a header and at least one row, or write a value in its place; a text that is to hold `<` and `>` is given by Examples too";
        faults.push(Diagnostic::error("feature/outline-no-examples", message).at(source, at).help(help));
    }
    for examples in &scenario.examples {
        let header = header(source, examples, faults);
        for (line, name) in used(scenario) {
            if !header.contains(&name) {
                let help = match nearest(&name, header.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean <{meant}>?"),
                    None => "name a column of the Examples table so, or correct the placeholder".to_owned(),
                };
                let message = format!("the outline uses <{name}>, which its Examples do not have");
                let at = placeholder_in(source, line, &name);
                faults.push(Diagnostic::error("feature/outline-column", message).at(source, at).help(help));
            }
        }
        let names: BTreeSet<String> = used(scenario).into_iter().map(|(_, name)| name).collect();
        for column in header.iter().filter(|column| !names.contains(*column)) {
            faults.push(
                Diagnostic::warning("feature/outline-unused-column", format!("no step uses <{column}>"))
                    .at(source, word_in(source, header_line(source, examples), column))
                    .help("use the column, or leave it out"),
            );
        }
    }
}

/// The columns of Examples; a table that would run nothing, or that has a column twice, is told.
fn header(source: &Source, examples: &Examples, faults: &mut Diagnostics) -> Vec<String> {
    let rows = examples.table.as_ref().map(|table| table.rows.as_slice()).unwrap_or_default();
    let header = rows.first().cloned().unwrap_or_default();
    if !has_rows(examples) && rows_written(source, examples) < 2 {
        faults.push(
            Diagnostic::error("feature/outline-no-rows", "these Examples have no row, so nothing would run")
                .at(source, line_span(source, examples.position.line))
                .help("write a header and, under it, one row for each scenario"),
        );
    }
    for (index, column) in header.iter().enumerate().filter(|(index, column)| header[..*index].contains(column)) {
        faults.push(
            Diagnostic::error(
                "feature/outline-column-twice",
                format!("column {} is called <{column}> like another", index + 1),
            )
            .at(source, word_in(source, header_line(source, examples), column))
            .help("give each column a name of its own"),
        );
    }
    header
}

fn has_rows(examples: &Examples) -> bool {
    examples.table.as_ref().is_some_and(|table| table.rows.len() > 1)
}

/// How many rows stand under Examples, those too that could not be read.
fn rows_written(source: &Source, examples: &Examples) -> usize {
    let below = source.text().lines().skip(examples.position.line).map(str::trim);
    let table = below.skip_while(|line| line.is_empty() || line.starts_with('#'));
    table.filter(|line| !line.starts_with('#')).take_while(|line| line.starts_with('|')).count()
}

/// The line of the header: comments may stand above it.
fn header_line(source: &Source, examples: &Examples) -> usize {
    let below = source.text().lines().enumerate().skip(examples.position.line);
    let mut rows = below.filter(|(_, line)| line.trim_start().starts_with('|'));
    rows.next().map_or(examples.position.line, |(index, _)| index + 1)
}

/// The placeholders of an outline, each with the line of its step.
fn used(scenario: &Scenario) -> Vec<(usize, String)> {
    let mut used: Vec<(usize, String)> =
        placeholders(&scenario.name).map(|name| (scenario.position.line, name.to_owned())).collect();
    for step in &scenario.steps {
        let cells = step.table.iter().flat_map(|table| table.rows.iter().flatten());
        let texts = [&step.value].into_iter().chain(&step.docstring).chain(cells);
        used.extend(texts.flat_map(|text| placeholders(text)).map(|name| (step.position.line, name.to_owned())));
    }
    used
}

/// What stands between `<` and `>`, as Gherkin reads it: neither beginning nor ending with a space.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(name, _)| name));
    parts.filter(|name| !name.is_empty() && name.trim() == *name)
}

/// Where a placeholder stands in a step, its table included; the whole step if it is not there.
fn placeholder_in(source: &Source, step: usize, name: &str) -> Span {
    let word = format!("<{name}>");
    let has_it = |line: &usize| source.text().lines().nth(line - 1).is_some_and(|text| text.contains(&word));
    let line = [step].into_iter().chain(argument_lines(source, step)).find(has_it).unwrap_or(step);
    word_in(source, line, &word)
}

/// Where a word stands in a line; the whole line if it is not there.
pub(super) fn word_in(source: &Source, line: usize, word: &str) -> Span {
    let whole = line_span(source, line);
    let found = source.text()[whole.start..whole.end].find(word).map(|at| whole.start + at);
    found.map_or(whole, |start| Span { start, end: start + word.len() })
}

#[cfg(test)]
mod tests {
    use super::super::FeatureFile;
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let mut faults = Diagnostics::default();
        FeatureFile::parse(Source::inline("a.feature", text), &mut faults);
        let place = |one: &Diagnostic| one.place().map_or((0, 0), |(_, line, column)| (line, column));
        faults.iter().map(|one| format!("{:?} [{}] {}", place(one), one.code, one.message)).collect()
    }

    #[test]
    fn rows_that_do_not_fit_their_header_are_told_all_at_once() {
        let text = "Feature: f\n\n  Scenario Outline: s\n    Given <time> pass\n    Examples:\n      | time | who |\n      | 1s |\n      # a word\n      | 2s | bob | too much |\n      | 3s | a \\| b |\n      | 4s | x\n";
        assert_eq!(
            told(text),
            [
                "(7, 7) [feature/table-shape] this row has 1 cell(s), the first row of its table has 2",
                "(9, 7) [feature/table-shape] this row has 3 cell(s), the first row of its table has 2",
                "(11, 7) [feature/table-row] this row does not end with `|`",
                "(6, 16) [feature/outline-unused-column] no step uses <who>",
            ]
        );
    }

    #[test]
    fn what_an_outline_would_fill_is_told_where_there_is_none() {
        let steps = "假如发布事件\"a\"\n      | b | <user> |\n    那么视图\"v\"在2s内始终不显示\"<state>\"\n    而且经过<state>\n";
        let text = format!("# language: zh-CN\n功能: f\n\n  场景: s\n    {steps}\n  场景: t\n    假如经过1s\n");
        assert_eq!(
            told(&text),
            [
                "(6, 13) [feature/outline-no-examples] <user> stands for nothing: scenario \"s\" has no Examples",
                "(7, 22) [feature/outline-no-examples] <state> stands for nothing: scenario \"s\" has no Examples",
            ]
        );
        let english = "Feature: f\n\n  Scenario: s\n    Then view \"v\" keeps not showing \"<state>\" for 2s\n";
        assert_eq!(
            told(english),
            ["(4, 38) [feature/outline-no-examples] <state> stands for nothing: scenario \"s\" has no Examples"]
        );
    }

    #[test]
    fn bars_in_a_text_are_no_table() {
        let text =
            "Feature: f\n  Scenario: s\n    Given 1s pass\n      \"\"\"\n      | a | b |\n      | c\n      \"\"\"\n";
        assert!(told(text).is_empty(), "{:?}", told(text));
    }

    #[test]
    fn an_outline_and_its_columns_must_fit_each_other() {
        let text = "Feature: f\n\n  Scenario Outline: <who> waits\n    Given <tme> pass\n      | a | <gone> |\n\n    Examples:\n      | time | who | who |\n      | 1s | a | b |\n\n  Scenario Outline: empty\n    Given <time> pass\n\n    Examples:\n      | time |\n\n  Scenario Outline: nothing at all\n    Given 1s pass\n";
        assert_eq!(
            told(text),
            [
                "(8, 16) [feature/outline-column-twice] column 3 is called <who> like another",
                "(4, 11) [feature/outline-column] the outline uses <tme>, which its Examples do not have",
                "(5, 13) [feature/outline-column] the outline uses <gone>, which its Examples do not have",
                "(8, 9) [feature/outline-unused-column] no step uses <time>",
                "(14, 5) [feature/outline-no-rows] these Examples have no row, so nothing would run",
                "(17, 3) [feature/outline-no-examples] outline \"nothing at all\" has no Examples, so there is nothing to run",
            ]
        );
    }
}
