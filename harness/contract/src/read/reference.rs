//! `$ref`s, within a document and to other files.

use std::path::PathBuf;

use eventproof_source::{Diagnostic, Diagnostics, Node, Source, nearest, unescape_name};

use super::files::Files;

/// References that follow each other before a circle is assumed.
const LONGEST: usize = 32;

/// A document whose references can be followed.
pub(super) struct Document<'a> {
    files: &'a Files,
    pub source: &'a Source,
    pub root: &'a Node,
}

impl<'a> Document<'a> {
    /// The document of these files.
    pub fn of(files: &'a Files) -> Document<'a> {
        Document { files, source: &files.source, root: &files.document().root }
    }

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

    /// The same, where nobody asks by which reference.
    pub fn follow_any(&self, node: &'a Node, faults: &mut Diagnostics) -> Option<&'a Node> {
        self.follow(node, faults).map(|(node, _)| node)
    }

    /// The Kafka binding among `bindings`, which may stand elsewhere, as may the binding itself.
    pub fn kafka_binding(&self, bindings: Option<&'a Node>, faults: &mut Diagnostics) -> Option<&'a Node> {
        let bindings = self.follow_any(bindings?, faults)?;
        self.follow_any(bindings.get("kafka")?, faults)
    }

    /// The folder of the file in which a node stands.
    pub fn folder_of(&self, node: &Node) -> PathBuf {
        self.files.file_at(node.span).folder()
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
        let (path, pointer) = text.split_once('#').unwrap_or((text, ""));
        let mut at = self.root_of(path, text, reference, faults)?;
        for name in pointer.split('/').skip(1).map(unescape_name) {
            let index = name.parse::<usize>().ok();
            let next = at.get(&name).or_else(|| at.items()?.get(index?));
            let Some(next) = next else {
                faults.push(self.nothing_there(text, &name, at, reference));
                return None;
            };
            at = next;
        }
        Some(at)
    }

    /// The tree that a reference goes into.
    fn root_of(&self, path: &str, text: &str, reference: &Node, faults: &mut Diagnostics) -> Option<&'a Node> {
        if path.is_empty() {
            return Some(&self.files.file_at(reference.span).root);
        }
        match self.files.referred(path, reference.span) {
            Ok(file) => Some(&file.root),
            Err(why) => {
                let message = format!("`{text}` cannot be followed: {why}");
                faults.push(
                    Diagnostic::error("contract/reference-to-file", message)
                        .at(self.source, reference.span)
                        .help("write the path of a file beside this one, such as `./schemas.yaml#/post`"),
                );
                None
            }
        }
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
}
