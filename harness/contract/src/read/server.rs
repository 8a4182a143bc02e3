//! Servers: where the document says that its brokers are.

use eventproof_source::{Diagnostics, Fields, Node};

use super::reference::Document;
use crate::Server;

pub(super) fn read_servers<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Vec<Server> {
    let entries = node.entries().unwrap_or_default();
    entries.iter().filter_map(|entry| read_server(document, &entry.key, &entry.value, faults)).collect()
}

fn read_server<'a>(document: &Document<'a>, name: &str, node: &'a Node, faults: &mut Diagnostics) -> Option<Server> {
    let node = document.follow_any(node, faults)?;
    let mut fields = Fields::of(node, document.source, &format!("server `{name}`"), faults)?;
    let host = fields.required_string("host", faults);
    let protocol = fields.required_string("protocol", faults);
    for known in [
        "protocolVersion",
        "pathname",
        "description",
        "title",
        "summary",
        "variables",
        "security",
        "tags",
        "externalDocs",
    ] {
        fields.node(known);
    }
    let binding = document.kafka_binding(fields.node("bindings"), faults);
    fields.finish(faults);
    let (mut registry_url, mut registry_vendor) = (None, None);
    if let Some(mut fields) =
        binding.and_then(|binding| Fields::of(binding, document.source, "the Kafka binding of a server", faults))
    {
        registry_url = fields.string("schemaRegistryUrl", faults);
        registry_vendor = fields.string("schemaRegistryVendor", faults);
        fields.node("bindingVersion");
        fields.finish(faults);
    }
    Some(Server { name: name.to_owned(), host: host?, protocol: protocol?, registry_url, registry_vendor })
}
