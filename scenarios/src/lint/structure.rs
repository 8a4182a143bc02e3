//! What Gherkin passes over in silence, and whether contract and system fit each other.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use eventproof_contract::Contract;
use eventproof_source::{Diagnostic, Diagnostics, Source, Span, nearest};
use eventproof_system::AlertValue;

use super::argument_lines;
use super::follows::followed;
use crate::catalogue::Matcher;
use crate::pack::Pack;
use crate::plan::{FeatureFile, headings, line_span, step_keywords};

/// Scenarios without steps, steps that Gherkin takes for a description, and scenarios that share a name.
pub(crate) fn structure(file: &FeatureFile, matcher: &Matcher, faults: &mut Diagnostics) {
    let feature = &file.feature;
    mistyped(file, matcher, faults);
    let scenarios = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for scenario in scenarios {
        let at = line_span(&file.source, scenario.position.line);
        if scenario.steps.is_empty() {
            faults.push(
                Diagnostic::error(
                    "feature/no-steps",
                    format!("scenario \"{}\" has no step, so it would prove nothing", scenario.name),
                )
                .at(&file.source, at)
                .help(format!(
                    "a mistyped keyword makes a step part of the description: {}",
                    step_keywords(file.language())
                )),
            );
        }
        if let Some((_, line)) = seen.iter().find(|(name, _)| *name == scenario.name) {
            faults.push(
                Diagnostic::warning(
                    "feature/name-twice",
                    format!("scenario \"{}\" has the name of the one in line {line}", scenario.name),
                )
                .at(&file.source, at)
                .help("reports and --name tell scenarios by their names"),
            );
        }
        seen.push((&scenario.name, scenario.position.line));
    }
    if seen.is_empty() {
        faults.push(
            Diagnostic::warning("feature/no-scenarios", "this feature has no scenario")
                .at(&file.source, Span { start: 0, end: 0 }),
        );
    }
}

/// Scenarios of different files that share a name. (Rows of an outline are told within their file.)
pub(crate) fn names_over_files(pack: &Pack, faults: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, (&FeatureFile, usize)> = BTreeMap::new();
    for file in &pack.features {
        let rules = file.feature.rules.iter().flat_map(|rule| &rule.scenarios);
        for scenario in file.feature.scenarios.iter().chain(rules) {
            let line = scenario.position.line;
            let (first, at) = *seen.entry(&scenario.name).or_insert((file, line));
            if first.source.path() != file.source.path() {
                let place = format!("{}:{at}", first.source.path().display());
                let message = format!("scenario \"{}\" has the name of the one at {place}", scenario.name);
                faults.push(
                    Diagnostic::warning("feature/name-twice", message)
                        .at(&file.source, line_span(&file.source, line))
                        .help("reports and --name tell scenarios by their names"),
                );
            }
        }
    }
}

/// A line above the first step of a scenario that would be a step, had it a keyword.
fn mistyped(file: &FeatureFile, matcher: &Matcher, faults: &mut Diagnostics) {
    let feature = &file.feature;
    let backgrounds = feature.background.iter().chain(feature.rules.iter().filter_map(|rule| rule.background.as_ref()));
    let scenarios = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    let described = scenarios
        .map(|one| (&one.description, &one.steps, one.span.start))
        .chain(backgrounds.map(|one| (&one.description, &one.steps, one.span.start)));
    let begins = begins(file);
    // Rows of an outline share its lines.
    let mut told = BTreeSet::new();
    for (_, steps, start) in described.filter(|(description, ..)| description.is_some()) {
        let first = file.source.line_column(start).0;
        // What has no step at all ends where the next part begins.
        let next = begins.range(first + 1..).next().copied().unwrap_or(usize::MAX);
        let last = steps.first().map_or(next, |step| step.position.line);
        for (index, line) in file.source.text().lines().enumerate().skip(first).take(last.saturating_sub(first + 1)) {
            let heading = mistyped_heading(line.trim(), file.language());
            let found = heading.map(|(word, _)| word).or_else(|| missing_keyword(line.trim(), matcher));
            let Some(word) = found.filter(|_| told.insert(index)) else { continue };
            let message = match word {
                word if heading.is_some() => {
                    format!("`{word}` is no keyword, so this line would be taken for a description")
                }
                "" => "this step has no keyword, so it would be taken for a description".to_owned(),
                word => format!("`{word}` is no keyword, so this step would be taken for a description"),
            };
            faults.push(
                Diagnostic::error("feature/mistyped-keyword", message)
                    .at(&file.source, line_span(&file.source, index + 1))
                    .help(match heading {
                        Some((_, meant)) => format!("did you mean `{meant}:`?"),
                        None => step_keywords(file.language()),
                    }),
            );
        }
    }
}

