//! JSON Schemas, keyword by keyword: does the new one take less than the old one, or more?
//!
//! Taking less breaks producers, taking more breaks consumers. In an open object (the default) a field that is new and
//! optional breaks nobody: producers that go by the old contract do not send it. What cannot be compared keyword by
//! keyword (`not`, `if`, other branches of a union) counts as both, if it changed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Breaks, Change};

/// Keywords whose value is a bound: a greater one takes less, or more.
const BOUNDS: [(&str, bool); 10] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
];
/// Keywords that take less where they are, and something else where they change.
const RULES: [&str; 7] = ["pattern", "format", "multipleOf", "const", "uniqueItems", "contains", "propertyNames"];
/// Keywords that are compared as a whole.
const WHOLE: [&str; 6] = ["not", "if", "then", "else", "allOf", "dependencies"];

pub(super) fn changes(old: &Value, new: &Value, place: &str) -> Vec<Change> {
    let mut comparing = Comparing { roots: (old, new), open: Vec::new(), name: place.to_owned(), changes: Vec::new() };
    comparing.schemas(old, new, "");
    comparing.changes
}

struct Comparing<'s> {
    roots: (&'s Value, &'s Value),
    /// References that are being compared: a schema that refers to itself is compared once.
    open: Vec<(String, String)>,
    name: String,
    changes: Vec<Change>,
}

impl<'s> Comparing<'s> {
    fn note(&mut self, code: &'static str, at: &str, message: String, breaks: Breaks) {
        let place = if at.is_empty() { self.name.clone() } else { format!("{} {at}", self.name) };
        self.changes.push(Change::new(code, &place, message, breaks));
    }

    fn schemas(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        let definitions = (self.roots.0.get("definitions"), self.roots.1.get("definitions"));
        if old == new && definitions.0 == definitions.1 {
            return;
        }
        let (old, new, referred) = (self.resolved(old, self.roots.0), self.resolved(new, self.roots.1), pair(old, new));
        if referred.as_ref().is_some_and(|pair| self.open.contains(pair)) {
            return;
        }
        self.open.extend(referred.clone());
        match (old, new) {
            (Value::Bool(_), _) | (_, Value::Bool(_)) => self.anything(old, new, at),
            _ => self.keywords(old, new, at),
        }
        if referred.is_some() {
            self.open.pop();
        }
    }

