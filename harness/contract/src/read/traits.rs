//! Traits: what several messages or operations have in common, merged into each of them.
//!
//! As AsyncAPI 3 says, traits are merged in their order by JSON Merge Patch (RFC 7396), and what the message or operation
//! itself says stands above all of them.

use eventproof_source::{Diagnostics, Entry, Node, Value};

use super::files::Files;
use super::reference::Document;

/// Where a list called `traits` is somebody's data, not AsyncAPI's.
const DATA: [&str; 8] = ["payload", "headers", "schema", "schemas", "examples", "parameters", "servers", "bindings"];

/// The files with every trait merged in.
pub(super) fn merge_traits(files: Files, faults: &mut Diagnostics) -> Files {
    let found = std::cell::RefCell::new(Diagnostics::default());
    let merged = files.map(|files, file| {
        let document = Document::of(files);
        rebuild(&document, &file.root, &mut found.borrow_mut())
    });
    faults.extend(found.into_inner());
    merged
}

fn rebuild(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let traits = node.get("traits").and_then(Node::items);
    let own = entries.iter().filter(|entry| traits.is_none() || entry.key != "traits").map(|entry| {
        let is_data = DATA.contains(&entry.key.as_str()) || entry.key.starts_with("x-");
        let value = if is_data { entry.value.clone() } else { rebuild(document, &entry.value, faults) };
        Entry { value, ..entry.clone() }
    });
    let own = Node { value: Value::Map(own.collect()), span: node.span };
    let followed = traits.into_iter().flatten().filter_map(|one| document.follow_any(one, faults)).cloned();
    let base = followed.collect::<Vec<_>>().into_iter().reduce(|below, above| overlaid(&below, above));
    match base {
        Some(base) => overlaid(&base, own),
        None => own,
    }
}

/// What stands above, with all that only stands below.
fn overlaid(below: &Node, above: Node) -> Node {
    let (Value::Map(lower), Value::Map(upper)) = (&below.value, &above.value) else { return above };
    let mut entries: Vec<Entry> = upper
        .iter()
        .map(|entry| match below.get(&entry.key) {
            Some(under) => Entry { value: overlaid(under, entry.value.clone()), ..entry.clone() },
            None => entry.clone(),
        })
        .collect();
    let only_below = lower.iter().filter(|entry| above.get(&entry.key).is_none());
    entries.extend(only_below.cloned());
    // Null removes what a trait says.
    entries.retain(|entry| entry.value.value != Value::Null || below.get(&entry.key).is_none());
    Node { value: Value::Map(entries), span: above.span }
}
