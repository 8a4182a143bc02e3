//! Messages: schema, headers, envelope.

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node};

use super::extension::{Defaults, MessageExtension};
use super::reference::Document;
use crate::{Channel, Message, Schema};

/// Formats whose schemas are JSON Schema.
const JSON_SCHEMA: [&str; 3] = ["application/vnd.aai.asyncapi", "application/schema+json", "application/schema+yaml"];

pub(super) fn read_message<'a>(
    document: &Document<'a>,
    defaults: &Defaults,
    channel: &Channel,
    key: &str,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<Message> {
    let (node, _) = document.follow(node, faults)?;
    let what = format!("message `{key}`");
    let mut fields = Fields::of(node, document.source, &what, faults)?;
    let name = fields.string("name", faults).unwrap_or_else(|| key.to_owned());
    let payload = fields.required("payload", faults);
    let headers = fields.node("headers");
    for known in [
        "title",
        "summary",
        "description",
        "correlationId",
        "contentType",
        "tags",
        "externalDocs",
        "bindings",
        "examples",
    ] {
        fields.node(known);
    }
    if let Some(traits) = fields.node("traits") {
        let message = "message traits are not read yet".to_owned();
        faults.push(
            Diagnostic::error("contract/traits", message)
                .at(document.source, traits.span)
                .help("write what the trait says into the message itself"),
        );
    }
    fields.finish(faults);
    let extension = MessageExtension::read(document, defaults, node, faults);
    let payload = compile(document, payload?, faults)?;
    let headers = match headers {
        Some(headers) => Some(compile(document, headers, faults)?),
        None => None,
    };
    Some(Message {
        name,
        channel: channel.name.clone(),
        topic: channel.topic.clone(),
        payload,
        headers,
        envelope: extension.envelope,
        unique: extension.unique,
        sensitive: extension.sensitive,
    })
}

fn compile<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Option<Schema> {
    let (node, _) = document.follow(node, faults)?;
    let schema = match (node.get("schemaFormat"), node.get("schema")) {
        (Some(format), Some(schema)) => {
            let name = format.scalar_text().unwrap_or_default();
            if !JSON_SCHEMA.iter().any(|known| name.starts_with(known)) {
                let message = format!("schemas in `{name}` are not read yet");
                faults.push(
                    Diagnostic::error("contract/schema-format", message)
                        .at(document.source, format.span)
                        .help(format!("write JSON Schema: {}", JSON_SCHEMA.join(", "))),
                );
                return None;
            }
            schema
        }
        _ => node,
    };
    let json = document.schema(schema, faults)?;
    Schema::compile(json)
        .map_err(|error| {
            let message = format!("this is no JSON Schema: {error}");
            faults.push(Diagnostic::error("contract/schema", message).at(document.source, schema.span));
        })
        .ok()
}