/// The lines in which the parts of a feature begin.
fn begins(file: &FeatureFile) -> BTreeSet<usize> {
    let feature = &file.feature;
    let backgrounds = feature.background.iter().chain(feature.rules.iter().filter_map(|rule| rule.background.as_ref()));
    let scenarios = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    let rules = feature.rules.iter().map(|rule| rule.span.start);
    let starts = backgrounds.map(|one| one.span.start).chain(scenarios.map(|one| one.span.start)).chain(rules);
    starts.map(|start| file.source.line_column(start).0).collect()
}

/// The word before a colon that is nearly such a keyword, and the one that was meant.
fn mistyped_heading<'a>(line: &'a str, language: &str) -> Option<(&'a str, &'static str)> {
    let (word, _) = line.split_once([':', '：'])?;
    let meant = nearest(word, headings(language)).filter(|meant| *meant != word)?;
    Some((word, meant))
}

/// The word that stands where a keyword should, if what follows it is a step; empty if all of the line is one.
fn missing_keyword<'a>(line: &'a str, matcher: &Matcher) -> Option<&'a str> {
    let is_step = |text: &str| !matcher.all_matches(text.trim()).is_empty();
    if is_step(line) {
        return Some("");
    }
    // Some languages have keywords of several words, such as `Étant donné que`.
    let spaces = line.match_indices(' ').map(|(at, _)| at).take(3);
    let spaced = spaces.map(|at| line.split_at(at)).find(|(_, rest)| is_step(rest)).map(|(word, _)| word);
    // Chinese has no space behind its keywords, which are of one to three letters.
    let unspaced = || {
        let ends = line.char_indices().skip(1).take(3).map(|(at, _)| at);
        let mut ends = ends.filter(|at| !line[..*at].is_ascii());
        ends.find(|at| is_step(&line[*at..])).map(|at| &line[..at])
    };
    spaced.or_else(unspaced)
}

/// A step's table as pairs; every table of a built-in sentence has two columns.
pub(crate) fn table_pairs(
    source: &Source,
    step: &gherkin::Step,
    table: &[Vec<String>],
    faults: &mut Diagnostics,
) -> Vec<(String, String)> {
    if step.docstring.is_some() {
        faults.push(
            Diagnostic::error(
                "feature/text-unused",
                "no sentence takes a text block, so this one would be passed over",
            )
            .at(source, line_span(source, step.position.line + 1))
            .help("write what it holds as a table: `| field | value |`"),
        );
    }
    let lines = argument_lines(source, step.position.line);
    let line_of = |index: usize| lines.get(index).copied().unwrap_or(step.position.line);
    let mut pairs = Vec::new();
    for (index, row) in table.iter().enumerate() {
        match row.as_slice() {
            [name, value] => pairs.push((name.trim().to_owned(), value.trim().to_owned())),
            other => faults.push(
                Diagnostic::error(
                    "feature/table",
                    format!("this row has {} columns, a field and its value are two", other.len()),
                )
                .at(source, line_span(source, line_of(index)))
                .help("write `| field | value |`"),
            ),
        }
    }
    pairs
}

/// Promises that cannot be proved because the contract does not say where an event carries its id.
fn unprovable(pack: &Pack) -> Option<Diagnostic> {
    let taken =
        |name: &str| pack.contract.receivers(name).any(|operation| operation.present && operation.group.is_some());
    let without: Vec<&str> = pack
        .contract
        .messages
        .iter()
        .filter(|message| message.envelope.id.is_none() && taken(&message.name))
        .map(|message| message.name.as_str())
        .collect();
    let message = format!(
        "no event id is said of {}: idempotency, exactly once, and which of two events of a key was lost cannot be proved",
        without.join(", ")
    );
    let help =
        "say where it stands by `envelope: {id: …}`; until then such events are known by their key and unique fields";
    (!without.is_empty()).then(|| Diagnostic::warning("pack/no-event-id", message).help(help))
}

