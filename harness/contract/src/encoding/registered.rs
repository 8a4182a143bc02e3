//! Schemas as registries have them, and those by which others wrote.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use serde_json::Value;

use super::{DecodeError, avro};

/// The language of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    #[default]
    Avro,
    Protobuf,
    Json,
}

/// A schema as a registry has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaText {
    pub kind: SchemaKind,
    pub text: String,
    /// Schemas that the text names: an Avro type by its full name, a Protobuf file by its path. Each may name those
    /// before it.
    pub imports: Vec<SchemaImport>,
}

/// A schema that another one names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaImport {
    pub name: String,
    pub text: String,
}

/// Where schemas are found by the id that a record says: a registry.
pub trait SchemaSource: Send + Sync {
    /// The schema of that id, `None` if there is none. Called while a record is read, once for each id that is found.
    ///
    /// # Errors
    /// If nobody answers.
    fn by_id(&self, id: u32) -> Result<Option<SchemaText>, String>;
}

/// By which schema a payload was written, if not by the contract's.
#[derive(Debug)]
pub(super) enum Written {
    Avro(Box<apache_avro::Schema>),
    /// Protobuf and JSON are read by the contract's schema, whoever wrote them.
    Protobuf,
    Json,
}

/// The schemas of others, by id, each asked for once.
pub(super) struct Writers {
    source: Arc<dyn SchemaSource>,
    known: RwLock<HashMap<u32, Arc<Written>>>,
}

impl fmt::Debug for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writers")
    }
}

impl Writers {
    pub fn of(source: Arc<dyn SchemaSource>) -> Writers {
        Writers { source, known: RwLock::default() }
    }

    /// What is unknown today may be registered tomorrow: only what was found is kept.
    pub fn of_id(&self, id: u32) -> Result<Arc<Written>, DecodeError> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let unusable = |detail: String| DecodeError::WriterSchema { id, detail };
        let text = self.source.by_id(id).map_err(unusable)?.ok_or(DecodeError::UnknownSchema { id })?;
        let written = Arc::new(written(&text).map_err(unusable)?);
        self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, written.clone());
        Ok(written)
    }
}

fn written(text: &SchemaText) -> Result<Written, String> {
    Ok(match text.kind {
        SchemaKind::Avro => Written::Avro(Box::new(avro::parse(&text.document()?)?)),
        SchemaKind::Protobuf => Written::Protobuf,
        SchemaKind::Json => Written::Json,
    })
}

impl SchemaKind {
    /// Every kind with its name in registries.
    pub const NAMES: [(&'static str, SchemaKind); 3] =
        [("AVRO", SchemaKind::Avro), ("PROTOBUF", SchemaKind::Protobuf), ("JSON", SchemaKind::Json)];

    /// Its name in registries.
    pub fn name(self) -> &'static str {
        SchemaKind::NAMES[self as usize].0
    }
}

impl SchemaText {
    /// The same in one text, as far as the language has that: of Avro.
    pub fn whole(&self) -> SchemaText {
        match (self.kind, self.document()) {
            (SchemaKind::Avro, Ok(document)) if !self.imports.is_empty() => {
                SchemaText { kind: self.kind, text: document.to_string(), imports: Vec::new() }
            }
            _ => self.clone(),
        }
    }

    /// The schema as one JSON document; Avro types that it names stand in it where they are named first. The error says
    /// what is no JSON.
    pub(crate) fn document(&self) -> Result<Value, String> {
        let document = read(&self.text)?;
        let imports: Vec<Value> = self.imports.iter().map(|import| read(&import.text)).collect::<Result<_, _>>()?;
        Ok(avro::with_imports(&document, &imports))
    }
}

/// Registries may hold the bare name of a primitive type.
fn read(text: &str) -> Result<Value, String> {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase());
    if bare { Ok(Value::from(text)) } else { serde_json::from_str(text).map_err(|error| error.to_string()) }
}
