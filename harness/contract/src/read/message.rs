//! Messages: schema, headers, envelope.

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Span};

use super::extension::{Defaults, MessageExtension, expression};
use super::keyword::check_keywords;
use super::reference::Document;
use super::schema::fill;
use crate::{Also, Channel, Contract, Expression, Framing, Message, Schema, SchemaError, SchemaImport};

/// Formats whose schemas are JSON Schema.
const JSON_SCHEMA: [&str; 3] = ["application/vnd.aai.asyncapi", "application/schema+json", "application/schema+yaml"];

/// The format whose schemas are Avro's.
const AVRO: &str = "application/vnd.apache.avro";

/// The format whose schemas are Protobuf's.
const PROTOBUF: &str = "application/vnd.google.protobuf";

/// What a schema alone does not say of its bytes.
#[derive(Default)]
struct Wire {
    framing: Framing,
    references: Vec<SchemaImport>,
    /// Which message of a Protobuf schema it is.
    message: Option<String>,
}

impl Wire {
    fn of(document: &Document<'_>, extension: &MessageExtension<'_>, faults: &mut Diagnostics) -> Wire {
        let mut references = Vec::new();
        for node in &extension.references {
            match SchemaImport::of_avro(&node.to_json()) {
                Some(import) => references.push(import),
                None => {
                    let message = "a schema that others name needs a `name`".to_owned();
                    faults.push(Diagnostic::error("contract/schema", message).at(document.source, node.span));
                }
            }
        }
        Wire { framing: extension.framing, references, message: extension.protobuf_message.clone() }
    }
}

pub(super) fn read_message<'a>(
    document: &Document<'a>,
    defaults: &Defaults,
    contract: &Contract,
    channel: &Channel,
    key: &str,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<Message> {
    let (node, _) = document.follow(node, faults)?;
    let what = format!("message `{key}`");
    let mut fields = Fields::of(node, document.source, &what, faults)?;
    let type_name = fields.string("name", faults).unwrap_or_else(|| key.to_owned());
    let is_taken = contract.message(&type_name).is_some();
    let name = if is_taken { key.to_owned() } else { type_name.clone() };
    let payload = fields.node("payload");
    let headers = fields.node("headers");
    let correlation = fields.node("correlationId");
    let content_type = fields.string("contentType", faults).or_else(|| defaults.content_type.clone());
    let binding = document.kafka_binding(fields.node("bindings"), faults);
    for known in ["title", "summary", "description", "tags", "externalDocs", "examples"] {
        fields.node(known);
    }
    fields.finish(faults);
    let mut extension = MessageExtension::read(document, defaults, node, faults);
    if extension.envelope.correlation.is_none() {
        extension.envelope.correlation = correlation.and_then(|node| correlation_id(document, node, faults));
    }
    let wire = Wire::of(document, &extension, faults);
    // What was before is in the format of what is now.
    let now = payload.filter(|_| !extension.earlier.is_empty()).and_then(|node| document.follow_any(node, faults));
    let format = now.and_then(|node| node.get("schemaFormat"));
    let earlier =
        extension.earlier.iter().filter_map(|node| compile_in(document, format, node, &wire, faults)).collect();
    let payload = match payload {
        Some(payload) => compile(document, payload, &wire, faults)?,
        // AsyncAPI lets a message say nothing of its payload: then anything is right.
        None => Schema::opaque().ok()?,
    };
    let headers = headers
        .map(|headers| compile(document, headers, &Wire::default(), faults))
        .map_or(Some(None), |read| read.map(Some))?;
    let key = binding.and_then(|binding| read_binding(document, binding, faults));
    let compiled = extension.also.into_iter().map(|(at, node)| {
        let schema = compile(document, node, &Wire::default(), faults)?;
        Some(Also { at, schema })
    });
    let also = compiled.collect::<Option<_>>()?;
    Some(Message {
        name,
        type_name,
        channel: channel.name.clone(),
        topic: channel.topic.clone(),
        payload,
        earlier,
        headers,
        key,
        content_type,
        envelope: extension.envelope,
        registration: extension.registration,
        unique: extension.unique,
        sensitive: extension.sensitive,
        fresh: extension.fresh,
        also,
    })
}

/// The schema of the key.
fn read_binding<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Option<Schema> {
    let node = document.follow_any(node, faults)?;
    let mut fields = Fields::of(node, document.source, "the Kafka binding of a message", faults)?;
    let key = fields.node("key");
    for known in ["schemaIdLocation", "schemaIdPayloadEncoding", "schemaLookupStrategy", "bindingVersion"] {
        fields.node(known);
    }
    fields.finish(faults);
    compile(document, key?, &Wire::default(), faults)
}

/// Where AsyncAPI's own `correlationId` says that it stands.
fn correlation_id<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Option<Expression> {
    let node = document.follow_any(node, faults)?;
    let location = node.get("location")?;
    expression(document, location, faults)
}

/// A schema in whichever of the languages that are read here.
fn compile<'a>(document: &Document<'a>, node: &'a Node, wire: &Wire, faults: &mut Diagnostics) -> Option<Schema> {
    let node = document.follow_any(node, faults)?;
    match (node.get("schemaFormat"), node.get("schema")) {
        (Some(format), Some(schema)) => compile_in(document, Some(format), schema, wire, faults),
        _ => compile_in(document, None, node, wire, faults),
    }
}

fn compile_in<'a>(
    document: &Document<'a>,
    format: Option<&Node>,
    schema: &'a Node,
    wire: &Wire,
    faults: &mut Diagnostics,
) -> Option<Schema> {
    let name = format.and_then(Node::scalar_text).unwrap_or_default();
    let (language, schema, compiled) = if format.is_none() || JSON_SCHEMA.iter().any(|known| name.starts_with(known)) {
        check_keywords(document, schema, faults);
        ("JSON Schema", schema, Schema::json(fill(document, schema, faults)?, wire.framing))
    } else if name.starts_with(AVRO) {
        let schema = document.follow_any(schema, faults)?;
        ("Avro schema", schema, Schema::avro_with(&schema.to_json(), wire.references.clone(), wire.framing))
    } else if name.starts_with(PROTOBUF) {
        let schema = document.follow_any(schema, faults)?;
        let (text, folder) = (schema.as_str().unwrap_or_default(), document.folder_of(schema));
        ("Protobuf schema", schema, Schema::protobuf(text, &folder, wire.message.as_deref(), wire.framing))
    } else {
        faults.push(unknown_format(&name).at(document.source, format.map_or(schema.span, |format| format.span)));
        return None;
    };
    let fault = |error: SchemaError| {
        let message = format!("this is no {language}: {error}");
        faults.push(Diagnostic::error("contract/schema", message).at(document.source, place(schema, &error)));
    };
    compiled.map_err(fault).ok()
}

/// Where a schema is wrong: within a file that is one text as a whole, or else the schema.
fn place(schema: &Node, error: &SchemaError) -> Span {
    let whole = schema.as_str().is_some() && schema.span.start == schema.span.end;
    match error.at.clone().filter(|_| whole) {
        Some(at) => Span { start: schema.span.start + at.start, end: schema.span.start + at.end },
        None => schema.span,
    }
}

fn unknown_format(name: &str) -> Diagnostic {
    let message = format!("schemas in `{name}` are not read");
    let known = JSON_SCHEMA.into_iter().chain([AVRO, PROTOBUF]).collect::<Vec<_>>().join(", ");
    Diagnostic::error("contract/schema-format", message).help(format!("the formats are: {known}"))
}
