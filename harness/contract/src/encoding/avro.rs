//! Avro, binary, by one schema.
//!
//! JSON values stand for Avro as Avro's own JSON encoding has them, but for unions: a value stands there without the
//! name of its branch. Bytes and fixed are texts of one character (U+0000 to U+00FF) a byte. Logical types stay what they
//! are underneath: a timestamp is a number.

use std::collections::HashMap;
use std::io::Read;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::NamespaceRef;
use apache_avro::types::Value as AvroValue;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::{Map, Value};

use super::shape;
use super::{DecodeError, begin};

pub(super) use super::imports::with_imports;

/// A schema.
#[derive(Debug)]
pub(crate) struct Avro {
    schema: Schema,
    /// Named types by full name.
    names: HashMap<String, Schema>,
    document: Value,
    /// As it was written, types of other files by name only.
    written: String,
}

/// A schema as it is read here: logical types are taken out. The error is Avro's own.
pub(super) fn parse(document: &Value) -> Result<Schema, String> {
    Schema::parse(&shape::without_logical_types(document)).map_err(|error| error.to_string())
}

impl Avro {
    /// Reads a schema; gives the codec and the JSON Schema of its values. The error is Avro's own.
    pub fn new(document: &Value, written: String) -> Result<(Avro, Value), String> {
        let schema = parse(document)?;
        let mut names = HashMap::new();
        collect(&schema, None, &mut names);
        let json_schema = shape::json_schema(&schema, &names);
        Ok((Avro { schema, names, document: document.clone(), written }, json_schema))
    }

    /// The schema, logical types taken out.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Its named types by full name.
    pub fn names(&self) -> &HashMap<String, Schema> {
        &self.names
    }

    /// The schema as it was written, types of other files by name only.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The whole schema.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// A payload that was written by this schema, or by another one whose values are then resolved to this one.
    pub fn decode(&self, bytes: &[u8], writer: Option<&Schema>) -> Result<Value, DecodeError> {
        let mut left = Left { bytes, missed: false };
        let failed = |detail: String| DecodeError::Avro { detail, begin: begin(bytes) };
        let reader = match writer {
            None => GenericDatumReader::builder(&self.schema).build(),
            Some(writer) => GenericDatumReader::builder(writer).reader_schema(&self.schema).build(),
        };
        let value =
            reader.and_then(|reader| reader.read_value(&mut left)).map_err(|error| failed(error.to_string()))?;
        let value = if left.missed { None } else { self.json_of(value, &self.schema, None) };
        match (value, left.bytes.len()) {
            (Some(value), 0) => Ok(value),
            (None, 0) => Err(failed("they end too early".to_owned())),
            (_, left) => Err(failed(format!("{left} bytes are left over"))),
        }
    }

    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, String> {
        let typed = self.typed(value, &self.schema, None, "")?;
        let writer = GenericDatumWriter::builder(&self.schema).build();
        writer.and_then(|writer| writer.write_value_to_vec(typed)).map_err(|error| error.to_string())
    }

    /// The value as JSON. `None` where there is nothing although the schema has something there: the reader gives that,
    /// and no error, for a text whose bytes are missing.
    fn json_of(&self, value: AvroValue, schema: &Schema, within: NamespaceRef<'_>) -> Option<Value> {
        Some(match (value, schema) {
            (value, Schema::Ref { name }) => {
                let name = name.fullname(within);
                self.json_of(value, self.names.get(&name)?, namespace_of(&name))?
            }
            (AvroValue::Null, Schema::Null) => Value::Null,
            (AvroValue::Boolean(flag), _) => flag.into(),
            (AvroValue::Int(number), _) => number.into(),
            (AvroValue::Long(number), _) => number.into(),
            (AvroValue::Float(number), _) => number.into(),
            (AvroValue::Double(number), _) => number.into(),
            (AvroValue::String(text) | AvroValue::Enum(_, text), _) => text.into(),
            (AvroValue::Bytes(bytes) | AvroValue::Fixed(_, bytes), _) => {
                bytes.into_iter().map(char::from).collect::<String>().into()
            }
            (AvroValue::Union(at, inner), Schema::Union(union)) => {
                self.json_of(*inner, union.variants().get(at as usize)?, within)?
            }
            (AvroValue::Array(items), Schema::Array(array)) => {
                let items = items.into_iter().map(|item| self.json_of(item, &array.items, within));
                Value::Array(items.collect::<Option<_>>()?)
            }
            (AvroValue::Map(entries), Schema::Map(map)) => {
                let entries = entries.into_iter();
                let entries = entries.map(|(key, value)| Some((key, self.json_of(value, &map.types, within)?)));
                Value::Object(entries.collect::<Option<Map<_, _>>>()?)
            }
            (AvroValue::Record(values), Schema::Record(record)) => {
                let within = record.name.namespace().or(within);
                let fields = values.into_iter().zip(&record.fields);
                let fields =
                    fields.map(|((key, value), field)| Some((key, self.json_of(value, &field.schema, within)?)));
                Value::Object(fields.collect::<Option<Map<_, _>>>()?)
            }
            _ => return None,
        })
    }

    /// Of the branches of a union into which a value can be put the first that holds all of it: another may drop fields, or digits.
    fn holding(
        &self,
        value: &Value,
        mut fit: Vec<AvroValue>,
        union: &Schema,
        within: NamespaceRef<'_>,
    ) -> Option<AvroValue> {
        let holds = |one: &AvroValue| self.json_of(one.clone(), union, within).as_ref() == Some(value);
        let whole = if fit.len() > 1 { fit.iter().position(holds) } else { None };
        (!fit.is_empty()).then(|| fit.swap_remove(whole.unwrap_or(0)))
    }

