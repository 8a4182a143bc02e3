//! Fields of objects and items of lists, one by one, and the rules for those that a schema does not name.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Breaks;
use super::json::{ANYTHING, Comparing};

/// Keywords that ask nothing of a value.
const ANNOTATIONS: [&str; 6] = ["title", "description", "default", "examples", "deprecated", "$comment"];

impl<'s> Comparing<'s> {
    pub(super) fn fields(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        let (before, now) = (properties(old), properties(new));
        for (name, schema) in before.into_iter().flatten() {
            let place = format!("{at}/{name}");
            match now.and_then(|now| now.get(name)) {
                Some(now) => {
                    self.schemas(schema, now, &place);
                    self.requirement(old, new, name, &place);
                }
                None => self.removed((old, new), name, schema, &place),
            }
        }
        let is_new = |name: &str| !before.is_some_and(|before| before.contains_key(name));
        for (name, schema) in now.into_iter().flatten().filter(|(name, _)| is_new(name)) {
            self.added((old, new), name, schema, &format!("{at}/{name}"));
        }
        self.unnamed(old, new, at);
        self.patterns(old, new, at);
        self.others(old, new, at);
    }

    fn requirement(&mut self, old: &Value, new: &Value, name: &str, place: &str) {
        match (requires(old, name), requires(new, name)) {
            (false, true) => {
                self.note("field-required", place, "it must be there now".to_owned(), Breaks::PRODUCERS);
            }
            (true, false) => {
                self.note("field-optional", place, "it may be missing now".to_owned(), Breaks::CONSUMERS);
            }
            _ => {}
        }
    }

    fn removed(&mut self, (old, new): (&'s Value, &'s Value), name: &str, schema: &'s Value, place: &str) {
        let breaks = Breaks { producers: is_closed(new), consumers: requires(old, name) };
        self.note("field-removed", place, "it is gone".to_owned(), breaks);
        if let Some(change) = self.changes.last_mut() {
            change.had_default = schema.get("default").is_some();
        }
        // Of a field that had to be there, "it is gone" says enough.
        if !requires(old, name) {
            self.requirement(old, new, name, place);
        }
        // Who still sends it keeps to the old rule, and is held to the one for other fields.
        if let Some(rule) = rule_of_others(new) {
            self.schemas(schema, rule, place);
        }
    }

    fn added(&mut self, (old, new): (&'s Value, &'s Value), name: &str, schema: &'s Value, place: &str) {
        let breaks = Breaks { producers: requires(new, name), consumers: is_closed(old) };
        self.note("field-added", place, "it is new".to_owned(), breaks);
        if let Some(change) = self.changes.last_mut() {
            change.is_addition = true;
        }
        if requires(old, name) {
            self.requirement(old, new, name, place);
        }
        // A field of that name was right before, by the rule for other fields.
        if let Some(rule) = rule_of_others(old) {
            self.schemas(rule, schema, place);
        }
    }

    /// Fields that must be there though neither schema says more of them.
    fn unnamed(&mut self, old: &Value, new: &Value, at: &str) {
        let is_named =
            |name: &str| [old, new].into_iter().filter_map(properties).any(|fields| fields.contains_key(name));
        let names: BTreeSet<&str> = required(old).chain(required(new)).filter(|name| !is_named(name)).collect();
        for name in names {
            self.requirement(old, new, name, &format!("{at}/{name}"));
        }
    }

    /// Rules for fields by a pattern of their names. What names two patterns share is not looked at: a pattern that
    /// comes or goes where other fields are not free counts as both.
    fn patterns(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        let (before, now) = (entries(old, "patternProperties"), entries(new, "patternProperties"));
        let patterns: BTreeSet<&String> = before.into_iter().chain(now).flat_map(|rules| rules.keys()).collect();
        for pattern in patterns {
            let place = format!("{at}/{pattern}");
            let rule = |rules: Option<&'s Map<String, Value>>| rules.and_then(|rules| rules.get(pattern));
            match (rule(before), rule(now)) {
                (Some(before), Some(now)) => self.schemas(before, now, &place),
                (None, Some(now)) if is_free(old) => self.schemas(&ANYTHING, now, &place),
                (Some(before), None) if is_free(new) => self.schemas(before, &ANYTHING, &place),
                _ => {
                    let message = "fields of this pattern have another rule".to_owned();
                    self.note("changed", &place, message, Breaks::BOTH);
                }
            }
        }
    }

    fn others(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        match (refuses_others(old), refuses_others(new)) {
            (false, true) => self.note("closed", at, "other fields are refused now".to_owned(), Breaks::PRODUCERS),
            (true, false) => self.note("opened", at, "other fields are allowed now".to_owned(), Breaks::CONSUMERS),
            (true, true) => {}
            (false, false) => {
                let rule = |schema: &'s Value| rule_of_others(schema).unwrap_or(&ANYTHING);
                self.schemas(rule(old), rule(new), &format!("{at}/*"));
            }
        }
    }

    /// Items that have a rule for their position, and then those behind them, which have one in common.
    pub(super) fn items(&mut self, old: &'s Value, new: &'s Value, at: &str) {
        let positions = positions(old).len().max(positions(new).len());
        for index in 0..=positions {
            self.schemas(item(old, index), item(new, index), &format!("{at}/{index}"));
        }
    }
}

fn entries<'v>(schema: &'v Value, keyword: &str) -> Option<&'v Map<String, Value>> {
    schema.get(keyword).and_then(Value::as_object)
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    entries(schema, "properties")
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn requires(schema: &Value, name: &str) -> bool {
    required(schema).any(|one| one == name)
}

fn refuses_others(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

/// Whether no field may be there that nothing is said of.
fn is_closed(schema: &Value) -> bool {
    refuses_others(schema) || schema.get("unevaluatedProperties") == Some(&Value::Bool(false))
}

/// What other fields must keep to, if that is anything.
fn rule_of_others(schema: &Value) -> Option<&Value> {
    let asks = |keyword: &String| !ANNOTATIONS.contains(&keyword.as_str()) && !keyword.starts_with("x-");
    let rule = schema.get("additionalProperties")?;
    rule.as_object().is_some_and(|rules| rules.keys().any(asks)).then_some(rule)
}

/// Whether other fields may hold anything.
fn is_free(schema: &Value) -> bool {
    !is_closed(schema) && rule_of_others(schema).is_none()
}

/// The rules that items have by their positions.
fn positions(schema: &Value) -> &[Value] {
    let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
    list("prefixItems").or_else(|| list("items")).map(Vec::as_slice).unwrap_or_default()
}

/// What the item at a position must keep to.
fn item(schema: &Value, index: usize) -> &Value {
    let behind = match schema.get("items") {
        Some(Value::Array(_)) => schema.get("additionalItems"),
        rule => rule,
    };
    positions(schema).get(index).or(behind).unwrap_or(&ANYTHING)
}