    fn resolved(&self, schema: &'s Value, root: &'s Value) -> &'s Value {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
    }

    /// `true` takes everything, `false` nothing.
    fn anything(&mut self, old: &Value, new: &Value, at: &str) {
        let open =
            |schema: &Value| *schema == Value::Bool(true) || schema.as_object().is_some_and(|rules| rules.is_empty());
        match (open(old), open(new)) {
            (true, true) => {}
            (true, false) => {
                self.note("narrowed", at, "not everything is right there any more".to_owned(), Breaks::PRODUCERS)
            }
            (false, true) => self.note("widened", at, "anything is right there now".to_owned(), Breaks::CONSUMERS),
            (false, false) => self.note("changed", at, "it is another rule".to_owned(), Breaks::BOTH),
        }
    }

    fn keywords(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        self.types(old, new, at);
        self.enums(old, new, at);
        self.bounds(old, new, at);
        self.rules(old, new, at);
        self.unions(old, new, at);
        self.fields(old, new, at);
        let any = &Value::Bool(true);
        if old.get("items").is_some() || new.get("items").is_some() {
            self.schemas(old.get("items").unwrap_or(any), new.get("items").unwrap_or(any), &format!("{at}/0"));
        }
    }

    fn types(&mut self, old: &Value, new: &Value, at: &str) {
        let (before, now) = (types_of(old), types_of(new));
        if before == now {
            return;
        }
        let takes = |types: &BTreeSet<String>, wanted: &String| {
            types.is_empty() || types.contains(wanted) || wanted == "integer" && types.contains("number")
        };
        let breaks = Breaks {
            producers: !now.is_empty() && (before.is_empty() || before.iter().any(|one| !takes(&now, one))),
            consumers: !before.is_empty() && (now.is_empty() || now.iter().any(|one| !takes(&before, one))),
        };
        let words = |types: &BTreeSet<String>| match types.is_empty() {
            true => "anything".to_owned(),
            false => types.iter().map(String::as_str).collect::<Vec<_>>().join(" or "),
        };
        self.note("type-changed", at, format!("it is {}, {} before", words(&now), words(&before)), breaks);
    }

    fn enums(&mut self, old: &Value, new: &Value, at: &str) {
        let list = |schema: &'_ Value| schema.get("enum").and_then(Value::as_array).cloned();
        let (before, now) = (list(old), list(new));
        let missing = |from: &[Value], of: &[Value]| -> Vec<String> {
            of.iter().filter(|value| !from.contains(value)).map(Value::to_string).collect()
        };
        match (before, now) {
            (Some(before), Some(now)) => {
                let (removed, added) = (missing(&now, &before), missing(&before, &now));
                if !removed.is_empty() {
                    self.note(
                        "enum-narrowed",
                        at,
                        format!("{} is no value any more", removed.join(", ")),
                        Breaks::PRODUCERS,
                    );
                }
                if !added.is_empty() {
                    self.note("enum-widened", at, format!("{} is a value now", added.join(", ")), Breaks::CONSUMERS);
                }
            }
            (None, Some(now)) => {
                let values = now.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
                self.note("enum-narrowed", at, format!("only {values} now"), Breaks::PRODUCERS);
            }
            (Some(_), None) => self.note("enum-widened", at, "any value now".to_owned(), Breaks::CONSUMERS),
            (None, None) => {}
        }
    }

    fn bounds(&mut self, old: &Value, new: &Value, at: &str) {
        for (name, is_lower) in BOUNDS {
            let bound = |schema: &Value| schema.get(name).and_then(Value::as_f64);
            let (before, now) = (bound(old), bound(new));
            let narrower = match (before, now) {
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (Some(before), Some(now)) if before != now => (now > before) == is_lower,
                _ => continue,
            };
            let text = |bound: Option<f64>| bound.map_or("none".to_owned(), |bound| bound.to_string());
            let message = format!("{name} is {}, {} before", text(now), text(before));
            match narrower {
                true => self.note("narrowed", at, message, Breaks::PRODUCERS),
                false => self.note("widened", at, message, Breaks::CONSUMERS),
            }
        }
    }

    fn rules(&mut self, old: &Value, new: &Value, at: &str) {
        for name in RULES.into_iter().chain(WHOLE) {
            let (before, now) = (old.get(name), new.get(name));
            let (code, message, breaks) = match (before, now) {
                (Some(before), Some(now)) if before != now => {
                    ("changed", format!("{name} is {now}, {before} before"), Breaks::BOTH)
                }
                (None, Some(now)) => ("narrowed", format!("{name} must be {now} now"), Breaks::PRODUCERS),
                (Some(before), None) => ("widened", format!("{name} need not be {before} any more"), Breaks::CONSUMERS),
                _ => continue,
            };
            self.note(code, at, message, breaks);
        }
    }

    /// Branches are the same where they are equal; others are not compared one by one.
    fn unions(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        for name in ["anyOf", "oneOf"] {
            let list = |schema: &'s Value| schema.get(name).and_then(Value::as_array);
            match (list(old), list(new)) {
                (Some(before), Some(now)) => {
                    let breaks = Breaks {
                        producers: before.iter().any(|branch| !now.contains(branch)),
                        consumers: now.iter().any(|branch| !before.contains(branch)),
                    };
                    if breaks != Breaks::NOBODY {
                        self.note("union-changed", at, format!("{name} has other branches"), breaks);
                    }
                }
                (None, Some(_)) => self.note("narrowed", at, format!("{name} is new"), Breaks::PRODUCERS),
                (Some(_), None) => self.note("widened", at, format!("{name} is gone"), Breaks::CONSUMERS),
                (None, None) => {}
            }
        }
    }

    fn fields(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        let properties = |schema: &'s Value| schema.get("properties").and_then(Value::as_object);
        let (before, now) = (properties(old), properties(new));
        let required = |schema: &Value, name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name))
        };
        let closed = |schema: &Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, schema) in before.into_iter().flatten() {
            let place = format!("{at}/{name}");
            match now.and_then(|now| now.get(name)) {
                Some(now) => self.schemas(schema, now, &place),
                None => {
                    let breaks = Breaks { producers: closed(new), consumers: required(old, name) };
                    self.note("field-removed", &place, "it is gone".to_owned(), breaks);
                    if let Some(change) = self.changes.last_mut() {
                        change.had_default = schema.get("default").is_some();
                    }
                    continue;
                }
            }
            match (required(old, name), required(new, name)) {
                (false, true) => {
                    self.note("field-required", &place, "it must be there now".to_owned(), Breaks::PRODUCERS)
                }
                (true, false) => {
                    self.note("field-optional", &place, "it may be missing now".to_owned(), Breaks::CONSUMERS)
                }
                _ => {}
            }
        }
        let is_new = |name: &str| !before.is_some_and(|before| before.contains_key(name));
        for (name, _) in now.into_iter().flatten().filter(|(name, _)| is_new(name)) {
            let breaks = Breaks { producers: required(new, name), consumers: closed(old) };
            self.note("field-added", &format!("{at}/{name}"), "it is new".to_owned(), breaks);
            if let Some(change) = self.changes.last_mut() {
                change.is_addition = true;
            }
        }
        match (closed(old), closed(new)) {
            (false, true) => self.note("closed", at, "other fields are refused now".to_owned(), Breaks::PRODUCERS),
            (true, false) => self.note("opened", at, "other fields are allowed now".to_owned(), Breaks::CONSUMERS),
            _ => {}
        }
    }
}

fn refers(schema: &Value) -> bool {
    schema.get("$ref").is_some()
}

/// The references of both, if one of them is one.
fn pair(old: &Value, new: &Value) -> Option<(String, String)> {
    let text = |schema: &Value| schema.get("$ref").and_then(Value::as_str).unwrap_or_default().to_owned();
    (refers(old) || refers(new)).then(|| (text(old), text(new)))
}

fn types_of(schema: &Value) -> BTreeSet<String> {
    match schema.get("type") {
        Some(Value::String(name)) => BTreeSet::from([name.clone()]),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}
