//! Avro schemas, by the rules of schema resolution in Avro's specification: can a reader that has one schema read what was
//! written by the other?

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{NamespaceRef, RecordField};

use super::{Breaks, Change};
use crate::encoding::Avro;

/// Every difference that keeps the one from reading the other, in both directions.
pub(super) fn changes(old: &Avro, new: &Avro, place: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    // Readers by the new contract, of what producers wrote by the old one.
    for (at, why) in unreadable(old, new) {
        changes.push(note(place, &at, format!("what was written before cannot be read: {why}"), Breaks::PRODUCERS));
    }
    // Readers by the old contract, of what is written by the new one.
    for (at, why) in unreadable(new, old) {
        changes.push(note(place, &at, format!("who reads by the old schema cannot read it: {why}"), Breaks::CONSUMERS));
    }
    changes.extend(super::avro_fields::changes(old.document(), new.document(), place));
    if changes.is_empty() && old.document() != new.document() {
        let text = "the schema is another; each reads what the other writes";
        changes.push(Change::addition("schema-evolved", place, text, Breaks::NOBODY));
    }
    changes
}

fn note(place: &str, at: &str, message: String, breaks: Breaks) -> Change {
    let place = if at.is_empty() { place.to_owned() } else { format!("{place} {at}") };
    Change::new("schema-incompatible", &place, message, breaks)
}

/// Where, and why, a reader cannot read what the writer writes.
fn unreadable(writer: &Avro, reader: &Avro) -> Vec<(String, String)> {
    let mut reading = Reading { writer: writer.names(), reader: reader.names(), open: Vec::new(), found: Vec::new() };
    reading.schemas(Side::of(writer.schema()), Side::of(reader.schema()), "");
    reading.found
}

/// A schema and the namespace in which it stands.
#[derive(Clone, Copy)]
struct Side<'s> {
    schema: &'s Schema,
    within: NamespaceRef<'s>,
}

