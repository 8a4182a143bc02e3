//! Reading feature files: Gherkin's own parser, with every fault placed, and the silences of Gherkin made loud.

use std::ops::Range;
use std::path::{Path, PathBuf};

use cucumber::feature::Ext as _;
use eventproof_source::{Diagnostic, Diagnostics, Source, Span, nearest};
use gherkin::{Feature, GherkinEnv};

use super::{colons, language, tables};

/// A feature file that was parsed.
#[derive(Clone, Debug)]
pub struct FeatureFile {
    pub source: Source,
    /// Outlines are expanded: one scenario for each row.
    pub feature: Feature,
    /// The lines of each scenario, and of each outline as a whole, from its tags on.
    pub blocks: Vec<Range<usize>>,
    /// Whether scenarios were taken out that could not be read.
    pub(crate) is_partial: bool,
}

impl FeatureFile {
    /// Reads every `*.feature` below a folder, in the order of their names.
    pub fn read_all(folder: &Path, faults: &mut Diagnostics) -> Vec<FeatureFile> {
        let mut paths = Vec::new();
        collect(folder, &mut paths);
        paths.sort();
        paths
            .iter()
            .filter_map(|path| match Source::read(path) {
                Ok(source) => FeatureFile::parse(source, faults),
                Err(diagnostic) => {
                    faults.push(diagnostic);
                    None
                }
            })
            .collect()
    }

    /// Parses one file. What is no Gherkin is told and passed over, so that all that is wrong with the rest is told too.
    pub fn parse(source: Source, faults: &mut Diagnostics) -> Option<FeatureFile> {
        let text = source.text().trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            faults.push(
                Diagnostic::error("feature/empty", "the feature file is empty")
                    .at(&source, Span { start: 0, end: 0 })
                    .help("write a `Feature:` with at least one `Scenario:`, or remove the file"),
            );
            return None;
        }
        if !language::is_known(&source, faults) || language::is_unsaid(&source, faults) {
            return None;
        }
        let text = language::trimmed(&source, tables::shapes(&source, faults));
        let mut text = colons::narrowed(&source, &text, faults);
        let mut feature = parse_all(&source, &mut text, faults)?;
        feature.path = Some(PathBuf::from(source.path()));
        let blocks = blocks(&text, &feature);
        let is_partial = tables::outlines(&source, &mut feature, faults);
        match feature.expand_examples() {
            Ok(feature) => Some(FeatureFile { source, feature, blocks, is_partial }),
            Err(error) => {
                let at = line_span(&source, error.pos.line);
                let message = format!("the outline uses <{}>, which its Examples do not have", error.name);
                let help = "name a column of the Examples table so, or correct the placeholder";
                faults.push(Diagnostic::error("feature/outline-column", message).at(&source, at).help(help));
                None
            }
        }
    }

    /// The language of the file: `en` unless its first line says otherwise.
    pub fn language(&self) -> &str {
        language::of(&self.source)
    }

    /// Every step, of backgrounds too; those of an outline once for each of its rows.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &gherkin::Step> {
        let feature = &self.feature;
        let backgrounds =
            feature.background.iter().chain(feature.rules.iter().filter_map(|rule| rule.background.as_ref()));
        let scenarios = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
        backgrounds.flat_map(|one| &one.steps).chain(scenarios.flat_map(|one| &one.steps))
    }

    /// The path as it was given.
    pub fn path(&self) -> String {
        self.source.path().display().to_string()
    }
}

/// How many faults of Gherkin's grammar are told of one file: behind so many the rest is more noise than help.
const MOST_FAULTS: usize = 20;

/// Parses a text; a line that is no Gherkin is told, and read as what it was meant to be, or passed over.
fn parse_all(source: &Source, text: &mut String, faults: &mut Diagnostics) -> Option<Feature> {
    for _ in 0..MOST_FAULTS {
        let error = match Feature::parse(text.as_str(), GherkinEnv::default()) {
            Ok(feature) => return Some(feature),
            Err(error) => error,
        };
        let Unread { line, word, meant, fault } = syntax(source, text, &error);
        faults.push(fault);
        let colon = |meant: &str, one: &str| one.replacen(&format!("{meant}："), &format!("{meant}:"), 1);
        let mended = match meant {
            Some(meant) => replaced(text, line, |one| colon(meant, &one.replacen(&word, meant, 1))),
            None => blank(text, line),
        };
        if mended == *text {
            break;
        }
        *text = mended;
    }
    None
}

