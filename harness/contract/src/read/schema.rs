//! A schema as one JSON document, whatever files its parts stand in.

use eventproof_source::{Diagnostics, Node, Value};
use serde_json::{Map, Value as Json, json};

use super::reference::Document;

/// A schema with its references filled in. One that refers to itself keeps a reference, to `definitions` of its own.
pub(super) fn fill<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Option<Json> {
    let mut filling = Filling { document, open: Vec::new(), recursive: Vec::new() };
    let mut root = filling.of(node, faults)?;
    let mut definitions = Map::new();
    while let Some(&target) = filling.recursive.get(definitions.len()) {
        filling.open = vec![target];
        let filled = filling.inside(target, faults)?;
        definitions.insert(name(definitions.len()), filled);
    }
    if let (Some(root), false) = (root.as_object_mut(), definitions.is_empty()) {
        let own = root.entry("definitions").or_insert_with(|| json!({}));
        own.as_object_mut()?.extend(definitions);
    }
    Some(root)
}

fn name(index: usize) -> String {
    format!("recursive-{index}")
}

struct Filling<'d, 'a> {
    document: &'d Document<'a>,
    /// What is being filled in, from the outside to the inside.
    open: Vec<&'a Node>,
    /// What was met again while it was open.
    recursive: Vec<&'a Node>,
}

impl<'a> Filling<'_, 'a> {
    fn of(&mut self, node: &'a Node, faults: &mut Diagnostics) -> Option<Json> {
        let (target, by) = self.document.follow(node, faults)?;
        if by.is_none() && !self.open.is_empty() {
            return self.inside(target, faults);
        }
        if self.open.iter().any(|open| std::ptr::eq(*open, target)) {
            return Some(json!({"$ref": format!("#/definitions/{}", name(self.index_of(target)))}));
        }
        self.open.push(target);
        let filled = self.inside(target, faults);
        self.open.pop();
        filled
    }

    fn index_of(&mut self, target: &'a Node) -> usize {
        let known = self.recursive.iter().position(|one| std::ptr::eq(*one, target));
        known.unwrap_or_else(|| {
            self.recursive.push(target);
            self.recursive.len() - 1
        })
    }

    fn inside(&mut self, node: &'a Node, faults: &mut Diagnostics) -> Option<Json> {
        match &node.value {
            Value::Map(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    object.insert(entry.key.clone(), self.of(&entry.value, faults)?);
                }
                Some(Json::Object(object))
            }
            Value::Seq(items) => {
                let items: Option<Vec<Json>> = items.iter().map(|item| self.of(item, faults)).collect();
                items.map(Json::Array)
            }
            _ => Some(node.to_json()),
        }
    }
}
