//! `lint`: everything that can be known without running.

use std::path::PathBuf;

use eventproof_scenarios::{Holds, Inspection};
use eventproof_source::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use crate::args::LintFormat;
use crate::{exit, output};

pub fn lint(folders: &[PathBuf], format: LintFormat) -> u8 {
    let (mut found, mut summaries) = (Diagnostics::default(), Vec::new());
    for inspection in folders.iter().map(|folder| Inspection::of(folder)) {
        found.extend(inspection.found);
        summaries.extend(inspection.holds.as_ref().map(summary));
    }
    match format {
        LintFormat::Text if found.is_empty() => {}
        LintFormat::Text => output::result(found.render(output::color()).trim_end()),
        LintFormat::Json => {
            output::result(&json!({"found": found.iter().map(as_json).collect::<Vec<_>>()}).to_string())
        }
        LintFormat::Github => found.iter().for_each(|one| output::result(&annotation(one))),
    }
    if found.has_errors() {
        return exit::USAGE;
    }
    if format == LintFormat::Text {
        summaries.iter().for_each(|summary| output::result(summary));
    }
    exit::HELD
}

fn summary(holds: &Holds) -> String {
    let Holds { name, scenarios, messages, topics, profiles, faults } = holds;
    format!(
        "{name}: {scenarios} scenarios, {messages} messages on {topics} topics, {profiles} load profiles, {faults} faults: nothing is wrong"
    )
}

fn word(one: &Diagnostic) -> &'static str {
    match one.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn as_json(one: &Diagnostic) -> Value {
    let (file, line, column) =
        one.place().map_or((None, None, None), |(file, line, column)| (Some(file), Some(line), Some(column)));
    json!({
        "severity": word(one), "code": one.code, "message": one.message, "file": file, "line": line, "column": column,
        "label": one.label, "help": one.help,
    })
}

/// `::error file=…,line=…,col=…,title=…::message`, with what such commands escape.
fn annotation(one: &Diagnostic) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let place = one
        .place()
        .map_or_else(String::new, |(file, line, column)| format!("file={},line={line},col={column},", property(&file)));
    let help = one.help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
    format!("::{} {place}title={}::{}", word(one), property(one.code), escaped(&format!("{}{help}", one.message)))
}

#[cfg(test)]
mod tests {
    use eventproof_source::{Source, Span};

    use super::*;

    #[test]
    fn an_annotation_has_its_place_and_no_line_breaks() {
        let source = Source::inline("a, b.feature", "one\ntwo\n");
        let fault =
            Diagnostic::error("feature/x", "50 % wrong").at(&source, Span { start: 4, end: 7 }).help("do:\nthis");
        assert_eq!(
            annotation(&fault),
            "::error file=a%2C b.feature,line=2,col=1,title=feature/x::50 %25 wrong%0Ado:%0Athis"
        );
        assert_eq!(as_json(&fault)["line"], 2);
    }
}
