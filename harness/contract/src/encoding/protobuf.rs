//! Protobuf, by reflection over a `.proto` text: no compiler besides this program is needed.
//!
//! JSON values stand for Protobuf as proto3's JSON mapping has them, but with the fields' own names and with 64 bit integers
//! as numbers.

use std::path::{Path, PathBuf};

use miette::Diagnostic as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FileDescriptor, MessageDescriptor, ReflectMessage,
    SerializeOptions, Value as Part,
};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde_json::Value;

use super::{DecodeError, SchemaError, SchemaImport, SchemaText, begin, messages};

/// The name under which a schema's own text is compiled.
const OWN: &str = "schema.proto";

/// A message type.
#[derive(Debug)]
pub(crate) struct Protobuf {
    descriptor: MessageDescriptor,
    text: String,
    imports: Vec<SchemaImport>,
}

/// The text itself, and what it imports from a folder.
struct Texts {
    own: String,
    folder: Option<PathBuf>,
    imports: Vec<SchemaImport>,
}

impl FileResolver for Texts {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == OWN {
            return File::from_source(name, &self.own);
        }
        if let Some(import) = self.imports.iter().find(|import| import.name == name) {
            return File::from_source(name, &import.text);
        }
        let path = self.folder.as_ref().map(|folder| folder.join(name)).filter(|path| path.is_file());
        path.map_or_else(|| Err(protox::Error::file_not_found(name)), |path| File::open(name, &path))
    }
}

impl Protobuf {
    /// Compiles a text; imports are looked for in `folder`. Gives the codec and the JSON Schema of its values. The message
    /// is the one of that name, or the only one at the top. The error is the compiler's own.
    pub fn new(text: &str, folder: &Path, message: Option<&str>) -> Result<(Protobuf, Value), SchemaError> {
        let texts = Texts { own: text.to_owned(), folder: Some(folder.to_owned()), imports: Vec::new() };
        let pool = compile(texts)?;
        let descriptor = message_of(&pool, message)?;
        let shape = messages::json_schema(&descriptor);
        let imports = imports(&descriptor.parent_file(), folder);
        Ok((Protobuf { descriptor, text: text.to_owned(), imports }, shape))
    }

    /// The messages at the top of a text, with imports as a registry has them.
    pub fn messages(text: &SchemaText) -> Result<Vec<MessageDescriptor>, SchemaError> {
        let pool = compile(Texts { own: text.text.clone(), folder: None, imports: text.imports.clone() })?;
        Ok(pool.get_file_by_name(OWN).map(|own| own.messages().collect()).unwrap_or_default())
    }

    pub fn descriptor(&self) -> &MessageDescriptor {
        &self.descriptor
    }

    /// The schema as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files of the pack that it imports, each behind those that it imports itself.
    pub fn imports(&self) -> &[SchemaImport] {
        &self.imports
    }

    /// A payload, behind Confluent's message indexes if it is framed. Fields that the schema does not have are an error,
    /// but for who wrote by another version.
    pub fn decode(&self, bytes: &[u8], framed: bool, by_other: bool) -> Result<Value, DecodeError> {
        let failed = |detail: String| DecodeError::Protobuf { detail, begin: begin(bytes) };
        let rest = match framed {
            true => behind_indexes(bytes).ok_or_else(|| failed("the message indexes do not end".to_owned()))?,
            false => bytes,
        };
        let message =
            DynamicMessage::decode(self.descriptor.clone(), rest).map_err(|error| failed(error.to_string()))?;
        if let Some((name, number)) = unknown(&message).filter(|_| !by_other) {
            return Err(failed(format!("{name} has no field {number}")));
        }
        let options = SerializeOptions::new()
            .stringify_64_bit_integers(false)
            .use_proto_field_name(true)
            .skip_default_fields(false);
        message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| failed(error.to_string()))
    }

    pub fn encode(&self, value: &Value, framed: bool) -> Result<Vec<u8>, String> {
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message = DynamicMessage::deserialize_with_options(self.descriptor.clone(), value, &options);
        let message = message.map_err(|error| error.to_string())?;
        let mut payload = if framed { indexes(&self.descriptor) } else { Vec::new() };
        payload.extend(prost_reflect::prost::Message::encode_to_vec(&message));
        Ok(payload)
    }
}

