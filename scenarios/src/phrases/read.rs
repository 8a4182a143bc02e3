//! Reading `phrases.yaml`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, Span, nearest, parse_yaml};

use super::{Phrase, PhraseStep, Phrases};
use crate::catalogue::{Compiled, Kind};

impl Phrases {
    /// Reads phrases; a file that is not there has none. What is wrong is told, and the rest taken.
    pub fn read(path: &Path, faults: &mut Diagnostics) -> Phrases {
        if !path.exists() {
            return Phrases::default();
        }
        match Source::read(path) {
            Ok(source) => Phrases::parse(&source, faults),
            Err(fault) => {
                faults.push(fault);
                Phrases::default()
            }
        }
    }

    /// Reads phrases from a text.
    pub fn parse(source: &Source, faults: &mut Diagnostics) -> Phrases {
        let root = match parse_yaml(source) {
            Ok(root) => root,
            Err(found) => {
                faults.extend(found);
                return Phrases::default();
            }
        };
        let Some(mut fields) = Fields::of(&root, source, "phrases.yaml", faults) else { return Phrases::default() };
        fields.required("phrases", faults);
        let nodes = fields.list("phrases");
        fields.finish(faults);
        Phrases { list: nodes.iter().filter_map(|node| phrase(node, source, faults)).collect() }
    }
}

fn phrase(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Phrase> {
    let mut fields = Fields::of(node, source, "a phrase", faults)?;
    fields.required("say", faults)?;
    let forms = fields.strings("say", faults);
    let meaning = fields.string("meaning", faults).unwrap_or_default();
    let given = fields.texts("parameters", faults);
    let does = steps_of(&mut fields, node, source, faults);
    fields.finish(faults);
    let does = does?;
    let kinds = kinds(&given, node, source, faults);
    for form in &forms {
        if let Err(error) = Compiled::new(form, &kinds) {
            let message = format!("`{form}` is no cucumber expression: {error}");
            faults.push(Diagnostic::error("phrases/expression", message).at(source, node.span));
        }
    }
    let does: Vec<PhraseStep> = does.iter().filter_map(|step| phrase_step(step, source, faults)).collect();
    unused_parameters(&forms, &kinds, &does, node, source, faults);
    mistyped_parameters(&forms, &kinds, &does, source, faults);
    Some(Phrase { forms, meaning, kinds, does, source: source.clone(), span: node.span })
}

/// What a phrase does; without a step it would hold always.
fn steps_of<'a>(fields: &mut Fields<'a>, node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<&'a [Node]> {
    let all = fields.list("does");
    if !all.is_empty() {
        return Some(all);
    }
    // A key that is nearly this one is told as an unknown one.
    let is_mistyped = node.entries().unwrap_or_default().iter().any(|one| nearest(&one.key, ["does"]).is_some());
    if let Some(does) = node.get("does") {
        let fault = Diagnostic::error("phrases/no-steps", "this phrase does nothing, so it would hold always");
        faults.push(fault.at(source, does.span).help("write what it does: one built-in sentence or more"));
    } else if !is_mistyped {
        fields.required("does", faults);
    }
    None
}

