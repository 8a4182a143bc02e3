//! Reading `phrases.yaml`.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, parse_yaml};

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
    fields.required("does", faults)?;
    let does = fields.list("does");
    fields.finish(faults);
    let kinds = kinds(&given, node, source, faults);
    for form in &forms {
        if let Err(error) = Compiled::new(form, &kinds) {
            let message = format!("`{form}` is no cucumber expression: {error}");
            faults.push(Diagnostic::error("phrases/expression", message).at(source, node.span));
        }
    }
    let does: Vec<PhraseStep> = does.iter().filter_map(|step| phrase_step(step, source, faults)).collect();
    unused_parameters(&forms, &kinds, &does, node, source, faults);
    Some(Phrase { forms, meaning, kinds, does, source: source.clone(), span: node.span })
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
    let compiled: Vec<Compiled> = forms.iter().filter_map(|form| Compiled::new(form, kinds).ok()).collect();
    let taken: BTreeSet<&str> = compiled.iter().flat_map(Compiled::names).collect();
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
    for name in kinds.keys().filter(|name| !taken.contains(name.as_str())) {
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