    /// The value as the schema has it; the error names the place.
    fn typed(
        &self,
        value: &Value,
        schema: &Schema,
        within: NamespaceRef<'_>,
        place: &str,
    ) -> Result<AvroValue, String> {
        let wrong = |expected: &str| format!("{}: {expected} is expected, this is {value}", place_name(place));
        match schema {
            Schema::Null => value.is_null().then_some(AvroValue::Null).ok_or_else(|| wrong("null")),
            Schema::Boolean => value.as_bool().map(AvroValue::Boolean).ok_or_else(|| wrong("true or false")),
            Schema::Int => {
                let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                number.map(AvroValue::Int).ok_or_else(|| wrong("an int (32 bit)"))
            }
            Schema::Long => value.as_i64().map(AvroValue::Long).ok_or_else(|| wrong("a long (64 bit)")),
            Schema::Float => value.as_f64().map(|n| AvroValue::Float(n as f32)).ok_or_else(|| wrong("a number")),
            Schema::Double => value.as_f64().map(AvroValue::Double).ok_or_else(|| wrong("a number")),
            Schema::String => value.as_str().map(|s| AvroValue::String(s.to_owned())).ok_or_else(|| wrong("a text")),
            Schema::Bytes => latin(value).map(AvroValue::Bytes).ok_or_else(|| wrong("a text of bytes")),
            Schema::Fixed(fixed) => latin(value)
                .filter(|bytes| bytes.len() == fixed.size)
                .map(|bytes| AvroValue::Fixed(fixed.size, bytes))
                .ok_or_else(|| wrong(&format!("a text of {} bytes", fixed.size))),
            Schema::Enum(symbols) => {
                let found = value.as_str().and_then(|text| symbols.symbols.iter().position(|symbol| symbol == text));
                let found = found.ok_or_else(|| wrong(&format!("one of {}", symbols.symbols.join(", "))))?;
                Ok(AvroValue::Enum(found as u32, symbols.symbols[found].clone()))
            }
            Schema::Array(array) => {
                let items = value.as_array().ok_or_else(|| wrong("a list"))?;
                let typed = |(at, item)| self.typed(item, &array.items, within, &format!("{place}/{at}"));
                items.iter().enumerate().map(typed).collect::<Result<_, _>>().map(AvroValue::Array)
            }
            Schema::Map(map) => {
                let entries = value.as_object().ok_or_else(|| wrong("a mapping"))?;
                let typed = |(key, item): (&String, &Value)| {
                    Ok((key.clone(), self.typed(item, &map.types, within, &format!("{place}/{key}"))?))
                };
                entries.iter().map(typed).collect::<Result<_, String>>().map(AvroValue::Map)
            }
            Schema::Union(union) => {
                let branch = |(at, one): (usize, &Schema)| {
                    self.typed(value, one, within, place).map(|typed| AvroValue::Union(at as u32, Box::new(typed)))
                };
                let fit = union.variants().iter().enumerate().map(branch).filter_map(Result::ok).collect();
                self.holding(value, fit, schema, within).ok_or_else(|| wrong("one of the union's branches"))
            }
            Schema::Record(record) => {
                let fields = value.as_object().ok_or_else(|| wrong("a record"))?;
                let within = record.name.namespace().or(within);
                let typed = |field: &apache_avro::schema::RecordField| {
                    let given = fields.get(&field.name).or(field.default.as_ref());
                    let given =
                        given.ok_or_else(|| format!("{}: the field {} is missing", place_name(place), field.name))?;
                    let place = format!("{place}/{}", field.name);
                    Ok((field.name.clone(), self.typed(given, &field.schema, within, &place)?))
                };
                record.fields.iter().map(typed).collect::<Result<_, String>>().map(AvroValue::Record)
            }
            Schema::Ref { name } => {
                let name = name.fullname(within);
                let target = self.names.get(&name).ok_or_else(|| format!("{place}: no type is called {name}"))?;
                self.typed(value, target, namespace_of(&name), place)
            }
            other => Err(format!("{place}: {other:?} is not written here")),
        }
    }
}

/// What is left of a payload, and whether more of it was asked for than there is: the reader takes a branch of a union that is not there
/// for the first, and gives nothing, and no error, for a text whose bytes are missing.
struct Left<'b> {
    bytes: &'b [u8],
    missed: bool,
}

impl Read for Left<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(into)?;
        self.missed |= read < into.len();
        Ok(read)
    }
}

fn place_name(place: &str) -> &str {
    if place.is_empty() { "the record" } else { place }
}

fn namespace_of(name: &str) -> NamespaceRef<'_> {
    name.rsplit_once('.').map(|(namespace, _)| namespace)
}

/// Every named type, so that references find it.
fn collect(schema: &Schema, within: NamespaceRef<'_>, names: &mut HashMap<String, Schema>) {
    match schema {
        Schema::Record(record) => {
            names.insert(record.name.fullname(within), schema.clone());
            let within = record.name.namespace().or(within);
            record.fields.iter().for_each(|field| collect(&field.schema, within, names));
        }
        Schema::Enum(named) => drop(names.insert(named.name.fullname(within), schema.clone())),
        Schema::Fixed(named) => drop(names.insert(named.name.fullname(within), schema.clone())),
        Schema::Array(array) => collect(&array.items, within, names),
        Schema::Map(map) => collect(&map.types, within, names),
        Schema::Union(union) => union.variants().iter().for_each(|one| collect(one, within, names)),
        _ => {}
    }
}

/// Bytes from a text of one character a byte.
fn latin(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}
