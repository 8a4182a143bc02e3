//! What the contract calls sensitive: by pointer in its own messages, by name wherever else it may stand.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use eventproof_contract::{Contract, Expression, Message};
use eventproof_evidence::Seen;
use eventproof_source::unescape_name;
use eventproof_system::Params;
use serde_json::Value;

use super::beside::Beside;
use crate::runner::publish::recorded_type;

/// What stands in place of a value that nobody may read.
pub(in super::super) const HIDDEN: &str = "(hidden)";

/// Characters of a body that are kept.
const LONGEST: usize = 4000;

/// What a contract calls sensitive.
pub(in super::super) struct Hidden {
    /// Pointers of each message that has any.
    places: BTreeMap<String, Vec<String>>,
    /// Names of sensitive fields, in whatever message: a text may hold them anywhere.
    names: HashSet<String>,
    /// Names of fields that are sensitive as a whole in one message, while another one says what within them is: everybody has
    /// such a field (`data`), and beside it only what is no object is taken for a secret.
    containers: HashSet<String>,
    beside: Beside,
}

impl Hidden {
    pub fn of(contract: &Contract) -> Hidden {
        let sensitive = contract.messages.iter().filter(|message| !message.sensitive.is_empty());
        Hidden::new(sensitive.map(|message| (message.name.clone(), message.sensitive.clone())).collect())
    }

    pub(super) fn new(places: BTreeMap<String, Vec<String>>) -> Hidden {
        let pointers: BTreeSet<&str> = places.values().flatten().map(String::as_str).collect();
        let is_container = |pointer: &str| pointers.iter().any(|other| other.starts_with(&format!("{pointer}/")));
        let named = |wanted: bool| -> HashSet<String> {
            pointers.iter().filter(|pointer| is_container(pointer) == wanted).filter_map(|one| last_name(one)).collect()
        };
        let names = named(false);
        let containers: HashSet<String> = named(true).difference(&names).cloned().collect();
        let beside = Beside::new(&names, &containers);
        Hidden { places, names, containers, beside }
    }

    /// Whether the contract calls nothing sensitive.
    pub fn is_nothing(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a pointer, or a name such as `post.email`, leads to a sensitive field: for what belongs to a message whose own pointers
    /// were kept to already.
    pub fn is_pointer(&self, pointer: &str) -> bool {
        parts(pointer).any(|part| self.names.contains(&part))
    }

    /// The same of a name of which nothing tells the message.
    pub fn is_named(&self, name: &str) -> bool {
        let last = [name.rsplit('/').next(), name.rsplit(['/', '.']).next()];
        self.is_pointer(name) || last.into_iter().flatten().any(|last| self.containers.contains(&unescape_name(last)))
    }

    /// Whether a field of a record is not to be shown. What could not be told to be one of the contract's messages may be any of them.
    pub fn is_field_of(&self, seen: &Seen, contract: &Contract, pointer: &str) -> bool {
        match message_of(seen, contract) {
            Some(message) if !message.payload.is_opaque() => message.hides(pointer) || self.is_pointer(pointer),
            _ => self.is_pointer(pointer) || parts(pointer).any(|part| self.containers.contains(&part)),
        }
    }

    /// A text in which no parameter of such a name is to be read.
    pub fn without(&self, text: &str, params: &Params) -> String {
        let secret = params.iter().filter(|(name, value)| self.is_named(name) && !value.is_empty());
        secret.fold(self.beside_names(text), |text, (_, value)| text.replace(value.as_str(), HIDDEN))
    }

    /// A text in which what stands beside such a name is not to be read.
    pub fn beside_names(&self, text: &str) -> String {
        self.beside.hide(text)
    }

    /// A body as it may be shown. What is no JSON cannot be looked through, so it is shown only where nothing is sensitive.
    pub fn body(&self, body: &Value) -> String {
        let text = match body {
            Value::Null => String::new(),
            Value::String(text) if self.is_nothing() => text.clone(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("({} characters that are no JSON)", text.chars().count()),
            json => self.masked(json).to_string(),
        };
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn masked(&self, json: &Value) -> Value {
        let field = |(name, inner): (&String, &Value)| {
            let value = match (self.names.contains(name), self.containers.contains(name)) {
                (true, _) => HIDDEN.into(),
                (_, true) => self.masked_within(inner),
                _ => self.masked(inner),
            };
            (name.clone(), value)
        };
        match json {
            Value::Object(fields) => Value::Object(fields.iter().map(field).collect()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.masked(item)).collect()),
            other => other.clone(),
        }
    }

    /// Of what has the name of a container: only objects say what within them is sensitive.
    fn masked_within(&self, json: &Value) -> Value {
        match json {
            Value::Object(_) => self.masked(json),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.masked_within(item)).collect()),
            Value::Null => Value::Null,
            _ => HIDDEN.into(),
        }
    }