fn compile(texts: Texts) -> Result<DescriptorPool, SchemaError> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(GoogleFileResolver::new());
    resolver.add(texts);
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file(OWN).map_err(|error| placed(&error))?;
    Ok(compiler.descriptor_pool())
}

fn imports(file: &FileDescriptor, folder: &Path) -> Vec<SchemaImport> {
    let mut found: Vec<SchemaImport> = Vec::new();
    for import in file.dependencies().filter(|import| !import.name().starts_with("google/protobuf/")) {
        found.extend(imports(&import, folder));
        // It was read a moment ago.
        let text = std::fs::read_to_string(folder.join(import.name())).unwrap_or_default();
        found.push(SchemaImport { name: import.name().to_owned(), text });
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|import| seen.insert(import.name.clone()));
    found
}

/// The compiler's error, with the place in our own text if that is where it is.
fn placed(error: &protox::Error) -> SchemaError {
    let own = error.file().is_none_or(|file| file == OWN);
    let label = error.labels().and_then(|mut labels| labels.next()).filter(|_| own);
    SchemaError { message: error.to_string(), at: label.map(|label| label.offset()..label.offset() + label.len()) }
}

fn message_of(pool: &DescriptorPool, name: Option<&str>) -> Result<MessageDescriptor, String> {
    let own = pool.get_file_by_name(OWN).ok_or("the text was not compiled")?;
    let top: Vec<MessageDescriptor> = own.messages().collect();
    let names = || top.iter().map(|message| message.full_name().to_owned()).collect::<Vec<_>>().join(", ");
    match (name, &top[..]) {
        (Some(name), _) => {
            let found = pool.all_messages().find(|message| message.full_name() == name || message.name() == name);
            found.ok_or_else(|| format!("it has no message {name}; there are: {}", names()))
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            Err(format!("it has several messages ({}): say which by `protobuf_message` in x-eventproof", names()))
        }
    }
}

/// The first field, of the message or one within it, that the schema does not have: its message and number.
fn unknown(message: &DynamicMessage) -> Option<(String, u32)> {
    let own = message.unknown_fields().next().map(|field| (message.descriptor().name().to_owned(), field.number()));
    own.or_else(|| message.fields().find_map(|(_, part)| unknown_in(part)))
}

fn unknown_in(part: &Part) -> Option<(String, u32)> {
    match part {
        Part::Message(message) => unknown(message),
        Part::List(parts) => parts.iter().find_map(unknown_in),
        Part::Map(parts) => parts.values().find_map(unknown_in),
        _ => None,
    }
}

/// Confluent's message indexes: the way to a message from the top of its file, each number a zigzag varint behind their
/// count; a single zero stands for the first message.
fn indexes(descriptor: &MessageDescriptor) -> Vec<u8> {
    // The path of a descriptor is pairs of field number and index.
    let path: Vec<i64> = descriptor.path().iter().skip(1).step_by(2).map(|index| i64::from(*index)).collect();
    if path == [0] {
        return vec![0];
    }
    let mut out = Vec::new();
    for number in std::iter::once(path.len() as i64).chain(path) {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        while zigzag >= 0x80 {
            out.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag as u8);
    }
    out
}

fn behind_indexes(mut bytes: &[u8]) -> Option<&[u8]> {
    let count = varint(&mut bytes)?;
    for _ in 0..count.min(64) {
        varint(&mut bytes)?;
    }
    Some(bytes)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut zigzag = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(zigzag >> 1);
        }
    }
    None
}
