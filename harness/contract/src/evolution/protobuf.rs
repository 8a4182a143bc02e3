//! Protobuf messages, by the rules of its wire format: fields are their numbers, and what an unknown number holds is skipped.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{Breaks, Change};

pub(super) fn changes(old: &MessageDescriptor, new: &MessageDescriptor, place: &str) -> Vec<Change> {
    let mut comparing = Comparing { open: Vec::new(), place: place.to_owned(), changes: Vec::new() };
    comparing.messages(old, new, "");
    comparing.changes
}

struct Comparing {
    /// Messages that are being compared: one that holds itself is compared once.
    open: Vec<String>,
    place: String,
    changes: Vec<Change>,
}

impl Comparing {
    fn note(&mut self, code: &'static str, at: &str, message: String, breaks: Breaks) {
        self.changes.push(Change::new(code, &format!("{} {at}", self.place), message, breaks));
    }

    fn messages(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, at: &str) {
        if self.open.iter().any(|name| name == old.full_name()) {
            return;
        }
        self.open.push(old.full_name().to_owned());
        for before in old.fields() {
            let place = format!("{at}/{}", before.name());
            match new.get_field(before.number()) {
                Some(now) => self.fields(&before, &now, &place),
                None => {
                    let moved = new.get_field_by_name(before.name());
                    match moved {
                        Some(moved) => {
                            let text = format!("its number is {}, {} before", moved.number(), before.number());
                            self.note("field-renumbered", &place, text, Breaks::BOTH);
                        }
                        None => {
                            self.note("field-removed", &place, "it is gone".to_owned(), Breaks::NOBODY);
                            // In proto3 every field has one.
                            if let Some(change) = self.changes.last_mut() {
                                change.had_default = true;
                            }
                        }
                    }
                }
            }
        }
        let is_new = |field: &FieldDescriptor| {
            old.get_field(field.number()).is_none() && old.get_field_by_name(field.name()).is_none()
        };
        for field in new.fields().filter(is_new) {
            let place = format!("{} {at}/{}", self.place, field.name());
            self.changes.push(Change::addition("field-added", &place, "it is new", Breaks::NOBODY));
        }
        self.open.pop();
    }

    fn fields(&mut self, old: &FieldDescriptor, new: &FieldDescriptor, at: &str) {
        if old.name() != new.name() {
            let text = format!("number {} is called {} now", old.number(), new.name());
            // The same on the wire; who reads JSON, or the code that is made from it, sees another name.
            self.note("field-renamed", at, text, Breaks::NOBODY);
        }
        if old.is_list() != new.is_list() || old.is_map() != new.is_map() {
            self.note("type-changed", at, "one value becomes many, or many one".to_owned(), Breaks::BOTH);
            return;
        }
        match (old.kind(), new.kind()) {
            (Kind::Message(before), Kind::Message(now)) => self.messages(&before, &now, at),
            (before, now) if class(&before) != class(&now) => {
                self.note("type-changed", at, format!("it is {now:?}, {before:?} before"), Breaks::BOTH);
            }
            (Kind::Enum(before), Kind::Enum(now)) => {
                let gone = before.values().filter(|value| now.get_value(value.number()).is_none());
                let gone: Vec<String> = gone.map(|value| value.name().to_owned()).collect();
                if !gone.is_empty() {
                    self.note(
                        "enum-narrowed",
                        at,
                        format!("{} is no value any more", gone.join(", ")),
                        Breaks::PRODUCERS,
                    );
                }
                let added = now.values().filter(|value| before.get_value(value.number()).is_none());
                let added: Vec<String> = added.map(|value| value.name().to_owned()).collect();
                if !added.is_empty() {
                    self.note("enum-widened", at, format!("{} is a value now", added.join(", ")), Breaks::CONSUMERS);
                }
            }
            _ => {}
        }
    }
}

/// Kinds of one class are read as each other, as the language guide says: their bytes are the same.
fn class(kind: &Kind) -> u8 {
    match kind {
        Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Uint64 | Kind::Bool => 0,
        Kind::Sint32 | Kind::Sint64 => 1,
        Kind::Fixed32 | Kind::Sfixed32 => 2,
        Kind::Fixed64 | Kind::Sfixed64 => 3,
        Kind::String | Kind::Bytes => 4,
        Kind::Float => 5,
        Kind::Double => 6,
        Kind::Message(_) => 7,
        Kind::Enum(_) => 8,
    }
}

/// Every message at the top of a file, by its name.
pub(super) fn files(old: &[MessageDescriptor], new: &[MessageDescriptor], place: &str) -> Vec<Change> {
    let mut found = Vec::new();
    for before in old {
        let place = format!("{place} {}", before.full_name());
        match new.iter().find(|now| now.full_name() == before.full_name()) {
            Some(now) => found.extend(changes(before, now, &place)),
            None => found.push(Change::new("message-removed", &place, "it is gone", Breaks::BOTH)),
        }
    }
    let is_new = |now: &&MessageDescriptor| old.iter().all(|before| before.full_name() != now.full_name());
    for now in new.iter().filter(is_new) {
        let place = format!("{place} {}", now.full_name());
        found.push(Change::addition("message-added", &place, "it is new", Breaks::NOBODY));
    }
    found
}