/// Where a name first stands by itself in a file.
fn word(source: &Source, name: &str) -> Option<Span> {
    let is_part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let found = source.text().match_indices(name).find(|(at, _)| {
        let (before, after) = (&source.text()[..*at], &source.text()[at + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    });
    found.map(|(start, _)| Span { start, end: start + name.len() })
}

/// Services of operations that nobody runs, by a slip of the hand: nothing that the contract says of them would be looked at.
fn services(pack: &Pack, faults: &mut Diagnostics) {
    let known: Vec<&str> = pack.system.services.iter().map(|service| service.name.as_str()).collect();
    let mut told = BTreeSet::new();
    // Only for where it stands.
    let source = LazyCell::new(|| Source::read(&Contract::file_in(&pack.folder)).ok());
    for operation in pack.contract.operations.iter().filter(|operation| operation.present) {
        let Some(service) = operation.service.as_deref().filter(|name| !known.contains(name)) else { continue };
        if !told.insert(service) {
            continue;
        }
        let message = format!("service `{service}` of operation `{}` is not in system.yaml", operation.name);
        let help = match nearest(service, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name it there, or mark the operation `x-eventproof: {present: false}`".to_owned(),
        };
        let fault = Diagnostic::error("pack/unknown-name", message).help(help);
        faults.push(match source.as_ref().and_then(|source| Some((source, word(source, service)?))) {
            Some((source, at)) => fault.at(source, at),
            None => fault,
        });
    }
}

/// Names in system.yaml that only the contract can know.
pub(crate) fn cross_check(pack: &Pack) -> Diagnostics {
    let mut faults = Diagnostics::default();
    unprovable(pack).into_iter().for_each(|warning| faults.push(warning));
    services(pack, &mut faults);
    let groups = pack.contract.groups();
    let messages: Vec<&str> = pack.contract.messages.iter().map(|message| message.name.as_str()).collect();
    let file = pack.folder.join("system.yaml");
    let text = Source::read(&file).ok();
    let mut unknown = |what: &str, name: &str, known: &[&str]| {
        let help = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("asyncapi.yaml has: {}", known.join(", ")),
        };
        let message = format!("{what} `{name}` is not in asyncapi.yaml");
        let fault = Diagnostic::error("pack/unknown-name", message).help(help);
        faults.push(match text.as_ref().and_then(|source| Some((source, word(source, name)?))) {
            Some((source, at)) => fault.at(source, at),
            None => fault,
        });
    };
    let known_groups: Vec<&str> = groups.keys().map(String::as_str).collect();
    for group in &pack.system.groups {
        if !groups.contains_key(&group.name) {
            unknown("group", &group.name, &known_groups);
        }
        if let Some(canary) = group.canary.as_deref().filter(|canary| !messages.contains(canary)) {
            unknown("message", canary, &messages);
        }
    }
    for view in pack.system.views.iter().filter(|view| !groups.contains_key(&view.group)) {
        unknown("group", &view.group, &known_groups);
    }
    for alert in &pack.system.alerts {
        if let AlertValue::Lag(group) = &alert.value
            && !groups.contains_key(group)
        {
            unknown("group", group, &known_groups);
        }
    }
    for follows in pack.system.actions.iter().filter_map(|action| action.publishes.as_ref()) {
        if !messages.contains(&follows.message.as_str()) {
            unknown("message", &follows.message, &messages);
        }
    }
    if let Some(source) = &text {
        faults.extend(followed(pack, source));
    }
    for group in known_groups.iter().filter(|group| pack.system.group(group).is_none()) {
        let message = format!("group `{group}` of asyncapi.yaml is not in {}", file.display());
        let help = "name its service (and a canary) there, or mark the operation `x-eventproof: {present: false}`";
        faults.push(Diagnostic::error("pack/group-without-service", message).help(help));
    }
    faults
}