/// The text with a comment in place of a line (from 1); all others stay where they are.
pub(super) fn blank(text: &str, line: usize) -> String {
    replaced(text, line, |one| format!("#{}", if one.ends_with('\n') { "\n" } else { "" }))
}

fn replaced(text: &str, line: usize, with: impl Fn(&str) -> String) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines.map(|(index, one)| if index + 1 == line { with(one) } else { one.to_owned() }).collect()
}

/// A scenario begins with its tags, and ends where the next one begins.
fn blocks(text: &str, feature: &Feature) -> Vec<Range<usize>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let first_tag = |line: usize| {
        let is_tag = |above: &usize| lines.get(above - 1).is_some_and(|text| text.starts_with('@'));
        (1..line).rev().take_while(is_tag).last().unwrap_or(line)
    };
    let all = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    let mut begins: Vec<usize> = all.map(|scenario| first_tag(scenario.position.line)).collect();
    begins.sort_unstable();
    let ends = begins.iter().skip(1).copied().chain([lines.len() + 1]);
    begins.iter().copied().zip(ends).map(|(from, to)| from..to).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "feature") {
            into.push(path);
        }
    }
}

/// A line that Gherkin does not read.
struct Unread {
    line: usize,
    /// What it begins with, and the keyword that this was to be, if one is near.
    word: String,
    meant: Option<&'static str>,
    fault: Diagnostic,
}

fn syntax(source: &Source, parsed: &str, error: &gherkin::ParseError) -> Unread {
    // The error keeps its place to itself; its text begins "Error at LINE:COLUMN: {expected}".
    let text = error.to_string();
    let rest = text.trim_start_matches("Error at ");
    let line = rest.split(':').next().and_then(|line| line.parse::<usize>().ok()).unwrap_or(1);
    let line = unread(parsed, line);
    let expected = rest.splitn(3, ':').nth(2).unwrap_or_default().trim();
    let at = first_word(source, line);
    let word = source.text()[at.start..at.end].to_owned();
    let language = language::of(source);
    let meant = nearest(&word, language::keywords(language)).filter(|known| *known != word);
    let (message, label) = match meant {
        Some(known) => {
            let colon = if source.text()[at.end..].starts_with('：') { ":" } else { "" };
            (format!("`{word}` is no keyword of Gherkin"), format!("did you mean `{known}{colon}`?"))
        }
        None => ("this is no Gherkin".to_owned(), format!("expected one of {expected}")),
    };
    let fault = Diagnostic::error("feature/syntax", message)
        .at(source, if meant.is_some() { at } else { line_span(source, line) })
        .label(label)
        .help(match language {
            "en" if !word.is_ascii() => {
                "without `# language: …` (such as `# language: fr`) in the first line keywords are English".to_owned()
            }
            "en" | "zh-CN" => "a feature has `Feature:`, scenarios have `Scenario:`, steps begin with Given, When, Then, And, But or *; in Chinese 功能, 场景, 假如, 当, 那么, 而且, 但是".to_owned(),
            other => format!("keywords are those that Gherkin has in language `{other}`, as the first line says"),
        });
    Unread { line, word, meant, fault }
}

/// The line that is not read. The parser's place lies as far behind it as it looked for a keyword, maybe some lines.
fn unread(text: &str, before: usize) -> usize {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let reads = |count: &usize| Feature::parse(lines[..*count].concat(), GherkinEnv::default()).is_ok();
    let read = (1..=before.min(lines.len())).rev().find(reads).unwrap_or(0);
    let means_nothing = |line: &str| line.is_empty() || line.starts_with(['#', '@']);
    let next = lines.iter().enumerate().skip(read).find(|(_, line)| !means_nothing(line.trim()));
    next.map_or(before, |(index, _)| index + 1)
}

/// The word with which a line begins.
fn first_word(source: &Source, line: usize) -> Span {
    let whole = line_span(source, line);
    let length = source.text()[whole.start..whole.end].find([':', '：', ' ']).unwrap_or(whole.end - whole.start);
    Span { start: whole.start, end: whole.start + length }
}

/// The text of a line (from 1), without its indentation and end.
pub(crate) fn line_span(source: &Source, line: usize) -> Span {
    let mut start = 0;
    for (number, text) in source.text().split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let indent = text.len() - text.trim_start().len();
            return Span { start: start + indent.min(text.trim_end().len()), end: start + text.trim_end().len() };
        }
        start += text.len();
    }
    Span { start, end: start }
}