/// The parameters that the forms of a phrase take.
fn taken(forms: &[String], kinds: &HashMap<String, Kind>) -> BTreeSet<String> {
    let compiled = forms.iter().filter_map(|form| Compiled::new(form, kinds).ok());
    compiled.flat_map(|one| one.names().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A name that is nearly a parameter's would be a fresh identity, which nothing has.
fn mistyped_parameters(
    forms: &[String],
    kinds: &HashMap<String, Kind>,
    does: &[PhraseStep],
    source: &Source,
    faults: &mut Diagnostics,
) {
    let taken = taken(forms, kinds);
    for step in does {
        let texts = [&step.text].into_iter().chain(step.table.iter().map(|(_, value)| value));
        let names: BTreeSet<&str> = texts.flat_map(|text| innermost(text)).collect();
        for name in names.into_iter().filter(|name| !taken.contains(*name)) {
            let Some(meant) = nearest(name, taken.iter().map(String::as_str)) else { continue };
            let message = format!("{{{name}}} is no parameter of the phrase, so it stands for a fresh identity");
            let fault =
                Diagnostic::warning("phrases/unknown-parameter", message).at(source, place_of(name, step, source));
            faults.push(fault.help(format!("did you mean {{{meant}}}?")));
        }
    }
}

/// The names in braces that hold no braces themselves: what a phrase's parameters are filled into.
fn innermost(text: &str) -> impl Iterator<Item = &str> {
    let opened = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    opened.filter(|name| !name.is_empty() && !name.contains('.'))
}

/// Where a name in braces stands in a step of a phrase.
fn place_of(name: &str, step: &PhraseStep, source: &Source) -> Span {
    let word = format!("{{{name}}}");
    let found = source.text()[step.span.start..].find(&word);
    found.map_or(step.span, |at| Span { start: step.span.start + at, end: step.span.start + at + word.len() })
}

/// A parameter that a form takes and no step uses is left over, or written otherwise than was meant.
fn unused_parameters(
    forms: &[String],
    kinds: &HashMap<String, Kind>,
    does: &[PhraseStep],
    node: &Node,
    source: &Source,
    faults: &mut Diagnostics,
) {
    let taken = taken(forms, kinds);
    let uses = |name: &str| {
        let placeholder = format!("{{{name}}}");
        let mut texts =
            does.iter().flat_map(|step| std::iter::once(&step.text).chain(step.table.iter().map(|(_, value)| value)));
        texts.any(|text| text.contains(&placeholder))
    };
    for name in taken.iter().filter(|name| !uses(name)) {
        let message = format!("no step of the phrase uses its parameter {{{name}}}");
        let fault = Diagnostic::warning("phrases/unused-parameter", message).at(source, node.span);
        faults.push(fault.help("use it, or write the text itself in its place"));
    }
    for name in kinds.keys().filter(|name| !taken.contains(*name)) {
        let message = format!("`{name}` has a kind, and no form of the phrase takes it");
        let at = node.get("parameters").and_then(|parameters| parameters.get(name)).unwrap_or(node);
        let fault = Diagnostic::warning("phrases/unused-parameter", message).at(source, at.span);
        faults.push(fault.help("write it as {name} in `say`, or leave it out"));
    }
}

fn kinds(given: &[(String, String)], node: &Node, source: &Source, faults: &mut Diagnostics) -> HashMap<String, Kind> {
    let mut kinds = HashMap::new();
    for (name, kind) in given {
        match Kind::named(kind) {
            Some(kind) => {
                kinds.insert(name.clone(), kind);
            }
            None => {
                let known: Vec<&str> = Kind::names().collect();
                let message = format!("`{kind}` is no kind of parameter; there are {}", known.join(", "));
                let at = node.get("parameters").and_then(|parameters| parameters.get(name)).unwrap_or(node);
                faults.push(Diagnostic::error("phrases/kind", message).at(source, at.span));
            }
        }
    }
    kinds
}

/// A sentence alone, or `step` with a table.
fn phrase_step(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<PhraseStep> {
    if let Some(text) = node.as_str() {
        return Some(PhraseStep { text: text.to_owned(), table: Vec::new(), span: node.span });
    }
    let mut fields = Fields::of(node, source, "a step of a phrase", faults)?;
    let text = fields.required_string("step", faults);
    let table = fields.texts("with", faults);
    fields.finish(faults);
    Some(PhraseStep { text: text?, table, span: node.span })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(phrase: &str) -> Vec<String> {
        let mut faults = Diagnostics::default();
        Phrases::parse(&Source::inline("phrases.yaml", &format!("phrases:\n{phrase}")), &mut faults);
        let line = |one: &Diagnostic| {
            let (_, line, column) = one.place().unwrap_or_default();
            format!("{line}:{column} [{}] {}; {}", one.code, one.message, one.help.clone().unwrap_or_default())
        };
        faults.iter().map(line).collect()
    }

    #[test]
    fn a_name_that_is_nearly_a_parameter_is_told_at_its_place() {
        let phrase = "  - say: '{title} of {task} is gone'\n    parameters: {task: ref}\n    does:\n      - {step: 'no \"x\" came before it', with: {/title: '{titel}', /task: '{{tsk}.task}', /who: '{somebody}'}}\n      - '{title} is in no log and on no topic, {{task}.task}'\n";
        assert_eq!(
            told(phrase),
            [
                "5:57 [phrases/unknown-parameter] {titel} is no parameter of the phrase, so it stands for a fresh identity; did you mean {title}?",
                "5:76 [phrases/unknown-parameter] {tsk} is no parameter of the phrase, so it stands for a fresh identity; did you mean {task}?",
            ]
        );
    }

    #[test]
    fn a_phrase_without_a_step_is_refused() {
        assert_eq!(
            told("  - say: all is well\n    does: []\n"),
            [
                "3:11 [phrases/no-steps] this phrase does nothing, so it would hold always; write what it does: one built-in sentence or more"
            ]
        );
        assert_eq!(told("  - say: all is well\n"), ["2:5 [yaml/missing-key] a phrase has no `does`; "]);
        assert_eq!(
            told("  - say: all is well\n    dos: [1s pass]\n"),
            ["3:5 [yaml/unknown-key] unknown key `dos`; did you mean `does`?"]
        );
    }
}
