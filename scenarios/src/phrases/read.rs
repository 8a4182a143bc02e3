//! Reading `phrases.yaml`.

use std::collections::HashMap;
use std::path::Path;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source, parse_yaml};

use super::{Phrase, PhraseStep, Phrases};
use crate::catalogue::{Compiled, Kind};

impl Phrases {
    /// Reads phrases: or every fault.
    pub fn read(path: &Path) -> Result<Phrases, Diagnostics> {
        Phrases::parse(&Source::read(path)?)
    }

    /// Reads phrases from a text.
    pub fn parse(source: &Source) -> Result<Phrases, Diagnostics> {
        let root = parse_yaml(source)?;
        let mut faults = Diagnostics::default();
        let mut list = Vec::new();
        if let Some(mut fields) = Fields::of(&root, source, "phrases.yaml", &mut faults) {
            fields.required("phrases", &mut faults);
            let nodes = fields.list("phrases");
            fields.finish(&mut faults);
            list = nodes.iter().filter_map(|node| phrase(node, source, &mut faults)).collect();
        }
        if faults.has_errors() { Err(faults) } else { Ok(Phrases { list }) }
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
    let does = does.iter().filter_map(|step| phrase_step(step, source, faults)).collect();
    Some(Phrase { forms, meaning, kinds, does, source: source.clone(), span: node.span })
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
