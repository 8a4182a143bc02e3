//! JSON Schemas, keyword by keyword: does the new one take less than the old one, or more?
//!
//! Taking less breaks producers, taking more breaks consumers. In an open object (the default) a field that is new and
//! optional breaks nobody: producers that go by the old contract do not send it. What cannot be compared keyword by
//! keyword (`not`, `if`, other branches of a union) counts as both, if it changed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Breaks, Change};

/// Keywords whose value is a bound: a greater one takes less, or more.
const BOUNDS: [(&str, bool); 12] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("minContains", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
    ("maxContains", false),
];
/// Keywords that take less where they are, and something else where they change.
const RULES: [&str; 7] = ["pattern", "format", "multipleOf", "const", "uniqueItems", "contains", "propertyNames"];
/// Keywords that are compared as a whole.
const WHOLE: [&str; 15] = [
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "$dynamicRef",
    "$recursiveRef",
];
/// What a schema takes that is not there.
pub(super) static ANYTHING: Value = Value::Bool(true);

pub(super) fn changes(old: &Value, new: &Value, place: &str) -> Vec<Change> {
    let mut comparing = Comparing { roots: (old, new), open: Vec::new(), name: place.to_owned(), changes: Vec::new() };
    comparing.schemas(old, new, "");
    comparing.changes
}

pub(super) struct Comparing<'s> {
    roots: (&'s Value, &'s Value),
    /// What references lead to that are being compared: a schema that refers to itself is compared once.
    open: Vec<(*const Value, *const Value)>,
    name: String,
    pub(super) changes: Vec<Change>,
}

impl<'s> Comparing<'s> {
    pub(super) fn note(&mut self, code: &'static str, at: &str, message: String, breaks: Breaks) {
        let place = if at.is_empty() { self.name.clone() } else { format!("{} {at}", self.name) };
        self.changes.push(Change::new(code, &place, message, breaks));
    }

    pub(super) fn schemas(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        if self.same(old, new) {
            return;
        }
        match (followed(old, self.roots.0), followed(new, self.roots.1)) {
            (None, None) => self.plain(old, new, at),
            (before, now) => self.referred((old, new), (before.unwrap_or(old), now.unwrap_or(new)), at),
        }
    }

    /// Whether both are the same with all that they refer to, which may be another though the references are not.
    fn same(&self, old: &'s Value, new: &'s Value) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![(Some(old), Some(new))]);
        while let Some((old, new)) = open.pop() {
            if old != new {
                return false;
            }
            let further = old.map(references).unwrap_or_default().into_iter().filter(|one| seen.insert(*one));
            open.extend(further.map(|one| (target(one, self.roots.0), target(one, self.roots.1))));
        }
        true
    }

    fn referred(&mut self, schemas: (&'s Value, &'s Value), targets: (&'s Value, &'s Value), at: &str) {
        let (before, now) = (beside(schemas.0, self.roots.0), beside(schemas.1, self.roots.1));
        if !self.same(before, now) {
            self.keywords(before, now, at);
        }
        let pair = (std::ptr::from_ref(targets.0), std::ptr::from_ref(targets.1));
        if self.open.contains(&pair) {
            return;
        }
        self.open.push(pair);
        self.schemas(targets.0, targets.1, at);
        self.open.pop();
    }

    /// Neither is a reference, or it leads out of the document.
    fn plain(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        if matches!((old, new), (Value::Bool(_), _) | (_, Value::Bool(_))) {
            return self.anything(old, new, at);
        }
        if old.get("$ref") != new.get("$ref") {
            self.note("changed", at, "it refers to something else, which is not read".to_owned(), Breaks::BOTH);
        }
        self.keywords(old, new, at);
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
        self.branches(old, new, at);
        self.fields(old, new, at);
        self.items(old, new, at);
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
            // Where nothing is said of how many must be like `contains`, one must.
            let unsaid = (name == "minContains").then_some(1.0);
            let bound = |schema: &Value| schema.get(name).and_then(Value::as_f64).or(unsaid);
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

    fn rules(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        for name in RULES.into_iter().chain(WHOLE) {
            let (before, now) = (old.get(name), new.get(name));
            let (code, message, breaks) = match (before, now) {
                (Some(before), Some(now)) if before != now => {
                    ("changed", format!("{name} is {now}, {before} before"), Breaks::BOTH)
                }
                // Branches of `allOf` are compared one by one then.
                (Some(before), Some(now)) if name != "allOf" && !self.same(before, now) => {
                    ("changed", format!("what {name} refers to is another"), Breaks::BOTH)
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

    /// Equal branches may refer to what is another now.
    fn branches(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        for name in ["allOf", "anyOf", "oneOf"] {
            let list = |schema: &'s Value| schema.get(name).and_then(Value::as_array);
            let (Some(before), Some(now)) = (list(old), list(new)) else { continue };
            for branch in before {
                if let Some(now) = now.iter().find(|one| *one == branch) {
                    self.schemas(branch, now, at);
                }
            }
        }
    }
}

/// What a reference within the document leads to.
fn target<'v>(reference: &str, root: &'v Value) -> Option<&'v Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// What a schema refers to, if it is a reference within the document.
fn followed<'v>(schema: &Value, root: &'v Value) -> Option<&'v Value> {
    target(schema.get("$ref")?.as_str()?, root)
}

/// The keywords that count beside a reference: in draft-07 none do.
fn beside<'v>(schema: &'v Value, root: &Value) -> &'v Value {
    let draft = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    match schema.get("$ref").is_some() && draft.contains("2020-12") {
        true => schema,
        false => &ANYTHING,
    }
}

/// Every reference in a schema and all that is within it.
fn references(schema: &Value) -> Vec<&str> {
    let mut found: Vec<&str> = schema.get("$ref").and_then(Value::as_str).into_iter().collect();
    match schema {
        Value::Object(entries) => found.extend(entries.values().flat_map(references)),
        Value::Array(items) => found.extend(items.iter().flat_map(references)),
        _ => {}
    }
    found
}

fn types_of(schema: &Value) -> BTreeSet<String> {
    match schema.get("type") {
        Some(Value::String(name)) => BTreeSet::from([name.clone()]),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}