    /// Every text within such a field of a body.
    pub fn values_in(&self, json: &Value, found: &mut BTreeSet<String>) {
        match json {
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
                match (self.names.contains(name), self.containers.contains(name)) {
                    (true, _) => scalars(inner, found),
                    (_, true) if !inner.is_object() => own_scalars(inner, found),
                    _ => {}
                }
                self.values_in(inner, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| self.values_in(item, found)),
            _ => {}
        }
    }

    /// Every text within such a field of a payload: where the message's own pointers lead, and by name.
    pub fn values_of(&self, message: &str, payload: &Value, found: &mut BTreeSet<String>) {
        for pointer in self.places.get(message).into_iter().flatten() {
            let names: Vec<String> = pointer.split('/').skip(1).map(unescape_name).collect();
            visit(payload, &names, found);
        }
        self.values_in(payload, found);
    }

    /// What of a record's envelope is sensitive: its key, its id, its correlation.
    pub fn marks<'s>(&self, seen: &'s Seen, contract: &Contract) -> Vec<&'s str> {
        let Some(message) = message_of(seen, contract) else { return Vec::new() };
        let envelope = &message.envelope;
        let marks = [(&envelope.key, &seen.key), (&envelope.id, &seen.id), (&envelope.correlation, &seen.correlation)];
        let is_secret =
            |rule: &Expression| message.hides_what(rule) || (rule.header().is_none() && self.is_pointer(&rule.pointer));
        let secret = marks.into_iter().filter(|(rule, _)| rule.as_ref().is_some_and(is_secret));
        secret.filter_map(|(_, value)| value.as_deref()).collect()
    }
}

/// The contract's message that a record was told to be.
fn message_of<'c>(seen: &'c Seen, contract: &'c Contract) -> Option<&'c Message> {
    let says = seen.event_type.as_deref()?;
    contract.messages_on(&seen.topic).find(|one| recorded_type(one) == says)
}

/// The names on the way that a pointer, or a name such as `post.email`, describes; a dot may be within a name, too.
fn parts(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').chain(pointer.split(['/', '.'])).map(unescape_name)
}

/// The name of the field that a pointer leads to: an item of a list has that of the list.
fn last_name(pointer: &str) -> Option<String> {
    let is_item = |part: &&str| *part == "*" || part.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').skip(1).filter(|part| !is_item(part)).last().map(unescape_name)
}

/// Every text where the names lead to; in a list, the number of an item may be `*`, or be left out.
fn visit(json: &Value, names: &[String], found: &mut BTreeSet<String>) {
    let Some((first, rest)) = names.split_first() else { return scalars(json, found) };
    match json {
        Value::Object(fields) => fields.get(first).into_iter().for_each(|inner| visit(inner, rest, found)),
        Value::Array(items) => {
            let chosen = first.parse::<usize>().ok();
            let rest = if chosen.is_some() || first == "*" { rest } else { names };
            let wanted = |number: usize| chosen.is_none_or(|chosen| chosen == number);
            let items = items.iter().enumerate().filter(|(number, _)| wanted(*number));
            items.for_each(|(_, item)| visit(item, rest, found));
        }
        _ => {}
    }
}

/// Every text and number.
fn scalars(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => fields.values().for_each(|inner| scalars(inner, found)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Number(number) => drop(found.insert(number.to_string())),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Every text and number that is not within an object.
fn own_scalars(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(_) => {}
        Value::Array(items) => items.iter().for_each(|item| own_scalars(item, found)),
        other => scalars(other, found),
    }
}
