//! Channels and their Kafka binding.

use std::collections::BTreeMap;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Value};

use super::parameter;
use super::reference::Document;
use crate::Channel;

/// A channel, and its messages as they are referred to.
pub(super) fn read_channel<'a>(
    document: &Document<'a>,
    name: &str,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<(Channel, Vec<(&'a str, &'a Node)>)> {
    let (node, _) = document.follow(node, faults)?;
    let mut fields = Fields::of(node, document.source, &format!("channel `{name}`"), faults)?;
    let address = fields.node("address");
    let parameters = fields.node("parameters");
    let description = fields.string("description", faults).or_else(|| fields.string("title", faults));
    for known in ["title", "summary", "servers", "tags", "externalDocs"] {
        fields.node(known);
    }
    let messages = fields.node("messages").and_then(Node::entries).unwrap_or_default();
    let binding = document.kafka_binding(fields.node("bindings"), faults);
    fields.finish(faults);
    let mut channel = Channel { name: name.to_owned(), ..Channel::default() };
    let topic = binding.and_then(|binding| read_binding(document, binding, &mut channel, faults));
    let written = address.and_then(Node::scalar_text);
    let filled = written.map(|text| match &topic {
        Some(_) => text,
        None => parameter::address(document, name, text, parameters, address.unwrap_or(node), faults),
    });
    let unknown = address.is_some_and(|address| address.value == Value::Null).then(|| {
        // AsyncAPI's way to say that only the running system knows.
        parameter::address(document, name, format!("{{{name}}}"), None, address.unwrap_or(node), faults)
    });
    let Some(topic) = topic.or(filled).or(unknown) else {
        let message = format!("channel `{name}` has neither `address` nor a Kafka `topic`");
        faults.push(Diagnostic::error("contract/no-topic", message).at(document.source, node.span));
        return None;
    };
    channel.topic = topic;
    if !channel.has_legal_name() {
        let message = format!("`{}` can be the name of no topic", channel.topic);
        let at = address.unwrap_or(node).span;
        faults.push(Diagnostic::warning("contract/topic-name", message).at(document.source, at).help(
            "its records are not observed; names are letters, digits, `.`, `_`, `-`: give the Kafka binding a `topic`",
        ));
    }
    channel.description = description.unwrap_or_default();
    Some((channel, messages.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect()))
}

/// The topic that the binding names, if it does.
fn read_binding(
    document: &Document<'_>,
    node: &Node,
    channel: &mut Channel,
    faults: &mut Diagnostics,
) -> Option<String> {
    let mut fields = Fields::of(node, document.source, "the Kafka binding of a channel", faults)?;
    let topic = fields.string("topic", faults);
    channel.partitions = fields.parsed("partitions", faults, |text| positive(text, "partitions"));
    channel.replicas = fields.parsed("replicas", faults, |text| positive(text, "replicas"));
    fields.node("bindingVersion");
    if let Some(configuration) = fields.node("topicConfiguration") {
        channel.config = configuration
            .entries()
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.clone(), config_text(&entry.value)))
            .collect::<BTreeMap<_, _>>();
    }
    fields.finish(faults);
    topic
}

fn positive<T: TryFrom<u32>>(text: &str, what: &str) -> Result<T, String> {
    let number = text.parse::<u32>().ok().filter(|number| *number > 0);
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("`{what}` must be a whole number from 1, this is `{text}`"))
}

/// Kafka writes lists with commas.
fn config_text(node: &Node) -> String {
    match &node.value {
        Value::Seq(items) => items.iter().filter_map(Node::scalar_text).collect::<Vec<_>>().join(","),
        _ => node.scalar_text().unwrap_or_default(),
    }
}