impl<'s> Side<'s> {
    fn of(schema: &'s Schema) -> Side<'s> {
        Side { schema, within: None }
    }

    fn inner(self, schema: &'s Schema) -> Side<'s> {
        Side { schema, ..self }
    }

    /// What a reference stands for.
    fn resolved(self, names: &'s HashMap<String, Schema>) -> Side<'s> {
        let Schema::Ref { name } = self.schema else { return self };
        let found = names.get_key_value(&name.fullname(self.within));
        found.map_or(self, |(name, schema)| Side {
            schema,
            within: name.rsplit_once('.').map(|(namespace, _)| namespace),
        })
    }

    /// The full name of a named type.
    fn name(self) -> Option<String> {
        self.schema.name().map(|name| name.fullname(self.within))
    }
}

struct Reading<'s> {
    writer: &'s HashMap<String, Schema>,
    reader: &'s HashMap<String, Schema>,
    /// Pairs of named types that are being compared.
    open: Vec<(String, String)>,
    found: Vec<(String, String)>,
}

impl<'s> Reading<'s> {
    fn fails(&mut self, at: &str, why: String) {
        self.found.push((at.to_owned(), why));
    }

    fn schemas(&mut self, writer: Side<'s>, reader: Side<'s>, at: &str) {
        let (writer, reader) = (writer.resolved(self.writer), reader.resolved(self.reader));
        let pair = writer.name().zip(reader.name());
        if pair.as_ref().is_some_and(|pair| self.open.contains(pair)) {
            return;
        }
        self.open.extend(pair.clone());
        self.compared(writer, reader, at);
        if pair.is_some() {
            self.open.pop();
        }
    }

    fn compared(&mut self, writer: Side<'s>, reader: Side<'s>, at: &str) {
        match (writer.schema, reader.schema) {
            (Schema::Union(branches), _) => {
                for branch in branches.variants() {
                    self.schemas(writer.inner(branch), reader, at);
                }
            }
            (_, Schema::Union(branches)) => self.one_of(writer, reader, branches.variants(), at),
            (Schema::Array(written), Schema::Array(read)) => {
                self.schemas(writer.inner(&written.items), reader.inner(&read.items), &format!("{at}/0"));
            }
            (Schema::Map(written), Schema::Map(read)) => {
                self.schemas(writer.inner(&written.types), reader.inner(&read.types), &format!("{at}/*"));
            }
            (Schema::Record(written), Schema::Record(read)) => {
                self.names(writer, reader, at);
                let (of_writer, of_reader) = (written.name.namespace(), read.name.namespace());
                let writer = Side { within: of_writer.or(writer.within), ..writer };
                let reader = Side { within: of_reader.or(reader.within), ..reader };
                for field in &read.fields {
                    self.field(writer, &written.fields, reader, field, at);
                }
            }
            (Schema::Enum(written), Schema::Enum(read)) => {
                self.names(writer, reader, at);
                let unknown: Vec<&str> = written
                    .symbols
                    .iter()
                    .filter(|symbol| !read.symbols.contains(symbol))
                    .map(String::as_str)
                    .collect();
                if !unknown.is_empty() && read.default.is_none() {
                    self.fails(
                        at,
                        format!("the symbols {} are unknown to the reader, which has no default", unknown.join(", ")),
                    );
                }
            }
            (Schema::Fixed(written), Schema::Fixed(read)) => {
                self.names(writer, reader, at);
                if written.size != read.size {
                    self.fails(at, format!("fixed of {} bytes, the reader has {}", written.size, read.size));
                }
            }
            (written, read) if promotes(written, read) => {}
            (written, read) => self.fails(at, format!("{} cannot be read as {}", kind(written), kind(read))),
        }
    }

    /// What is written must be readable by one of the reader's branches.
    fn one_of(&mut self, writer: Side<'s>, reader: Side<'s>, branches: &'s [Schema], at: &str) {
        let fits = |branch: &&'s Schema| {
            let mut trial =
                Reading { writer: self.writer, reader: self.reader, open: self.open.clone(), found: Vec::new() };
            trial.schemas(writer, reader.inner(branch), at);
            trial.found.is_empty()
        };
        if !branches.iter().any(|branch| fits(&branch)) {
            self.fails(at, format!("{} is in no branch of the reader's union", kind(writer.schema)));
        }
    }

    /// Names are compared without their namespace, as Avro's own implementations do; the reader's aliases count.
    fn names(&mut self, writer: Side<'s>, reader: Side<'s>, at: &str) {
        let (Some(written), Some(read)) = (writer.schema.name(), reader.schema.name()) else { return };
        let full = written.fullname(writer.within);
        let aliases = reader.schema.aliases().into_iter().flatten();
        let known = written.name() == read.name()
            || aliases.into_iter().any(|alias| alias.fullname(reader.within) == full || alias.name() == written.name());
        if !known {
            self.fails(at, format!("it is called {}, the reader expects {}", written.name(), read.name()));
        }
    }

    fn field(
        &mut self,
        writer: Side<'s>,
        written: &'s [RecordField],
        reader: Side<'s>,
        read: &'s RecordField,
        at: &str,
    ) {
        let place = format!("{at}/{}", read.name);
        let found = written.iter().find(|field| field.name == read.name || read.aliases.contains(&field.name));
        match found {
            Some(field) => self.schemas(writer.inner(&field.schema), reader.inner(&read.schema), &place),
            None if read.default.is_some() => {}
            None => self.fails(&place, "it is not written, and the reader has no default".to_owned()),
        }
    }
}

/// Avro's promotions, and every type to itself.
fn promotes(written: &Schema, read: &Schema) -> bool {
    use Schema::{Boolean, Bytes, Double, Float, Int, Long, Null, String};
    matches!(
        (written, read),
        (Null, Null)
            | (Boolean, Boolean)
            | (Int, Int | Long | Float | Double)
            | (Long, Long | Float | Double)
            | (Float, Float | Double)
            | (Double, Double)
            | (String | Bytes, String | Bytes)
    )
}

fn kind(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Array(_) => "an array",
        Schema::Map(_) => "a map",
        Schema::Union(_) => "a union",
        Schema::Record(_) => "a record",
        Schema::Enum(_) => "an enum",
        Schema::Fixed(_) => "fixed",
        _ => "this type",
    }
}
