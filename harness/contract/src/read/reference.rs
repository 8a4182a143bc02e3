//! `$ref`s within a document.

use eventproof_source::{Diagnostic, Diagnostics, Node, Source, Value, nearest};
use serde_json::Value as Json;

/// References that follow each other before a circle is assumed.
const LONGEST: usize = 32;

/// A document whose references can be followed.
pub(super) struct Document<'a> {
    pub source: &'a Source,
    pub root: &'a Node,
}

impl<'a> Document<'a> {
    /// The node itself, or the one that its `$ref` leads to, with the reference that led there.
    pub fn follow(&self, node: &'a Node, faults: &mut Diagnostics) -> Option<(&'a Node, Option<&'a str>)> {
        let mut at = node;
        let mut by = None;
        for _ in 0..LONGEST {
            let Some(reference) = at.get("$ref") else { return Some((at, by)) };
            let text = self.reference_text(reference, faults)?;
            by = Some(text);
            at = self.find(text, reference, faults)?;
        }
        let message = "these references lead round in a circle".to_owned();
        faults.push(Diagnostic::error("contract/circular-reference", message).at(self.source, node.span));
        None
    }

    fn reference_text(&self, reference: &'a Node, faults: &mut Diagnostics) -> Option<&'a str> {
        let text = reference.as_str();
        if text.is_none() {
            let message = format!("`$ref` must be a text, this is {}", reference.kind());
            faults.push(Diagnostic::error("contract/reference", message).at(self.source, reference.span));
        }
        text
    }

    fn find(&self, text: &str, reference: &Node, faults: &mut Diagnostics) -> Option<&'a Node> {
        let Some(pointer) = text.strip_prefix('#') else {
            faults.push(
                Diagnostic::error("contract/reference-to-file", "references to other files are not read yet")
                    .at(self.source, reference.span)
                    .help("put what it refers to under `components` of this document"),
            );
            return None;
        };
        let mut at = self.root;
        for name in pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")) {
            let Some(next) = at.get(&name) else {
                faults.push(self.nothing_there(text, &name, at, reference));
                return None;
            };
            at = next;
        }
        Some(at)
    }

    fn nothing_there(&self, text: &str, name: &str, at: &Node, reference: &Node) -> Diagnostic {
        let known: Vec<&str> = at.entries().unwrap_or_default().iter().map(|entry| entry.key.as_str()).collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        Diagnostic::error("contract/dangling-reference", format!("`{text}` leads nowhere: there is no `{name}`"))
            .at(self.source, reference.span)
            .help(help)
    }

    /// A schema as JSON, with its references filled in.
    pub fn schema(&self, node: &'a Node, faults: &mut Diagnostics) -> Option<Json> {
        self.filled(node, 0, faults)
    }

    fn filled(&self, node: &'a Node, depth: usize, faults: &mut Diagnostics) -> Option<Json> {
        if depth > LONGEST {
            let message = "this schema refers to itself: such schemas are not read yet".to_owned();
            faults.push(Diagnostic::error("contract/recursive-schema", message).at(self.source, node.span));
            return None;
        }
        let (node, _) = self.follow(node, faults)?;
        match &node.value {
            Value::Map(entries) => {
                let filled = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.filled(&entry.value, depth + 1, faults)?)));
                filled.collect::<Option<serde_json::Map<_, _>>>().map(Json::Object)
            }
            Value::Seq(items) => items.iter().map(|item| self.filled(item, depth + 1, faults)).collect(),
            _ => Some(node.to_json()),
        }
    }
}
