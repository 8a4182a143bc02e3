//! Keywords and formats of JSON Schema that are nearly one. A validator lets every name pass that it does not know, so that a slip
//! switches a rule off; names that are near nothing are their writer's own.

use std::collections::HashSet;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Node, slip_of};

use super::reference::Document;

/// Keywords under which schemas stand: one, or a list of them.
const SCHEMAS: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords under which schemas stand by names that are nobody's keywords.
const BY_NAME: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// All others, of any draft and of AsyncAPI's schema object. What stands under them are values.
const OTHERS: [&str; 47] = [
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "disallow",
    "discriminator",
    "divisibleBy",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "extends",
    "externalDocs",
    "format",
    "id",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "pattern",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// Formats that are checked.
const CHECKED: [&str; 19] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Formats that others know and no validator checks, though they are near one of those.
const UNCHECKED: [&str; 2] = ["cuid", "ulid"];

/// Warns of what is nearly a keyword or a format, in a schema and all that is within it.
pub(super) fn check_keywords<'a>(document: &Document<'a>, schema: &'a Node, faults: &mut Diagnostics) {
    let (mut open, mut seen) = (vec![schema], HashSet::new());
    while let Some(node) = open.pop() {
        // Where a reference leads nowhere, that is told when the schema is filled in.
        let Some(node) = document.follow_any(node, &mut Diagnostics::default()) else { continue };
        if !seen.insert(std::ptr::from_ref(node)) {
            continue;
        }
        for entry in node.entries().unwrap_or_default() {
            keyword(document, entry, faults);
            format(document, entry, faults);
            open.extend(within(entry));
        }
    }
}

/// The schemas that stand under a keyword.
fn within(entry: &Entry) -> Vec<&Node> {
    let value = &entry.value;
    match entry.key.as_str() {
        key if SCHEMAS.contains(&key) => value.items().unwrap_or(std::slice::from_ref(value)).iter().collect(),
        key if BY_NAME.contains(&key) => value.entries().unwrap_or_default().iter().map(|one| &one.value).collect(),
        _ => Vec::new(),
    }
}

fn keyword(document: &Document<'_>, entry: &Entry, faults: &mut Diagnostics) {
    let known = || SCHEMAS.into_iter().chain(BY_NAME).chain(OTHERS);
    if entry.key.starts_with("x-") || known().any(|one| one == entry.key) {
        return;
    }
    // Of a very short one too many words are a slip.
    let Some(meant) = slip_of(&entry.key, known().filter(|one| one.len() > 3)) else { return };
    let message = format!("`{}` is no keyword of JSON Schema, so it asks nothing of a record", entry.key);
    let fault = Diagnostic::warning("contract/unknown-keyword", message).at(document.source, entry.key_span);
    faults.push_once(fault.help(format!("did you mean `{meant}`? a keyword of your own begins with `x-`")));
}

fn format(document: &Document<'_>, entry: &Entry, faults: &mut Diagnostics) {
    let Some(name) = entry.value.as_str().filter(|_| entry.key == "format") else { return };
    if CHECKED.contains(&name) || UNCHECKED.contains(&name) {
        return;
    }
    let Some(meant) = slip_of(name, CHECKED) else { return };
    let fault = Diagnostic::warning("contract/unknown-format", format!("nobody checks a format `{name}`"));
    faults.push_once(fault.at(document.source, entry.value.span).help(format!("did you mean `{meant}`?")));
}
